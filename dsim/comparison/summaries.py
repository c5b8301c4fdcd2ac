"""One summary per dataset, computed once and cached by everything it depends on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, get_args, get_origin

from dsim.comparison.plan import Plan
from dsim.data import TREATMENT_VERSION
from dsim.errors import DsimError, MeasureError, TooFewSamplesError
from dsim.measures import SimilarityMeasure
from dsim.random import stream

if TYPE_CHECKING:
    from dsim.store import ContentStore


def run_jobs(jobs: int, tasks: Sequence[Callable[[], Any]], done: Callable[[int, Any], None]) -> None:
    """Run tasks, handing each result on, in order, as soon as it is there: what was handed on survives an interrupt.

    joblib is asked for threads, so that an enclosing ``joblib.parallel_config(backend="dask")`` still decides. Raises
    what a task raises.
    """
    if jobs == 1 or len(tasks) < 2:
        for position, task in enumerate(tasks):
            done(position, task())
        return
    from joblib import Parallel, delayed

    results = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(delayed(task)() for task in tasks)
    for position, result in enumerate(results):
        done(position, result)


#: Bumped when the meaning of what is stored changes.
SCHEMA = 2


@dataclasses.dataclass(frozen=True)
class Failed:
    """A dataset that could not be summarised, and why: each of its cells is NaN with this reason."""

    reason: str


class Summaries:
    """The summaries of a plan's datasets, from the store where they are known."""

    def __init__(self, plan: Plan, identity: Mapping[str, Any]) -> None:
        self._plan = plan
        self._identity = identity
        self._known: dict[str, Any] = {}

    @cached_property
    def _store(self) -> ContentStore:
        from dsim.store import ContentStore

        return ContentStore(self._plan.runtime.cache, self._plan.runtime.progress.note)

    def key(self, name: str) -> dict[str, Any]:
        """Return everything that the summary of a dataset depends on."""
        return {
            "schema": SCHEMA,
            "treatment": TREATMENT_VERSION,
            **self._identity,
            "dataset": self._plan.fingerprints[name],
            # Fingerprints do not depend on the order of the samples; resamples of a summary go by position.
            "order": self._plan.readings[name][0].order,
            "seed": self._plan.seed,
            **({"role": "source"} if self._plan.readings[name][1] else {}),
        }

    def prepare(self, names: Sequence[str], jobs: int) -> None:
        """Load the summaries of these datasets, or compute those that are not in the store.

        Raises DsimError where the user must mend something, such as an unreadable file.
        """
        missing = [name for name in names if name not in self._known and not self._load(name)]
        if not missing:
            return
        tasks = [partial(summarise, self._plan.for_worker(jobs), name) for name in missing]
        with self._plan.runtime.progress.task("summarising", len(missing), "datasets") as task:

            def done(position: int, summary: Any) -> None:
                self._keep(missing[position], summary)
                task.advance(1, dataset=self._plan.readings[missing[position]][0].name)

            run_jobs(jobs, tasks, done)

    def __getitem__(self, name: str) -> Any:
        """The summary of a prepared dataset, or Failed."""
        return self._known[name]

    def _load(self, name: str) -> bool:
        kind = summary_type(type(self._plan.measure))
        record = None if kind is None else self._store.get("summaries", self.key(name))
        if record is None or kind is None:
            return False
        self._known[name] = decode(kind, record.arrays, record.attributes)
        return True

    def _keep(self, name: str, summary: Any) -> None:
        self._known[name] = summary
        if summary_type(type(self._plan.measure)) is type(summary):
            self._store.try_put("summaries", self.key(name), *encode(summary))


def summarise(plan: Plan, name: str) -> Any:
    """Return the summary of one dataset, or Failed; raises DsimError for an unreadable file and the like."""
    measure, (dataset, as_source) = plan.measure, plan.readings[name]
    try:
        if len(dataset) < measure.spec.min_samples and not as_source:
            needed = f"{measure.spec.name} needs {measure.spec.min_samples}"
            raise TooFewSamplesError(
                f"{dataset.name!r} has {len(dataset)} samples; {needed}", hint="give it more images"
            )
        view, rng = plan.view(dataset, as_source=as_source), stream(plan.seed, plan.fingerprints[name], "summarise")
        return measure.summarise_source(view, rng) if as_source else measure.summarise(view, rng)
    except (MeasureError, TooFewSamplesError) as error:
        return Failed(error.message)
    except DsimError:
        raise
    except Exception as error:
        # A measure's own defect must not abort the matrix; it must not look like a value either.
        return Failed(plan.failures.reason(f"summarising {dataset.name!r}", error))


def summary_type(measure: type[SimilarityMeasure[Any]]) -> type | None:
    """Return the dataclass S of ``SimilarityMeasure[S]``; None for any other summary, which is not cached.

    A dataclass with ``transient = True`` is not cached either: it is as cheap to make again from cached features.
    """
    for cls in measure.__mro__:
        for base in getattr(cls, "__orig_bases__", ()):
            origin = get_origin(base)
            if not (isinstance(origin, type) and issubclass(origin, SimilarityMeasure)):
                continue
            for argument in get_args(base):
                if dataclasses.is_dataclass(argument) and isinstance(argument, type):
                    return None if getattr(argument, "transient", False) else argument
    return None


def encode(summary: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a frozen dataclass as (arrays, attributes), arrays (n, ...) as they are.

    Raises TypeError where a field is neither an array nor JSON.
    """
    import numpy as np

    values = {field.name: getattr(summary, field.name) for field in dataclasses.fields(summary)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    return arrays, {"fields": json.dumps(plain)}


def decode(kind: type, arrays: Mapping[str, Any], attributes: Mapping[str, Any]) -> Any:
    """Return the dataclass that ``encode`` took apart, arrays (n, ...) as they were; lists come back as tuples.

    Raises KeyError or TypeError where the record holds other fields.
    """
    plain = json.loads(attributes["fields"])
    return kind(**arrays, **{name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()})

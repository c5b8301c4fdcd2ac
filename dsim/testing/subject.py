"""The measure under check, with specimens to try it on."""

from __future__ import annotations

import hashlib
import math
import random
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DsimError
from dsim.measures import DatasetView, SimilarityMeasure
from dsim.random import stream
from dsim.registry import MeasureSpec, Need
from dsim.runtime import Runtime
from dsim.testing.report import Failure, NotApplicable, cause_of
from dsim.testing.specimens import Specimen, Specimens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Relative differences below this are rounding.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Outcome:
    """The outcome of one comparison: a value, or the error that was raised instead."""

    value: float
    error: Exception | None = None

    @property
    def refused(self) -> bool:
        """Whether it ended in an expected failure with its reason."""
        return isinstance(self.error, DsimError)

    def __str__(self) -> str:
        return f"{self.value:.6g}" if self.error is None else cause_of(self.error)


@dataclass(frozen=True)
class Run:
    """A value, and the global random generators that were drawn from on the way to it."""

    value: float
    drawn_from: tuple[str, ...]


def random_states() -> dict[str, str]:
    """Return a digest of the state of every global generator that is loaded."""
    import numpy as np

    words = np.random.get_state()  # noqa: NPY002 the legacy global generator is what is watched
    legacy = [part.tobytes() if isinstance(part, np.ndarray) else part for part in words]
    states: dict[str, Any] = {"random": random.getstate(), "numpy": legacy}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return {name: hashlib.sha256(repr(state).encode()).hexdigest() for name, state in states.items()}


class Subject:
    """A measure, its specimens, and what it says of them. Values of its pairs are (sources, targets).

    Parameters
    ----------
    measure : as the user gave it; it is never fitted itself, copies are.
    folder : for caches, removed after the checks.
    """

    def __init__(self, measure: SimilarityMeasure[Any], folder: Path) -> None:
        self.given = measure
        self.spec: MeasureSpec = measure.spec
        self.folder = folder
        self.specimens = Specimens(measure.needs | measure.source_needs | measure.source_optional, folder)
        self._summaries: dict[tuple[str, frozenset[Need], int, bool], tuple[Any, Exception | None]] = {}
        self._caches = 0

    def fresh(self, runtime: Runtime | None = None) -> SimilarityMeasure[Any]:
        """Return another instance with the same parameters, fitted where it fits the pool."""
        measure = self.unfitted()
        if measure.fits_pool:
            # A source that is read in another way than a target has a value only where it was in the pool.
            chosen = self.specimens.pool if measure.two_roles else self.specimens.ladder
            pool = [self.view(specimen, runtime, as_source=True) for specimen in chosen]
            measure.fit(pool, stream(0, "fit"))
        return measure

    def unfitted(self) -> SimilarityMeasure[Any]:
        """Return another instance with the same parameters."""
        defaults = {parameter.name: parameter.default for parameter in self.spec.parameters}
        changed = {name: value for name, value in self.given.params.items() if value != defaults[name]}
        return type(self.given)(**changed)

    @cached_property
    def measure(self) -> SimilarityMeasure[Any]:
        """The instance that most checks share."""
        return self.fresh()

    @cached_property
    def runtime(self) -> Runtime:
        """The runtime of most checks: on the CPU, so that values are the same everywhere."""
        return Runtime(device="cpu", cache=self.folder / "shared")

    def separate_runtime(self, batch: int = 64) -> Runtime:
        """Return a runtime with a cache of its own: nothing that was computed before can be looked up."""
        self._caches += 1
        return Runtime(device="cpu", cache=self.folder / f"separate-{self._caches}", batch=batch)

    def view(self, specimen: Specimen, runtime: Runtime | None = None, *, as_source: bool = False) -> DatasetView:
        """Return the specimen as this measure may see it, as a source or target; NeedError where it lacks a need."""
        wanted_by, chosen, given = f"measure {self.spec.name!r}", runtime or self.runtime, self.given
        if as_source:
            return DatasetView(specimen.dataset, given.source_needs, wanted_by, chosen, given.source_optional)
        return DatasetView(specimen.dataset, given.needs, wanted_by, chosen, given.optional)

    def summarise(
        self,
        specimen: Specimen,
        *,
        seed: int = 0,
        measure: SimilarityMeasure[Any] | None = None,
        runtime: Runtime | None = None,
        as_source: bool = False,
    ) -> Any:
        """Return a new summary, drawn from the stream that the engine would use: each dataset has its own."""
        as_source = as_source and self.given.two_roles
        view, chosen = self.view(specimen, runtime, as_source=as_source), measure or self.measure
        rng = stream(seed, view.fingerprint, "summarise")
        return chosen.summarise_source(view, rng) if as_source else chosen.summarise(view, rng)

    def summary(self, specimen: Specimen, seed: int = 0, *, as_source: bool = False) -> Any:
        """Return the summary, computed once per name, parts and role of a specimen. Raises what the measure raises."""
        as_source = as_source and self.given.two_roles
        key = (specimen.name, frozenset(specimen.parts), seed, as_source)
        if key not in self._summaries:
            try:
                self._summaries[key] = self.summarise(specimen, seed=seed, as_source=as_source), None
            except Exception as error:
                self._summaries[key] = None, error
        summary, failure = self._summaries[key]
        if failure is not None:
            raise failure
        return summary

    def value(self, source: Specimen, target: Specimen, seed: int = 0) -> float:
        """Return the measure's value for a pair. Raises what the measure raises."""
        summaries = self.summary(source, seed, as_source=True), self.summary(target, seed)
        return float(self.measure.compare(*summaries))

    def in_roles(self, seen: Specimen, other: Specimen) -> tuple[Specimen, Specimen]:
        """Return source and target such that the first specimen stands where its images or features are read."""
        return (other, seen) if self.given.two_roles else (seen, other)

    def outcome(self, source: Specimen, target: Specimen) -> Outcome:
        """Return the value for a pair, or what was raised."""
        try:
            return Outcome(self.value(source, target))
        except Exception as error:
            return Outcome(math.nan, error)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Values of all pairs of the pool, float64 (sources, targets). Raises what the measure raises."""
        import numpy as np

        pool = self.specimens.pool
        return np.array([[self.value(source, target) for target in pool] for source in pool], dtype=np.float64)

    @cached_property
    def scale(self) -> float:
        """The largest magnitude among the pool's values: differences are judged against it."""
        import numpy as np

        return float(np.abs(self.values).max())

    def differ(self, one: float, other: float, tolerance: float = ROUNDING) -> bool:
        """Return whether two values differ by more than rounding; NaN differs from everything."""
        return not abs(one - other) <= tolerance * max(abs(one), abs(other), self.scale)

    def as_distance(self, value: float) -> float:
        """Return the value with the sign of a distance."""
        return self.spec.direction.sign * value

    def within_bounds(self, value: float) -> bool:
        """Return whether a value is finite and within the declared bounds, but for rounding."""
        return self.spec.within_bounds(value)

    @cached_property
    def repeats(self) -> bool:
        """Whether two instances with one seed give the same values."""
        return self.repetition() is None

    def repetition(self) -> tuple[float, float] | None:
        """Return the values of one pair by two instances with one seed, if they differ."""
        one, other = self.value(self.specimens.ladder[0], self.specimens.ladder[2]), self.alone.value
        return (one, other) if self.differ(one, other, 1e-9) else None

    @cached_property
    def draws(self) -> bool:
        """Whether values depend on the seed."""
        source, target = self.specimens.ladder[0], self.specimens.ladder[2]
        return self.differ(self.value(source, target, seed=0), self.value(source, target, seed=1), 1e-9)

    @cached_property
    def alone(self) -> Run:
        """One value by an instance that shares nothing with any other, and can look nothing up."""
        before, runtime = random_states(), self.separate_runtime()
        measure = self.fresh(runtime)
        source, target = self.specimens.ladder[0], self.specimens.ladder[2]
        shared: dict[str, Any] = {"measure": measure, "runtime": runtime}
        summaries = self.summarise(source, as_source=True, **shared), self.summarise(target, **shared)
        value, after = float(measure.compare(*summaries)), random_states()
        return Run(value, tuple(name for name, state in before.items() if after[name] != state))


def require_repeats(subject: Subject) -> None:
    """Raise NotApplicable where values differ from run to run: they cannot be compared."""
    if not subject.repeats:
        raise NotApplicable("values change from run to run; see the check determinism")


def require_no_draws(subject: Subject, what: str) -> None:
    """Raise NotApplicable where values depend on random draws: another order or number of samples changes these."""
    require_repeats(subject)
    if subject.draws:
        raise NotApplicable(f"values depend on the seed, so {what} changes what is drawn")


def same(subject: Subject, one: float, other: float, what: str, hint: str, tolerance: float = ROUNDING) -> None:
    """Raise Failure unless two values are equal but for rounding."""
    if subject.differ(one, other, tolerance):
        raise Failure(f"{what}: {one!r} and {other!r}", hint)

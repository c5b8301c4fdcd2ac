"""The plan of a comparison: everything that can be refused is refused here, before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dsim.comparison.failures import Failures
from dsim.data import Dataset, count_shared_images
from dsim.errors import DataError, UsageError
from dsim.measures import DatasetView, SimilarityMeasure
from dsim.registry import Need, default
from dsim.runtime import Runtime, Silent

#: With fewer, p can never fall to 0.05.
FEWEST_PERMUTATIONS = 19
#: With fewer, the ends of an interval are the extremes of the draws, whatever the level.
FEWEST_REPLICATES = 20
#: Ends the name of a dataset as a source, for measures that read sources in another way: it may be a target too.
_AS_SOURCE = "\0source"


@dataclass(frozen=True)
class Plan:
    """Sources, targets and measure of one comparison.

    A dataset is known by the fingerprint of what the measure reads of it: two names for the same images are one.
    """

    measure: SimilarityMeasure[Any]
    sources: tuple[Dataset, ...]
    targets: tuple[Dataset, ...]
    seed: int
    bootstrap: int
    runtime: Runtime
    test: int = 0
    debug: bool = False

    @property
    def failures(self) -> Failures:
        """The treatment of a defect of the measure."""
        return Failures(type(self.measure).__module__, self.runtime.debug, self.debug)

    def view(self, dataset: Dataset, *, as_source: bool = False) -> DatasetView:
        """Return the dataset as the measure may see it; raises NeedError where it lacks a need."""
        measure, wanted_by = self.measure, f"measure {self.measure.spec.name!r}"
        if as_source:
            return DatasetView(dataset, measure.source_needs, wanted_by, self.runtime, measure.source_optional)
        return DatasetView(dataset, measure.needs, wanted_by, self.runtime, measure.optional)

    def source_name(self, name: str) -> str:
        """Return the name of the summary of a source: its own, unless the measure reads sources in another way."""
        return name + _AS_SOURCE if self.measure.two_roles else name

    @cached_property
    def readings(self) -> dict[str, tuple[Dataset, bool]]:
        """Each dataset as it is read, and whether as a source, by the name of its summary."""
        if not self.measure.two_roles:
            return {name: (dataset, False) for name, dataset in self.datasets.items()}
        sources = {self.source_name(dataset.name): (dataset, True) for dataset in self.sources}
        return {**sources, **{dataset.name: (dataset, False) for dataset in self.targets}}

    @cached_property
    def datasets(self) -> dict[str, Dataset]:
        """All datasets by name, sources first."""
        return {dataset.name: dataset for dataset in (*self.sources, *self.targets)}

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Identity of what the measure reads, by dataset name. Raises NeedError where a dataset lacks a need."""
        read = self.readings.items()
        found = {name: self.view(dataset, as_source=as_source).fingerprint for name, (dataset, as_source) in read}
        return {dataset.name: found[self.source_name(dataset.name)] for dataset in self.sources} | found

    def for_worker(self, jobs: int) -> Plan:
        """Return the plan as it travels to a worker: without a progress display where there are several."""
        return self if jobs == 1 else replace(self, runtime=replace(self.runtime, progress=Silent()))

    def is_same(self, source: Dataset, target: Dataset) -> bool:
        """Return whether the two are one and the same dataset."""
        if self.measure.two_roles:
            return _content(source) == _content(target)
        return self.fingerprints[source.name] == self.fingerprints[target.name]


def _content(dataset: Dataset) -> str:
    """The identity of a dataset's images; without any, of its features."""
    return dataset.features_fingerprint if dataset.backing is None else dataset.images_fingerprint


def make_plan(
    measure: SimilarityMeasure[Any],
    sources: Sequence[Dataset],
    targets: Sequence[Dataset] | None,
    *,
    seed: int,
    bootstrap: int,
    jobs: int,
    runtime: Runtime,
    test: int = 0,
    debug: bool = False,
) -> Plan:
    """Return the plan of a comparison whose names, needs and numbers were checked.

    Raises UsageError for a request that makes no sense, DataError for names that are not unique, and NeedError where a
    dataset lacks something that the measure reads.
    """
    if not sources:
        raise UsageError("nothing to compare: no sources were given", hint="give at least one dataset")
    _refuse_draws(measure, bootstrap, test)
    if jobs == 0:
        raise UsageError("0 jobs do no work", hint="give 1, or more to work side by side, or -1 for all cores")
    if targets is None and len(sources) < 2:
        raise UsageError("one dataset cannot be compared with itself alone", hint="give a second source, or targets")
    sources, targets = _annotated(measure, sources, sources if targets is None else targets, runtime)
    plan = Plan(measure, tuple(sources), tuple(targets), seed, bootstrap, runtime, test, debug)
    if not plan.targets:
        raise UsageError(
            "nothing to compare with: the list of targets is empty",
            hint="give at least one, or leave targets out to compare the sources",
        )
    _refuse_ambiguous_names(plan)
    for dataset, as_source in plan.readings.values():
        plan.view(dataset, as_source=as_source)  # raises NeedError where something that the measure reads is missing
    return plan


def _annotated(
    measure: SimilarityMeasure[Any], sources: Sequence[Dataset], targets: Sequence[Dataset], runtime: Runtime
) -> tuple[Sequence[Dataset], Sequence[Dataset]]:
    """Sources and targets; for a measure that needs masks, the images of them that have some, with a note."""
    if measure.two_roles:
        wanted = Need.MASKS in measure.source_needs | measure.source_optional
        note = runtime.progress.note
        return [one.annotated_part(note) if wanted and one.masked else one for one in sources], targets
    if Need.MASKS not in measure.needs:
        return sources, targets
    parts: dict[int, Dataset] = {}  # one dataset in both roles stays one, which is read once
    for dataset in (*sources, *targets):
        if dataset.masked and id(dataset) not in parts:
            parts[id(dataset)] = dataset.annotated_part(runtime.progress.note)
    return [parts.get(id(each), each) for each in sources], [parts.get(id(each), each) for each in targets]


def _refuse_draws(measure: SimilarityMeasure[Any], bootstrap: int, test: int) -> None:
    """Raise UsageError where intervals or p-values cannot be had, or would say nothing."""
    name = measure.spec.name
    if bootstrap and not measure.spec.resamples:
        raise UsageError(
            f"measure {name!r} cannot be resampled, so it has no intervals", hint="compare without --bootstrap"
        )
    if bootstrap and bootstrap < FEWEST_REPLICATES:
        raise UsageError(
            f"{bootstrap} bootstrap replicates make no 95 % interval: not one in twenty can lie outside it",
            hint=f"give 0 for none, or {FEWEST_REPLICATES} at least; 200 is usual",
        )
    if test and test < FEWEST_PERMUTATIONS:
        least = f"p is never less than 1/{test + 1}" if test > 0 else "nothing is tested"
        raise UsageError(
            f"{test} permutations: {least}", hint=f"give 0 for no test, or {FEWEST_PERMUTATIONS} at least; 999 is usual"
        )
    if test and not measure.spec.two_sample:
        tested = ", ".join(name for name, spec in default().measures.items() if spec.two_sample)
        raise UsageError(
            f"measure {name!r} is not a statistic of two samples, so it has no permutation test",
            hint=f"compare without --test, or by one of: {tested}",
        )


def _refuse_ambiguous_names(plan: Plan) -> None:
    for role, group in (("sources", plan.sources), ("targets", plan.targets)):
        names = [dataset.name for dataset in group]
        for name in names:
            if names.count(name) > 1:
                raise DataError(
                    f"two {role} are named {name!r}", hint="rename one: NAME=PATH, or dataset.renamed('...')"
                )
    for source in plan.sources:
        for target in plan.targets:
            if source.name == target.name and _differ(plan, source, target):
                raise DataError(
                    f"a source and a target that differ are both named {source.name!r}: "
                    f"{source.location} and {target.location}",
                    hint="rename one: NAME=PATH, or dataset.renamed('...')",
                )


def _differ(plan: Plan, source: Dataset, target: Dataset) -> bool:
    """Whether two datasets are not one; the annotated part of a dataset is one with it."""
    if not plan.measure.two_roles:
        return plan.view(source).fingerprint != plan.view(target).fingerprint
    return _content(source) != _content(target) and count_shared_images(source, target) < len(source)

"""A benchmark: measured transfer between datasets that can be opened, checked to be the ones that were measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dsim.data import Dataset
from dsim.errors import DataError
from dsim.truth import TransferMatrix, TruthDataset, data_folder, open_located, open_truth, refuse_others
from dsim.zoo import with_models

#: With fewer, no ranking can be judged.
FEWEST_SOURCES = 3


@dataclass(frozen=True)
class Benchmark:
    """Datasets and the transfer between them.

    Parameters
    ----------
    place : name or path of the truth, with which another process opens the same benchmark. ``data`` : folder of its
        images, or None. ``models`` : folder of the sources' segmentation models, or None.
    sources, targets : in the truth's order, under its names; empty where it does not say where they lie. Then
        nothing can be run here: only stored distances are judged.
    """

    place: str
    truth: TransferMatrix
    sources: tuple[Dataset, ...]
    targets: tuple[Dataset, ...]
    data: Path | None = None
    models: Path | None = None

    @property
    def runs(self) -> bool:
        """Whether its datasets are at hand."""
        return bool(self.sources)

    @cached_property
    def fingerprints(self) -> Mapping[str, str]:
        """Fingerprints of the images, by name of dataset: of those at hand, else as far as the truth knows them."""
        if not self.runs:
            return {name: known.fingerprint for name, known in self.truth.datasets.items() if known.fingerprint}
        return {dataset.name: dataset.images_fingerprint for dataset in (*self.sources, *self.targets)}


def open_benchmark(
    name_or_path: str | Path, data: str | Path | None = None, models: str | Path | None = None
) -> Benchmark:
    """Open the datasets of a truth, and check by fingerprints that they are the ones it was measured on.

    Parameters
    ----------
    name_or_path : of a truth: ``phantoms-dsc``, or a file of schema ``dsim.transfer/1`` whose datasets name locations.
    data : folder below which the locations lie, ``$DSIM_DATA`` by default; phantoms need none.
    models : folder with the segmentation model of each source, ``NAME.safetensors`` or ``NAME/``; without, the sources
        have the zoo's models that were trained on them, first of all those that were trained for this truth.

    Raises
    ------
    DataError
        A dataset is missing, or its images are others; some datasets name a location and others do not; fewer than
        three sources; ``models`` holds none of a source.
    """
    truth = open_truth(name_or_path)
    if len(truth.sources) < FEWEST_SOURCES:
        raise DataError(f"{truth.name} has {len(truth.sources)} sources", hint="a ranking needs three sources at least")
    names = tuple(dict.fromkeys((*truth.sources, *truth.targets)))
    known = {name: truth.datasets.get(name, TruthDataset()) for name in names}
    lost = [name for name in names if not known[name].location]
    if len(lost) == len(names):
        return Benchmark(str(name_or_path), truth, (), ())
    if lost:
        hint = "give every dataset its location, or restrict the truth to those that have one"
        raise DataError(f"{truth.name} does not say where these lie: {', '.join(lost)}", hint=hint)
    folder = data_folder(data)
    datasets = {name: open_located(name, known[name].location, folder, truth.name) for name in names}
    refuse_others(truth.name, datasets, known)
    place, pool = None if models is None else Path(models), [datasets[name] for name in truth.sources]
    given = with_models(pool, truth.name) if place is None else _with_own(pool, place)
    datasets |= {source.name: source for source in given}  # a source that is a target too stays one dataset
    sources, targets = (tuple(datasets[name] for name in side) for side in (truth.sources, truth.targets))
    return Benchmark(str(name_or_path), truth, sources, targets, folder, place)


def _with_own(sources: Iterable[Dataset], folder: Path) -> Iterator[Dataset]:
    """The sources with their models of a folder. Raises DataError where one has none there."""
    for source in sources:
        known = [path for path in (folder / f"{source.name}.safetensors", folder / source.name) if path.exists()]
        if not known:
            raise DataError(
                f"{folder} holds no segmentation model of the source {source.name!r}",
                hint=f"put it there: {source.name}.safetensors, or a folder {source.name} with segmenter.safetensors",
            )
        yield source.with_model(known[0])

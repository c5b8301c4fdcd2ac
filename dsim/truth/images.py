"""The datasets of a truth opened where they lie, and checked to be those that it was measured on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dsim.data import PHANTOMS, Dataset
from dsim.errors import DataError
from dsim.truth.matrix import TruthDataset

if TYPE_CHECKING:
    from dsim.truth.matrix import TransferMatrix


def open_images(
    truth: TransferMatrix, data: str | Path | None = None, *, common: bool = False
) -> tuple[tuple[Dataset, ...], tuple[Dataset, ...]]:
    """Return the sources and the targets of a truth, under its names and in its order.

    Parameters
    ----------
    data : folder below which they lie, ``$DSIM_DATA`` by default: where the truth says, else under their names.
    common : leave out those that are not there; otherwise each must be.

    Raises DataError where a dataset is missing, or where its images are others than those of the truth.

    >>> from dsim.truth import open_truth
    >>> sources, targets = open_images(open_truth("phantoms-dsc"))
    >>> len(sources), len(targets)
    (9, 24)
    """
    folder = data_folder(data)
    datasets: dict[str, Dataset] = {}
    missing: dict[str, str] = {}
    for name in dict.fromkeys((*truth.sources, *truth.targets)):
        known = truth.datasets.get(name, TruthDataset())
        try:
            datasets[name] = open_located(name, known.location or _place(name, folder), folder, truth.name)
        except DataError as error:
            missing[name] = error.message
    if missing and (not common or not datasets):
        _raise_missing(truth, missing, folder)
    refuse_others(truth.name, datasets, {name: truth.datasets.get(name, TruthDataset()) for name in datasets})
    sources, targets = (
        tuple(datasets[name] for name in side if name in datasets) for side in (truth.sources, truth.targets)
    )
    return sources, targets


def data_folder(data: str | Path | None) -> Path | None:
    """Return the folder of the images: the one that is given, else ``$DSIM_DATA``; None without either."""
    chosen = data or os.environ.get("DSIM_DATA")
    return Path(chosen).absolute() if chosen else None


def open_located(name: str, location: str, folder: Path | None, truth: str) -> Dataset:
    """Return the dataset that a truth names by its location below a folder; DataError where it cannot be opened."""
    from dsim.data import open_dataset

    if location.startswith(PHANTOMS):
        return open_dataset(location, name=name)
    # A truth may come from a stranger: it names places below the folder that was given, and no others.
    if PurePosixPath(location).is_absolute() or ".." in PurePosixPath(location).parts:
        message = f"{name!r} of {truth} lies at {location!r}, outside the data folder"
        raise DataError(message, hint="name a path below the data folder")
    if folder is None:
        hint = "give the folder that holds the images: --data FOLDER, or DSIM_DATA"
        raise DataError(f"{name!r} of {truth} lies at {location!r}, below a folder that was not given", hint=hint)
    dataset = open_dataset(folder / location, name=name)
    # Named by its place below the data folder: a board is given to others, whose folders are elsewhere.
    place = location[: location.rindex("[")] if dataset.options and location.endswith("]") else location
    return replace(dataset, location=place)


def refuse_others(truth: str, datasets: Mapping[str, Dataset], known: Mapping[str, TruthDataset]) -> None:
    """Raise DataError where the truth was not measured on these images."""
    promised = {name: known[name].fingerprint for name in datasets if known[name].fingerprint}
    differ = [name for name, fingerprint in promised.items() if datasets[name].images_fingerprint != fingerprint]
    if differ:
        lines = [f"{name} ({datasets[name].location})" for name in differ]
        raise DataError(
            f"{len(differ)} of {len(promised)} datasets are not the images that {truth} was measured on: "
            f"{', '.join(lines)}",
            hint="get the images that its card names, with the same file names; nothing else can be judged by it",
        )


def _place(name: str, folder: Path | None) -> str:
    """Where a dataset lies whose truth does not say it: under its name, as a folder or as a file of any kind."""
    if folder is None or (folder / name).exists() or not folder.is_dir():
        return name
    return next((path.name for path in sorted(folder.iterdir()) if path.name.startswith(f"{name}.")), name)


def _raise_missing(truth: TransferMatrix, missing: Mapping[str, str], folder: Path | None) -> None:
    total = len({*truth.sources, *truth.targets})
    reason = next(iter(missing.values()))
    where = f"put them into {folder}" if folder else "give the folder that holds them: --data FOLDER, or DSIM_DATA"
    names = ", ".join(missing)
    raise DataError(
        f"{len(missing)} of the {total} datasets of {truth.name} are not there: {names}. The first: {reason}",
        hint=f"{where} (dsim truth show {truth.name} says where each lies), or judge those that are there: --common",
    )

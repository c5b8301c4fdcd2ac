"""Fit a map: train it, place its images, say how stable each place is, and write the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, PluginError, UnknownNameError, UsageError
from dsim.maps.files import FILES, count_channels, open_map, read_record, stored_texts, write_image_map
from dsim.maps.image_map import ImageMap, texts_of
from dsim.maps.model import MapModel, open_map_model
from dsim.maps.neighbourhoods import NEIGHBOURS, crowding, stability
from dsim.runtime import Runtime, Silent

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.learning import TrainedModel
    from dsim.registry import TrainerSpec

#: The preset of trainers of maps that takes minutes.
QUICK = "quick"
#: Folder of the trainings of further seeds, below that of the map.
SEEDS = "seeds"


def fit_map(
    datasets: Sequence[Dataset | str | Path] | Dataset | str | Path,
    out: str | Path,
    *,
    trainer: str = "",
    preset: str = QUICK,
    seeds: int = 1,
    seed: int = 0,
    resume: bool = True,
    labels: str | Path | None = None,
    pictures_folder: bool = False,
    runtime: Runtime | None = None,
    **parameters: Any,
) -> ImageMap:
    """Fit a map of all images of the datasets, and write it to a folder.

    An interrupted fit goes on when it is called again with the same arguments; a finished one is read, not made again.

    Parameters
    ----------
    datasets : one or several, or what ``open_dataset`` opens.
    out : folder of the map: run.json and model/ (the training), points.csv, map.png, map.html, map.json.
    trainer : a trainer of maps; "" is the one that is installed (t-simcne). ``preset`` : named set of its parameters,
        "" for its defaults; ``parameters`` go before it.
    seeds : trainings, from ``seed`` on; the map is the first one's, the others say how stable places are. No place is
        chosen by that.
    labels : a table of labels to show, such as the page's labels.csv; images that it does not label have none. The
        training reads no label: another table changes the page, and nothing is trained again.
    pictures_folder : pictures that do not fit into the page go to a folder beside it.

    Raises
    ------
    UsageError
        For parameters that are refused, and a folder that holds something else.
    DataError, NeedError
        For datasets that cannot be mapped.
    """
    from dsim.data import to_datasets
    from dsim.learning import launched

    spec, place, runtime = map_trainer(trainer), Path(out), runtime or Runtime()
    if seeds < 1:
        raise UsageError(f"a map needs at least one training, not seeds={seeds}", hint="give seeds=1, or 3")
    chosen = _labelled(_checked(to_datasets(datasets, "mapped")), labels)
    _check_folder(place, chosen)
    _note_channels(chosen, runtime)
    # A trainer of somebody else need not have the preset that is meant where none was named.
    preset = "" if preset == QUICK and QUICK not in spec.presets else preset
    settings = {"trainer": f"{spec.name}@{spec.version}", "preset": preset, "seed": seed, "seeds": seeds}
    settings |= {"pictures_folder": pictures_folder}
    trained = _train_all(spec, chosen, place, settings, parameters, resume, runtime)
    if _is_done(place, settings, chosen):
        runtime.progress.note(f"{place} holds this map already, and it is finished")
        return open_map(place, chosen)
    image_map, facts = _placed(chosen, [model.path for model in trained], runtime)
    if launched().is_first:
        write_image_map(image_map, place, runtime, facts={**settings, **facts}, pictures_folder=pictures_folder)
    return image_map


def map_trainer(name: str = "") -> TrainerSpec:
    """Return the trainer of maps of that name; "" for the one that is installed.

    Raises UnknownNameError for a trainer that is none or makes no maps, UsageError where none or several are installed.
    """
    from dsim.registry import Product, default

    known = {spec.name: spec for spec in default().trainers.values() if Product.MAP in spec.produces}
    if name and name not in known:
        raise UnknownNameError("trainer of maps", name, known, hint=f"choose from: {', '.join(known)}")
    if not name and len(known) != 1:
        has = f"{len(known)} trainers of maps are installed" if known else "no trainer of maps is installed"
        fix = f"choose one: --trainer {' or '.join(known)}" if known else "install dsim with its plugins again"
        raise UsageError(has, hint=fix)
    return known[name or next(iter(known))]


def _checked(datasets: Sequence[Dataset]) -> list[Dataset]:
    """The datasets. Raises NeedError for one without images, DataError for a single image or two of one name."""
    from dsim.errors import repeated
    from dsim.registry import Need

    for dataset in datasets:
        dataset.require(Need.IMAGES, "a map of images")
    for twice in repeated(dataset.name for dataset in datasets):
        raise DataError(f"two datasets are named {twice!r}", hint=f"give one of them another name: {twice}-2=PATH")
    if sum(map(len, datasets)) < 2:
        raise DataError(f"the one image of {datasets[0].name!r} makes no map", hint="give a dataset of several images")
    return list(datasets)


def _labelled(datasets: Sequence[Dataset], labels: str | Path | None) -> list[Dataset]:
    """The datasets with the labels of a table, if there is one. Raises DataError where it is not one of theirs."""
    from dsim.data import find_label_file, relabelled

    if labels is None:
        return list(datasets)
    table = find_label_file(str(labels), Path())
    return [relabelled(dataset, table) for dataset in datasets]


def _check_folder(place: Path, datasets: Sequence[Dataset]) -> None:
    """Raise UsageError for a folder within a dataset, whose pictures would become its images, or with a bracket."""
    if "[" in str(place) or "]" in str(place):
        raise UsageError(f"the folder {place} cannot hold a map: brackets hold options", hint="choose another --out")
    for dataset in datasets:
        images = Path(dataset.location)
        if images.is_dir() and place.resolve().is_relative_to(images.resolve()):
            raise UsageError(
                f"{place} lies within the dataset {dataset.name!r}, whose images the map's pictures would become",
                hint="choose an --out beside it",
            )


def _note_channels(datasets: Sequence[Dataset], runtime: Runtime) -> None:
    """Say where images have neither one nor three channels: the model reads their mean."""
    for dataset in datasets:
        count = count_channels(dataset)
        if count not in (1, 3):
            runtime.progress.note(f"{dataset.name}: the mean of {count} channels is mapped, in gray")


def _train_all(
    spec: TrainerSpec,
    datasets: Sequence[Dataset],
    place: Path,
    settings: Mapping[str, Any],
    parameters: Mapping[str, Any],
    resume: bool,
    runtime: Runtime,
) -> list[TrainedModel]:
    """The map of each seed; the first lies in the folder itself. Finished trainings are read."""
    from dsim.learning import train
    from dsim.registry import Product

    models = []
    for number in range(settings["seeds"]):
        folder = place if number == 0 else place / SEEDS / str(settings["seed"] + number)
        written = train(
            spec.name,
            datasets,
            out=folder,
            preset=settings["preset"],
            seed=settings["seed"] + number,
            resume=resume,
            runtime=_quiet_if_finished(folder, runtime),
            **parameters,
        )
        maps = [model for model in written if model.product == Product.MAP]
        if not maps:
            raise PluginError(f"trainer {spec.name!r} wrote no map", hint="report it to its authors")
        models.append(maps[0])
    return models


def _quiet_if_finished(folder: Path, runtime: Runtime) -> Runtime:
    """A silent runtime where the training in a folder was finished before: the fit says it of the whole."""
    from dsim.files.documents import read
    from dsim.learning.trainer import RECORD

    path = folder / RECORD
    finished = path.is_file() and read(path, "choose another --out").get("finished") is True
    return replace(runtime, progress=Silent()) if finished else runtime


def _is_done(place: Path, settings: Mapping[str, Any], datasets: Sequence[Dataset]) -> bool:
    """Whether the folder holds the whole map of exactly these settings, images, labels and groups.

    A damaged record or table is made anew.
    """
    if not all((place / name).is_file() for name in FILES):
        return False
    try:
        record, stored = read_record(place), stored_texts(place)
    except DataError:
        return False
    known = [(entry["name"], entry["images_fingerprint"]) for entry in record["datasets"]]
    same = known == [(dataset.name, dataset.images_fingerprint) for dataset in datasets]
    own = texts_of(datasets)
    return same and stored == own and all(record.get(name) == value for name, value in settings.items())


def _placed(datasets: Sequence[Dataset], folders: Sequence[Path], runtime: Runtime) -> tuple[ImageMap, dict[str, Any]]:
    """The map by the first model with what is known of each image, and facts about the trainings."""
    models = [open_map_model(folder) for folder in folders]
    features = _features(models[0], datasets, runtime)
    points = models[0].place(features)
    others = [model.place(_features(model, datasets, runtime)) for model in models[1:]]
    _, p = models[0].unusual(features, trained=True)
    columns = {"density": crowding(points), "p": p, "stability": stability(points, others)}
    image_map = ImageMap.of(datasets, points, columns, models[0].reference)
    return image_map, _facts(models, columns["stability"], len(points))


def _features(model: MapModel, datasets: Sequence[Dataset], runtime: Runtime) -> NDArray[np.float32]:
    return np.concatenate([model.features(dataset, runtime) for dataset in datasets])


def _facts(models: Sequence[MapModel], stable: NDArray[np.float64], images: int) -> dict[str, Any]:
    """The facts of the trainings for the record, from their manifests."""
    first = models[0].model.manifest["training"]
    k = min(NEIGHBOURS, images - 1)
    spread = {"mean": float(stable.mean()), "by_chance": k / (images - 1), "neighbours": k}
    return {
        "id": models[0].model.id,
        "weights": models[0].model.sha256,
        "rotations": dict(first["rotations"]) if "rotations" in first else None,
        "held_out": models[0].held_out,
        "seconds": sum(float(model.model.manifest["training"].get("seconds", 0)) for model in models),
        "stability": spread if len(models) > 1 else None,
    }

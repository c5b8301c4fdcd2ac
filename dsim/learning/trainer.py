"""Trainings by name: the contract of a trainer, and the run folder in which one is started, taken up and finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dsim.errors import DataError, PluginError, UsageError, repeated
from dsim.files.documents import check, plain, read, to_json
from dsim.files.folder_lock import LOCK_NAME, holds_nothing
from dsim.learning.distributed import joined_processes, quiet_runtime
from dsim.registry import Product, TrainerSpec, default, load
from dsim.runtime import VERSION, Runtime

if TYPE_CHECKING:
    from dsim.data import Dataset

#: The record of a run, in its folder.
RECORD = "run.json"
SCHEMA = "dsim.training/1"


@dataclass(frozen=True)
class TrainedModel:
    """One model that a trainer wrote.

    Parameters
    ----------
    product : its kind.
    path : the file or folder.
    reference : how other commands call it, such as ``file:RUN`` (an extractor) or ``asap:model=file:RUN`` (a measure);
        empty where no text calls it.
    settings : with which it was trained, as plain values, where some of the parameters were left to the trainer.
    """

    product: Product
    path: Path
    reference: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


class Trainer(Protocol):
    """The function that ``TrainerSpec.factory`` names.

    It trains on the datasets, writes everything below ``out``, a folder that exists and is its own, and returns the
    models that it wrote: at least one of each kind that its spec declares. ``parameters`` holds a checked value for
    every declared parameter. It draws only from streams of ``seed``, computes on ``runtime.resolved_device()``, and
    shows its progress in ``runtime.progress``. With ``resume`` it goes on from the checkpoint that an interrupted call
    with the same arguments left in ``out``, if there is one, and ends with the same models; without, it starts anew.
    Among several processes (``torchrun``) each calls it with the same arguments: it may train by ``fit``, and only the
    first (``processes().is_first``) writes.

    Raises UsageError for parameters that do not fit each other, DataError for datasets that it cannot train on, and
    MeasureError where the training diverges.
    """

    def __call__(
        self,
        datasets: Sequence[Dataset],
        out: Path,
        *,
        parameters: Mapping[str, Any],
        seed: int,
        runtime: Runtime,
        resume: bool,
    ) -> Sequence[TrainedModel]: ...


def train(
    name: str,
    datasets: Sequence[Dataset | str | Path] | Dataset | str | Path,
    *,
    out: str | Path,
    preset: str = "",
    seed: int = 0,
    resume: bool = True,
    runtime: Runtime | None = None,
    **parameters: Any,
) -> tuple[TrainedModel, ...]:
    """Train by the trainer of that name (``dsim train`` lists them), and return the models that were written.

    Parameters
    ----------
    datasets : datasets, or what ``open_dataset`` opens; one or several.
    out : folder of the run. An interrupted run goes on there when it is called again with the same arguments; a
        finished one is not trained again.
    preset : named set of parameter values; ``parameters`` go before it.
    resume : False starts an unfinished run anew.

    Raises
    ------
    UnknownNameError, UsageError
        For an unknown trainer, preset or parameter, a value that is refused, and a folder that holds something else.
    NeedError
        Where a dataset lacks what the trainer reads.
    PluginError
        Where the trainer breaks its contract.
    """
    spec = default().trainer_spec(name)
    values = spec.values(parameters, preset)
    chosen = _opened(spec, datasets)
    folder, how = Path(out), quiet_runtime(runtime or Runtime())
    record = _record(spec, values, seed, chosen)
    with joined_processes(how) as world:
        finished = _begin(folder, record) if world.is_first else None
        world.wait()
        finished = finished if world.is_first else _begin(folder, record)
        if finished is not None:
            how.progress.note(f"{folder} holds this run already, and it is finished")
            return finished
        trainer: Trainer = load(spec.factory)
        written = trainer(chosen, folder, parameters=values, seed=seed, runtime=how, resume=resume)
        world.wait()
        models = _checked(spec, folder, written)
        if world.is_first:
            entries = [_entry(model, folder) for model in models]
            to_json({**record, "finished": True, "models": entries}, folder / RECORD)
        return models


def _opened(spec: TrainerSpec, datasets: Sequence[Dataset | str | Path] | Dataset | str | Path) -> list[Dataset]:
    from dsim.data import Dataset, open_dataset

    given = [datasets] if isinstance(datasets, Dataset | str | Path) else list(datasets)
    chosen = [dataset if isinstance(dataset, Dataset) else open_dataset(dataset) for dataset in given]
    if len(chosen) < spec.min_datasets:
        raise UsageError(
            f"trainer {spec.name!r} takes at least {spec.min_datasets} datasets, and {len(chosen)} were given",
            hint="name more datasets",
        )
    for twice in repeated(dataset.name for dataset in chosen):
        raise DataError(f"two datasets are named {twice!r}", hint=f"give one of them another name: {twice}-2=PATH")
    for dataset in chosen:
        for need in sorted(spec.needs):
            dataset.require(need, f"trainer {spec.name!r}")
    return chosen


def _record(spec: TrainerSpec, values: Mapping[str, Any], seed: int, datasets: Sequence[Dataset]) -> dict[str, Any]:
    """The document that identifies a run."""
    plugin = default().origin(spec.name, "dsim_trainers")
    return {
        "schema": SCHEMA,
        "trainer": f"{spec.name}@{spec.version}",
        "plugin": f"{plugin.dist} {plugin.version}",
        "dsim": VERSION,
        "seed": seed,
        "parameters": plain(values),
        "datasets": [
            {"name": dataset.name, "n": len(dataset), "fingerprint": dataset.fingerprint(spec.needs)}
            for dataset in datasets
        ],
        "finished": False,
        "models": [],
    }


def _begin(folder: Path, record: Mapping[str, Any]) -> tuple[TrainedModel, ...] | None:
    """Prepare the folder of a run; the models where it is finished. Raises UsageError where another run is there."""
    path = folder / RECORD
    if not path.exists() or _has_not_begun(folder):
        if not path.exists() and not holds_nothing(folder):
            raise UsageError(f"{folder} holds something else than a run of dsim train", hint="choose another --out")
        to_json(record, path)
        return None
    stored = read(path, "choose another --out")
    check(stored, SCHEMA, str(path), "choose another --out")
    for key in ("trainer", "seed", "parameters", "datasets"):
        if stored[key] != record[key]:
            raise UsageError(
                f"{folder} holds another run: {_difference(key, stored[key], record[key])}",
                hint="choose another --out, or repeat that run's arguments",
            )
    if not stored["finished"]:
        return None
    return tuple(
        TrainedModel(
            Product(model["product"]),
            folder / model["path"],
            model["reference"].format(run=folder),
            model.get("settings", {}),
        )
        for model in stored["models"]
    )


def _has_not_begun(folder: Path) -> bool:
    """Whether a run was recorded there and nothing came of it, as where its trainer refused a parameter."""
    return all(path.name in (RECORD, LOCK_NAME) for path in folder.iterdir())


def _difference(key: str, stored: Any, asked: Any) -> str:
    """The first thing in which a stored run differs from the one that is asked for."""
    if key == "parameters":
        name = next(name for name in {**stored, **asked} if stored.get(name) != asked.get(name))
        return f"{name}={stored.get(name)!r} there, {asked.get(name)!r} here"
    if key == "datasets":
        names = [[dataset["name"] for dataset in datasets] for datasets in (stored, asked)]
        if names[0] == names[1]:
            return f"the same names, but other contents of {', '.join(_changed(stored, asked))}"
        return f"datasets {', '.join(names[0])} there, {', '.join(names[1])} here"
    return f"{key} {stored} there, {asked} here"


def _changed(stored: Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]]) -> list[str]:
    return [old["name"] for old, new in zip(stored, asked, strict=True) if old != new]


def _checked(spec: TrainerSpec, folder: Path, written: Sequence[TrainedModel]) -> tuple[TrainedModel, ...]:
    """The models that a trainer returned; raises PluginError where it is not what its spec promises."""
    models = tuple(written or ())
    for model in models:
        if not isinstance(model, TrainedModel):
            raise _broken(spec, f"returned {model!r}, which is not a TrainedModel")
        if not model.path.exists() or not model.path.resolve().is_relative_to(folder.resolve()):
            raise _broken(spec, f"names {model.path}, which is not in its folder {folder}")
    missing = [product for product in spec.produces if product not in {model.product for model in models}]
    if missing:
        raise _broken(spec, f"wrote no {' and no '.join(missing)}, which its spec declares")
    return models


def _broken(spec: TrainerSpec, message: str) -> PluginError:
    return PluginError(f"trainer {spec.name!r} {message}", hint=f"report it to the authors of {spec.factory}")


def _entry(model: TrainedModel, folder: Path) -> dict[str, Any]:
    """A model as its record keeps it: paths below the run's folder, so that the folder can be moved."""
    return {
        "product": str(model.product),
        "path": model.path.resolve().relative_to(folder.resolve()).as_posix(),
        "reference": model.reference.replace("{", "{{").replace("}", "}}").replace(str(folder), "{run}"),
        **({"settings": plain(model.settings)} if model.settings else {}),
    }

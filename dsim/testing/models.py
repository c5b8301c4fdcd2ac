"""Checks of what trains models, and of folders of trained ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError, repeated
from dsim.files import file_sha256
from dsim.learning import TrainedModel, train
from dsim.registry import BuilderSpec, Plugin, Product, TrainerSpec, catalogue
from dsim.runtime import Runtime, Silent, Task
from dsim.testing.declaration import check_texts, declares_alone, loaded, parameter_problems
from dsim.testing.report import Failure, NotApplicable, Report, cause_of
from dsim.testing.runner import named, run_gated
from dsim.testing.specimens import style_rungs

if TYPE_CHECKING:
    from dsim.data import Dataset


class _Stop(BaseException):
    """As the user's interrupt: no trainer catches it."""


@dataclass
class _CountingProgress(Silent):
    """Counts steps of progress, and interrupts at the given one."""

    stop_at: int = 0
    steps: int = 0

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        yield self

    def advance(self, amount: float = 1, **fields: object) -> None:
        self.steps += 1
        if self.steps == self.stop_at:
            raise _Stop


@dataclass(frozen=True)
class _Trainer:
    """A trainer, and a folder for its runs on tiny datasets with the parameters of ``spec.example``."""

    spec: TrainerSpec
    plugin: Plugin
    folder: Path
    counted: _CountingProgress = field(default_factory=_CountingProgress)

    @cached_property
    def datasets(self) -> list[Dataset]:
        return [rung.dataset for rung in style_rungs()[: max(2, self.spec.min_datasets)]]

    def run(self, name: str, progress: _CountingProgress | None = None, **parameters: Any) -> tuple[TrainedModel, ...]:
        runtime = Runtime(device="cpu", cache=self.folder / f"cache-{name}", progress=progress or _CountingProgress())
        given = {**self.spec.example, **parameters}
        return train(self.spec.name, self.datasets, out=self.folder / name, seed=3, runtime=runtime, **given)

    @cached_property
    def models(self) -> tuple[TrainedModel, ...]:
        """The models of one uninterrupted run."""
        return self.run("whole", self.counted)


def check_trainer(spec: TrainerSpec, plugin: Plugin) -> Report:
    """Return the report on a trainer: checks by four tiny runs on the CPU."""
    with TemporaryDirectory(prefix="dsim-conformance-") as folder:
        results = run_gated(_TRAINER_CHECKS, _Trainer(spec, plugin, Path(folder)), "works")
    return Report(spec.name, tuple(results), "trainer")


def _spec(subject: _Trainer) -> str:
    """The spec is complete: names, texts, products and references are sensible."""
    declared = subject.spec
    texts = {"title": declared.title, "cost": declared.cost, "references": " ".join(declared.references)}
    check_texts(declared.name, texts, {"factory": declared.factory})
    if not declared.produces or not all(isinstance(product, Product) for product in declared.produces):
        raise Failure("produces must hold at least one Product", "name all kinds of models that it writes")
    if declared.version < 1 or declared.min_datasets < 1:
        raise Failure("version and min_datasets must be at least 1", "count from 1")
    if not catalogue.keeps(Plugin("", "", "", "", {"dsim_trainers": [declared]})):
        raise Failure("it cannot be catalogued", "use tuples, not lists, and plain numbers and texts as defaults")
    return f"produces {', '.join(declared.produces)}"


def _registration(subject: _Trainer | _Builder | _ZooPath) -> str:
    """Declaring it imports nothing heavy."""
    declares_alone(subject.plugin.target)
    return subject.plugin.target


def _factory(subject: _Trainer) -> str:
    """The factory can be imported."""
    loaded(subject.spec.factory)
    return subject.spec.factory


def _parameters(subject: _Trainer) -> str:
    """Every parameter has help and a valid default; every preset and the example hold valid values of known ones."""
    declared = subject.spec
    problems = [f"{name!r} is declared twice" for name in repeated(parameter.name for parameter in declared.parameters)]
    for parameter in declared.parameters:
        problems += parameter_problems(parameter)
    for name, values in {**declared.presets, "the example": declared.example}.items():
        try:
            declared.values(values)
        except UsageError as error:
            problems.append(f"{name}: {error.message}")
    if problems:
        raise Failure("; ".join(problems), "mend parameters, presets and example of the TrainerSpec")
    return f"{len(declared.parameters)} parameters, {len(declared.presets)} presets"


def _unknown_parameter(subject: _Trainer) -> None:
    """A parameter that is not declared is refused before anything is written."""
    try:
        subject.run("unknown", no_such_parameter=1)
    except UnknownNameError:
        if (subject.folder / "unknown").exists():
            raise Failure("a refused run has left a folder", "leave the reading of parameters to dsim") from None
        return
    raise Failure("no_such_parameter=1 was accepted", "leave the reading of parameters to dsim")


def _works(subject: _Trainer) -> str:
    """A tiny run with the example's parameters writes a model of each kind that is declared."""
    return ", ".join(f"{model.product}: {model.path.name}" for model in subject.models)


def _usable_models(subject: _Trainer) -> str:
    """The models can be used: folders of the zoo load and answer their probe, extractors can be called."""
    from dsim.features import prepare
    from dsim.zoo import read_model

    used = []
    for model in subject.models:
        if (model.path / "manifest.toml").exists():
            read_model(model.path).build()
            used.append(f"{model.path.name} answers its probe")
        if model.product is Product.EXTRACTOR and model.reference:
            prepare(model.reference, Runtime(device="cpu", offline=True, cache=subject.folder / "cache")).open("cpu")
            used.append(f"{model.product} opens")
    if not used:
        raise NotApplicable("it writes neither a folder of the zoo nor an extractor that a reference calls")
    return "; ".join(used)


def _determinism(subject: _Trainer) -> None:
    """The same seed gives the same weights, to the byte."""
    first = _digests(subject.models)
    if _digests(subject.run("again")) != first:
        raise Failure("one seed, two different models", "draw only from streams of the seed you are given")


def _resume(subject: _Trainer) -> str:
    """Interrupted in the middle, the same call goes on and ends with the same weights."""
    whole = _digests(subject.models)
    middle = (subject.counted.steps + 1) // 2
    if not middle:
        raise NotApplicable("it shows no progress at which it could be interrupted")
    try:
        subject.run("interrupted", _CountingProgress(stop_at=middle))
    except _Stop:
        pass
    else:
        raise Failure("it catches the user's interrupt, or shows another progress each time", "let it pass")
    try:
        models = subject.run("interrupted")
    except Exception as error:
        raise Failure(f"an interrupted run cannot go on: {cause_of(error)}", "accept what it left in out") from error
    if _digests(models) != whole:
        raise Failure("interrupted and taken up, it ends with other weights", "keep all states in the checkpoint")
    return f"interrupted at step {middle} of {subject.counted.steps}"


def _digests(models: tuple[TrainedModel, ...]) -> list[str]:
    """Digests of the weights files, by product; NotApplicable where none is written."""
    paths = {path for model in models for path in _weights(model.path)}
    if not paths:
        raise NotApplicable("it writes no weights in safetensors that could be compared")
    return [file_sha256(path) for path in sorted(paths)]


def _weights(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix == ".safetensors" else []
    return [file for file in path.glob("*.safetensors") if not file.name.startswith("checkpoint")]


_TRAINER_CHECKS: dict[str, Callable[[_Trainer], str | None]] = named(
    (
        _spec,
        _registration,
        _factory,
        _parameters,
        _unknown_parameter,
        _works,
        _usable_models,
        _determinism,
        _resume,
    )
)


@dataclass(frozen=True)
class _Builder:
    spec: BuilderSpec
    plugin: Plugin


def check_builder(spec: BuilderSpec, plugin: Plugin) -> Report:
    """Return the report on a builder of networks: it can be imported, and called with one model."""
    return Report(spec.name, tuple(run_gated(_BUILDER_CHECKS, _Builder(spec, plugin), "built_by")), "builder")


def _built_by(subject: _Builder) -> str:
    """The function that it names can be imported and takes one model; models that name it are checked by their zoo."""
    function = loaded(subject.spec.name)
    try:
        inspect.signature(function).bind(object())
    except TypeError as error:
        raise Failure(
            f"{subject.spec.name} cannot be called with a model: {error}", "take one dsim.zoo.Model"
        ) from None
    return subject.spec.name


_BUILDER_CHECKS: dict[str, Callable[[_Builder], str | None]] = named((_registration, _built_by))


@dataclass(frozen=True)
class _ZooPath:
    folder: Path
    plugin: Plugin


def check_zoo_path(folder: Path, plugin: Plugin) -> Report:
    """Return the report on a folder of models: each can be read and gives what its manifest says."""
    return Report(str(folder), tuple(run_gated(_ZOO_CHECKS, _ZooPath(folder, plugin), "folder")), "zoo")


def _folder(subject: _ZooPath) -> str:
    """The folder is there and holds models."""
    manifests = list(subject.folder.glob("*/manifest.toml"))
    if not manifests:
        raise Failure(f"no */manifest.toml in {subject.folder}", "ship the models as package data")
    return f"{len(manifests)} models"


def _manifests(subject: _ZooPath) -> str:
    """Every manifest is complete; dsim zoo verify checks weights and probes."""
    from dsim.zoo import read_model

    models = [read_model(path.parent) for path in sorted(subject.folder.glob("*/manifest.toml"))]
    return ", ".join(path.id for path in models)


_ZOO_CHECKS: dict[str, Callable[[_ZooPath], str | None]] = named((_registration, _folder, _manifests))

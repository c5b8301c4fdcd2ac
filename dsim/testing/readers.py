"""Checks of a reader of datasets, on the example that it writes itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dsim.errors import DsimError
from dsim.registry import Need, Plugin, ReaderSpec, default
from dsim.testing.declaration import check_texts, declares_alone, loaded
from dsim.testing.report import Failure, NotApplicable, Report
from dsim.testing.runner import named, run_gated

if TYPE_CHECKING:
    from dsim.data import Dataset

_NO_EXAMPLE = "the spec names no example; write a function (folder) -> path, and name it there"


@dataclass(frozen=True)
class _Subject:
    """One reader, and a folder for its example and for what it must not claim."""

    spec: ReaderSpec
    plugin: Plugin
    folder: Path

    @cached_property
    def example(self) -> Path:
        if not self.spec.example:
            raise NotApplicable(_NO_EXAMPLE)
        folder = self.folder / "example"
        folder.mkdir()
        path = Path(loaded(self.spec.example)(folder))
        if not path.exists():
            raise Failure(f"{self.spec.example} returned {path}, where nothing is", "return the path that was written")
        return path

    def read(self) -> Dataset:
        from dsim.data import ReadOptions

        found: Dataset = loaded(self.spec.read)(self.example, ReadOptions())
        return found


def check_reader(spec: ReaderSpec, plugin: Plugin) -> Report:
    """Return the report on a reader: checks by its own example."""
    with TemporaryDirectory(prefix="dsim-conformance-") as folder:
        results = run_gated(_CHECKS, _Subject(spec, plugin, Path(folder)), "factory")
    return Report(spec.name, tuple(results), "reader")


def _spec(subject: _Subject) -> str:
    """The spec is complete."""
    declared = subject.spec
    check_texts(declared.name, {"title": declared.title}, {"accepts": declared.accepts, "read": declared.read})
    return declared.title


def _registration(subject: _Subject) -> str:
    """Declaring it imports nothing heavy."""
    declares_alone(subject.plugin.target)
    return subject.plugin.target


def _factory(subject: _Subject) -> str:
    """Both functions can be imported."""
    for reference in (subject.spec.accepts, subject.spec.read):
        loaded(reference)
    return f"{subject.spec.accepts}, {subject.spec.read}"


def _accepts_its_own(subject: _Subject) -> str:
    """It accepts its example, and dsim asks it before any other that would."""
    if not loaded(subject.spec.accepts)(subject.example):
        raise Failure(f"{subject.example.name} is not accepted", "let accepts return True for it")
    for other in default().readers():
        if other.name == subject.spec.name:
            break
        if loaded(other.accepts)(subject.example):
            raise Failure(
                f"reader {other.name!r} is asked before, and accepts it too", f"priority below {other.priority}"
            )
    return subject.example.name


def _leaves_others(subject: _Subject) -> None:
    """It claims nothing that every format shares: no empty folder, no folder of images, no missing path."""
    for name, path in _foreign(subject.folder).items():
        try:
            claimed = loaded(subject.spec.accepts)(path)
        except Exception as error:
            raise Failure(f"accepts raised {type(error).__name__} for {name}: {error}", "return False") from error
        if claimed:
            raise Failure(f"accepts claims {name}", "accept only what cannot be anything else")


def _foreign(folder: Path) -> dict[str, Path]:
    """Paths that every reader is asked about, though they are none of its business."""
    import numpy as np
    from PIL import Image

    paths = {name: folder / name.replace(" ", "-") for name in ("an empty folder", "a folder of images", "a text file")}
    for name in ("an empty folder", "a folder of images"):
        paths[name].mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(paths["a folder of images"] / "image.png")
    paths["a text file"] = paths["a text file"].with_suffix(".txt")
    paths["a text file"].write_text("nothing", encoding="utf-8")
    return {**paths, "a path where nothing is": folder / "missing"}


def _works(subject: _Subject) -> str:
    """The example is read: samples with names of their own, and pixels that can be decoded."""
    found = subject.read()
    if not len(found):
        raise Failure("the example holds no sample", "write at least one, and read it")
    for index in range(len(found)):
        pixels = found.pixels(index)
        if pixels.ndim != 3:
            raise Failure(f"image {index} has shape {pixels.shape}", "images are (H, W) or (H, W, C)")
    return f"{len(found)} samples"


def _name(subject: _Subject) -> str:
    """The name that the user gives is taken, else that of the file."""
    from dsim.data import ReadOptions

    given = loaded(subject.spec.read)(subject.example, ReadOptions(name="given")).name
    if given != "given":
        raise Failure(f"options.name is 'given', and the dataset is named {given!r}", "name it by options.name")
    return subject.read().name


def _identity(subject: _Subject) -> None:
    """Read twice, it is the same dataset: ids, order and pixels."""
    one, other = (subject.read() for _ in range(2))
    needs = frozenset({Need.IMAGES})
    if one.ids != other.ids or one.fingerprint(needs) != other.fingerprint(needs):
        raise Failure("read twice, its fingerprint differs", "sort what you list, and draw nothing at random")


def _damaged(subject: _Subject) -> str:
    """A file that is cut short is refused with the reason, never read as something else."""
    path = subject.example
    if path.is_dir():
        raise NotApplicable("its example is a folder")
    cut = subject.folder / "cut" / path.name
    cut.parent.mkdir()
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    from dsim.data import ReadOptions

    try:
        found = loaded(subject.spec.read)(cut, ReadOptions())
        for index in range(len(found)):
            found.pixels(index)
    except DsimError as error:
        return error.message.replace(str(cut), cut.name)
    except Exception as error:
        raise Failure(f"it raised {type(error).__name__}: {error}", "raise DataError with the reason") from error
    raise Failure("half a file was read as a dataset", "raise DataError where something is missing")


_CHECKS = named((_spec, _registration, _factory, _accepts_its_own, _leaves_others, _works, _name, _identity, _damaged))

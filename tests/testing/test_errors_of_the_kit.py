"""What the conformance kit says of plugins that are no measures, word for word: what is wrong, and how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.registry import CommandSpec, load
from dsim.testing import declaration, extractors, installed, readers, refusal, state, values
from dsim.testing.report import Failure, NotApplicable
from dsim.testing.subject import Outcome

HERE = "kit_plugin"
SOURCE = """
import dsim, numpy as np
from pathlib import Path

number = 3
def yes(path): return True
def no(path): return False
def crash(path): raise KeyError(path.name)
def empty(path, options): return ()
def named(path, options): return dsim.from_arrays(np.zeros((2, 4, 4), np.uint8), name="own")
def flat(path, options):
    class Flat(tuple):
        def pixels(self, index): return np.zeros((4, 4))
    return Flat([1])
def drawn(path, options): return dsim.from_arrays(np.random.default_rng().integers(0, 9, (2, 4, 4)).astype(np.uint8))
def nowhere(folder): return folder / "nothing"
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module with readers that break the contract, and the file that they read."""
    (tmp_path / f"{HERE}.py").write_text(SOURCE)
    (tmp_path / "example.txt").write_text("example")
    (tmp_path / "example.npz").write_bytes(b"PK\x03\x04")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, HERE, raising=False)
    return tmp_path


def reader(accepts: str = "yes", read: str = "named", file: str = "example.txt", **more: Any) -> Any:
    spec = SimpleNamespace(name="mine", accepts=f"{HERE}:{accepts}", read=f"{HERE}:{read}", **more)
    subject = SimpleNamespace(spec=spec, example=Path(file).absolute(), folder=Path.cwd())
    subject.read = lambda: load(spec.read)(subject.example, None)
    return subject


def extractor(**more: Any) -> Any:
    return SimpleNamespace(reference="mine:", spec=SimpleNamespace(kind="mine", title="t", factory="a:b"), **more)


def recipe(reference: str) -> Any:
    return SimpleNamespace(recipe=SimpleNamespace(reference=reference, network="mine", key=lambda: reference))


def spoils(images: np.ndarray) -> np.ndarray:
    images += 1
    return images


def measure(**spec: Any) -> Any:
    ladder = [dsim.from_arrays(np.zeros((3, 4, 4), np.uint8))] * 3
    return SimpleNamespace(spec=SimpleNamespace(**spec), specimens=SimpleNamespace(ladder=ladder))


def crashing() -> Any:
    specimens = SimpleNamespace(with_nan=lambda: {"features": None}, ladder=[None, None])
    outcome = Outcome(float("nan"), ZeroDivisionError("by zero"))
    return SimpleNamespace(specimens=specimens, outcome=lambda source, target: outcome)


def transient() -> Any:
    again = type("Again", (), {"transient": True})()
    specimens = SimpleNamespace(ladder=[None, None])
    return SimpleNamespace(measure=dsim.build_measure("cc"), specimens=specimens, summary=lambda specimen: again)


#: What is checked, what is told, and the fix; None where the check says why it does not apply.
WORDING: dict[str, tuple[Callable[[], object], str, str | None]] = {
    "help of two lines": (
        lambda: installed.spec(SimpleNamespace(spec=CommandSpec(name="mine", help="a\nb", command="a:b"))),  # type: ignore[arg-type]
        "help has several lines",
        "say in one line what it does; the rest belongs to the command's own help",
    ),
    "no help": (
        lambda: installed.help(
            SimpleNamespace(run=lambda _: SimpleNamespace(returncode=1, stdout="", stderr="lost\n"))
        ),  # type: ignore[arg-type]
        "--help fails: lost",
        "run it by hand",
    ),
    "a module that is not there": (
        lambda: declaration.declares_alone("no_such_module"),
        "importing no_such_module fails: ModuleNotFoundError: No module named 'no_such_module'",
        "run it by hand",
    ),
    "a number for a function": (
        lambda: declaration.loaded(f"{HERE}:number"),
        "kit_plugin:number is a int, which cannot be called",
        "name a function",
    ),
    "an extractor of another kind": (
        lambda: extractors.spec(SimpleNamespace(**{**vars(extractor()), "reference": "pixels:"})),  # type: ignore[arg-type]
        "the example 'pixels:' is of another kind",
        "begin it with mine:",
    ),
    "a reference of another extractor": (
        lambda: extractors.recipe(extractor(prepared=lambda reference="mine:": recipe(f"{reference}x"))),
        "'mine:x' is read as 'mine:xx'",
        "make Recipe.reference the canonical call",
    ),
    "an option that is swallowed": (
        lambda: extractors.unknown_option(extractor(prepared=lambda reference: None)),
        "no_such_option=1 was accepted",
        "call check_options in the factory",
    ),
    "images that are changed": (
        lambda: extractors.inputs_unmutated(extractor(images=np.zeros((2, 1, 2, 2)), opened=lambda: spoils)),
        "it changes the images that it is given",
        "copy before you change",
    ),
    "an example that is not written": (
        lambda: readers._Subject(reader(example=f"{HERE}:nowhere").spec, None, Path.cwd()).example,  # type: ignore[arg-type]
        "returned ",
        "return the path that was written",
    ),
    "an example that is not accepted": (
        lambda: readers.accepts_its_own(reader("no")),
        "example.txt is not accepted",
        "let accepts return True for it",
    ),
    "all is claimed": (
        lambda: readers.leaves_others(reader()),
        "accepts claims an empty folder",
        "accept only what cannot be anything else",
    ),
    "accepts crashes": (
        lambda: readers.leaves_others(reader("crash")),
        "accepts raised KeyError for an empty folder: 'an-empty-folder'",
        "return False",
    ),
    "no sample": (
        lambda: readers.works(reader(read="empty")),
        "the example holds no sample",
        "write at least one, and read it",
    ),
    "images of two axes": (
        lambda: readers.works(reader(read="flat")),
        "image 0 has shape (4, 4)",
        "images are (H, W) or (H, W, C)",
    ),
    "another name": (
        lambda: readers.name(reader()),
        "options.name is 'given', and the dataset is named 'own'",
        "name it by options.name",
    ),
    "another dataset each time": (
        lambda: readers.identity(reader(read="drawn")),
        "read twice, its fingerprint differs",
        "sort what you list, and draw nothing at random",
    ),
    "half a file": (
        lambda: readers.damaged(reader()),
        "half a file was read as a dataset",
        "raise DataError where something is missing",
    ),
    "an example that is a folder": (
        lambda: readers.damaged(SimpleNamespace(example=Path.cwd())),  # type: ignore[arg-type]
        "its example is a folder",
        None,
    ),
    "not resampled": (lambda: values.resampling(measure(resamples=False)), "resamples is declared False", None),
    "not embedded": (lambda: state.embedding(measure(embeds=False)), "embeds is declared False", None),
    "not tested": (lambda: values.merging(measure(two_sample=False)), "two_sample is declared False", None),
    "not of itself": (
        lambda: values.self_comparison(measure(self_is_optimal=False)),
        "self_is_optimal is declared False",
        None,
    ),
    "a factory that is no class": (
        lambda: declaration.factory(measure(factory="nothing")),
        "factory 'nothing' is not 'module:Class'",
        "name the class that carries the spec",
    ),
    "a reader that is never asked": (
        lambda: readers.accepts_its_own(reader(file="example.npz")),
        "is asked before, and accepts it too",
        "priority below ",
    ),
    "a crash for NaN": (
        lambda: refusal.nan_input(crashing()),
        "features with a NaN raised ZeroDivisionError: by zero",
        "raise MeasureError where input is not finite",
    ),
    "a split of what cannot be merged": (
        lambda: values.splitting(measure(two_sample=True)),
        "datasets cannot be merged or picked from; see the check merging",
        None,
    ),
    "a summary that is made again": (
        lambda: state.kept_summary(transient()),
        "Again is declared transient: it is made again from cached features",
        None,
    ),
    "few specimens": (
        lambda: refusal.too_few_samples(measure(min_samples=9)),
        "min_samples is 9, and the specimens hold 3 samples",
        None,
    ),
}


@pytest.mark.parametrize(("act", "told", "fix"), WORDING.values(), ids=WORDING)
def test_wording_of_the_kit(act: Callable[[], object], told: str, fix: str | None) -> None:
    with pytest.raises((Failure, NotApplicable)) as caught:
        act()
    assert told in str(caught.value)
    hint = getattr(caught.value, "hint", None)
    assert hint == fix or (fix and hint.startswith(fix))

"""What the conformance kit says of plugins that are not measures: the culprit, and how to mend it."""

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
    return SimpleNamespace(
        specimens=specimens, in_roles=lambda seen, other: (seen, other), outcome=lambda source, target: outcome
    )


def transient() -> Any:
    again = type("Again", (), {"transient": True})()
    specimens = SimpleNamespace(ladder=[None, None])
    return SimpleNamespace(
        measure=dsim.build_measure("cc"), specimens=specimens, summary=lambda specimen, as_source=False: again
    )


#: What is checked, the culprit that the message names, and what the fix names; None where the check does not apply.
WORDING: dict[str, tuple[Callable[[], object], str, str | None]] = {
    "help of two lines": (
        lambda: installed._spec(SimpleNamespace(spec=CommandSpec(name="mine", help="a\nb", command="a:b"))),  # type: ignore[arg-type]
        "help",
        "one line",
    ),
    "no help": (
        lambda: installed._help(
            SimpleNamespace(run=lambda _: SimpleNamespace(returncode=1, stdout="", stderr="lost\n"))
        ),  # type: ignore[arg-type]
        "lost",
        "by hand",
    ),
    "a module that is not there": (
        lambda: declaration.declares_alone("no_such_module"),
        "no_such_module",
        "by hand",
    ),
    "a number for a function": (
        lambda: declaration.loaded(f"{HERE}:number"),
        "kit_plugin:number",
        "function",
    ),
    "an extractor of another kind": (
        lambda: extractors._spec(SimpleNamespace(**{**vars(extractor()), "reference": "pixels:"})),  # type: ignore[arg-type]
        "'pixels:'",
        "mine:",
    ),
    "a reference of another extractor": (
        lambda: extractors._recipe(extractor(prepared=lambda reference="mine:": recipe(f"{reference}x"))),
        "'mine:xx'",
        "Recipe.reference",
    ),
    "an option that is swallowed": (
        lambda: extractors._unknown_option(extractor(prepared=lambda reference: None)),
        "no_such_option",
        "check_options",
    ),
    "images that are changed": (
        lambda: extractors._inputs_unmutated(extractor(images=np.zeros((2, 1, 2, 2)), opened=lambda: spoils)),
        "images",
        "copy",
    ),
    "an example that is not written": (
        lambda: readers._Subject(reader(example=f"{HERE}:nowhere").spec, None, Path.cwd()).example,  # type: ignore[arg-type]
        "returned",
        "path",
    ),
    "an example that is not accepted": (
        lambda: readers._accepts_its_own(reader("no")),
        "example.txt",
        "True",
    ),
    "all is claimed": (
        lambda: readers._leaves_others(reader()),
        "an empty folder",
        "accept",
    ),
    "accepts crashes": (
        lambda: readers._leaves_others(reader("crash")),
        "KeyError",
        "return False",
    ),
    "no sample": (
        lambda: readers._works(reader(read="empty")),
        "example",
        "at least one",
    ),
    "images of two axes": (
        lambda: readers._works(reader(read="flat")),
        "(4, 4)",
        "(H, W, C)",
    ),
    "another name": (
        lambda: readers._name(reader()),
        "'own'",
        "options.name",
    ),
    "another dataset each time": (
        lambda: readers._identity(reader(read="drawn")),
        "fingerprint",
        "sort",
    ),
    "half a file": (
        lambda: readers._damaged(reader()),
        "half a file",
        "DataError",
    ),
    "an example that is a folder": (
        lambda: readers._damaged(SimpleNamespace(example=Path.cwd())),  # type: ignore[arg-type]
        "folder",
        None,
    ),
    "not resampled": (lambda: values._resampling(measure(resamples=False)), "resamples", None),
    "not embedded": (lambda: state._embedding(measure(embeds=False)), "embeds", None),
    "not tested": (lambda: values._merging(measure(two_sample=False)), "two_sample", None),
    "not of itself": (
        lambda: values._self_comparison(measure(self_is_optimal=False)),
        "self_is_optimal",
        None,
    ),
    "a factory that is no class": (
        lambda: declaration._factory(measure(factory="nothing")),
        "'nothing'",
        "class",
    ),
    "a reader that is never asked": (
        lambda: readers._accepts_its_own(reader(file="example.npz")),
        "reader",
        "priority below",
    ),
    "a crash for NaN": (
        lambda: refusal._nan_input(crashing()),
        "ZeroDivisionError",
        "MeasureError",
    ),
    "a split of what cannot be merged": (
        lambda: values._splitting(measure(two_sample=True)),
        "merging",
        None,
    ),
    "a summary that is made again": (
        lambda: state._kept_summary(transient()),
        "Again",
        None,
    ),
    "few specimens": (
        lambda: refusal._too_few_samples(measure(min_samples=9)),
        "min_samples is 9",
        None,
    ),
}


@pytest.mark.parametrize(("act", "culprit", "fix"), WORDING.values(), ids=WORDING)
def test_the_kit_names_culprit_and_fix(act: Callable[[], object], culprit: str, fix: str | None) -> None:
    with pytest.raises(Failure if fix else NotApplicable) as caught:
        act()
    assert culprit in str(caught.value)
    assert (fix or "") in getattr(caught.value, "hint", "")

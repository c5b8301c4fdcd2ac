"""Errors of the command line name the culprit, then a fix; on stderr, with the exit code of their class.

Sentences are free; tests/test_error_texts.py holds every error to a fix.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dsim import errors
from dsim.cli.main import run
from dsim.errors import DsimError
from dsim.store import ContentStore

MODEL = "zoo:asap-resnet18.biomed16.r1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: ``mine`` and ``one`` without labels, ``broken`` with half a PNG, and a ``file``."""
    for name, count in (("one", 1), ("mine", 3), ("broken", 2)):
        (tmp_path / name).mkdir()
        for index in range(count):
            Image.fromarray(np.full((16, 16), 40 * index, np.uint8)).save(tmp_path / name / f"{index}.png")
    path = tmp_path / "broken" / "1.png"
    path.write_bytes(path.read_bytes()[:40])
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


#: The class of the error, the command line, what the message names, and what the fix names.
ERRORS: dict[str, tuple[type[DsimError], str, list[str], list[str]]] = {
    "unknown command": (errors.UnknownNameError, "comprae", ["'comprae'", "'compare'"], ["dsim --help"]),
    "unknown need": (
        errors.UnknownNameError,
        "measures --needs imges",
        ["'imges'", "'images'"],
        ["images", "features", "labels", "masks", "attributes"],
    ),
    "unknown plugin": (
        errors.UnknownNameError,
        "plugins --why clasical",
        ["'clasical'", "'classical'"],
        ["dsim plugins", "installed"],
    ),
    "unknown zoo model": (errors.UnknownNameError, "zoo show unet", ["zoo model", "'unet'"], ["dsim zoo list"]),
    "no sources": (errors.UsageError, "compare --targets mine", ["targets", "sources"], ["--sources PATH..."]),
    "no folder": (errors.UsageError, "data phantoms", ["folder"], ["dsim data phantoms OUT", "--list"]),
    "no model": (errors.UsageError, "prelabel mine --out x", ["--model", "--best"], ["--model zoo:ID", "--best"]),
    "two models": (
        errors.UsageError,
        "prelabel mine --best --model zoo:x --out x",
        ["both", "--model", "--best"],
        ["--model zoo:ID", "--best"],
    ),
    "no size": (errors.UsageError, "cache prune --max-size many", ["'many'"], ["500MB"]),
    "no dataset": (errors.DataError, "data inspect nowhere", ["nowhere"], ["folder", "phantoms:NAME"]),
    "no labels": (
        errors.NeedError,
        "compare --measure otdd --sources mine one",
        ["'mine'", "labels", "'otdd'"],
        ["manifest", "dsim measures --needs images"],
    ),
    "no weights": (
        errors.WeightsError,
        f"extract mine --extractor {MODEL}[weights=nowhere.safetensors]",
        [f"'{MODEL[4:]}'", "nowhere.safetensors"],
        ["--weights FILE", f"{MODEL}[weights=FILE]"],
    ),
}


def assert_names(printed: str, named: list[str], fix: list[str]) -> None:
    """One line with the error and one with the fix, each with its names."""
    first, second = printed.splitlines()
    assert first.startswith("error: ")
    assert [word for word in named if word not in first] == []
    assert second.startswith("  fix: ")
    assert [word for word in fix if word not in second] == []


@pytest.mark.parametrize(("kind", "line", "named", "fix"), ERRORS.values(), ids=ERRORS)
def test_an_error_names_the_culprit_and_the_fix(
    kind: type[DsimError],
    line: str,
    named: list[str],
    fix: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(line.split()) == kind.exit_code
    printed = capsys.readouterr()
    assert_names(printed.err, named, fix)
    assert printed.out == ""
    with pytest.raises(DsimError) as caught:
        run(["--debug", *line.split()])
    assert type(caught.value) is kind


def test_an_image_that_cannot_be_read_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "compare --measure cc --sources broken mine"
    assert run(line.split()) == errors.UnreadableImageError.exit_code
    assert_names(capsys.readouterr().err, ["broken/1.png"], ["--skip-unreadable", "skip_unreadable=True"])
    with pytest.raises(errors.UnreadableImageError):
        run(["--debug", *line.split()])


def test_too_few_samples_are_a_failed_pair(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "compare --measure frechet:extractor=pixels: --sources mine one --bootstrap 0 --no-floor --out found"
    assert run(line.split()) == 3
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: "))
    assert [word for word in ("mine -> one", "2 more pairs", "'one'", "frechet") if word not in line] == []


def test_a_plugin_whose_code_is_gone_is_named(
    install_plugin: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
        from dsim.plugin import Direction, MeasureSpec, Need, hookimpl

        SPEC = MeasureSpec(
            name="hollow", version=1, title="t", factory="hollow:Gone", needs=frozenset({Need.FEATURES}),
            direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True, formula="f", cost="c", references=(),
        )

        @hookimpl
        def dsim_measures():
            return [SPEC]
    """
    install_plugin("hollow", source)
    assert run(["compare", "--measure", "hollow"]) == errors.PluginError.exit_code
    assert_names(capsys.readouterr().err, ["hollow:Gone", "'hollow'", "'Gone'"], ["plugin"])


def test_a_damaged_core_is_reported_by_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = SimpleNamespace(name="core", dist="dsim", error="ImportError: on purpose")
    monkeypatch.setattr("dsim.registry.default", lambda: SimpleNamespace(failures=[failure], commands={}))
    assert run(["measures"]) == errors.PluginError.exit_code
    assert_names(capsys.readouterr().err, ["damaged", "ImportError: on purpose"], ["install dsim"])


def test_a_cache_that_cannot_be_changed_is_named(
    private_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ContentStore(private_cache)
    store.put("features", {"k": 1}, {"x": np.zeros(3)}, {})

    unlink = Path.unlink

    def refused(path: Path) -> None:
        if path.suffix == ".h5":
            raise PermissionError(13, "Permission denied")
        unlink(path)

    monkeypatch.setattr(Path, "unlink", refused)
    assert run(["cache", "prune", "--older-than", "0"]) == errors.StoreError.exit_code
    path = store.path("features", {"k": 1})
    assert_names(capsys.readouterr().err, [str(path), "Permission denied"], ["write"])


def test_a_file_that_cannot_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["truth", "convert", "phantoms-dsc", "file/x.json"]) == DsimError.exit_code
    assert_names(capsys.readouterr().err, ["file/x.json", "File exists"], ["folder"])

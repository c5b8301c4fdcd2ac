"""The errors of the command line, word for word: thing and cause, then the fix; on stderr, with the code of its class.

Commands that have tests of their own hold the rest; tests/test_error_texts.py finds an error that none holds.
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
from dsim.store.content import ContentStore

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


#: The class of the error, the command line, and what is printed on stderr after ``error: ``.
WORDING: dict[str, tuple[type[DsimError], str, str]] = {
    "unknown command": (
        errors.UnknownNameError,
        "comprae",
        "no command named 'comprae'. Did you mean 'compare'?\n  fix: dsim --help lists them",
    ),
    "unknown need": (
        errors.UnknownNameError,
        "measures --needs imges",
        "no need named 'imges'. Did you mean 'images'?\n  fix: choose of: images, features, labels, masks, attributes",
    ),
    "unknown plugin": (
        errors.UnknownNameError,
        "plugins --why clasical",
        "no plugin named 'clasical'. Did you mean 'classical'?\n"
        "  fix: dsim plugins lists them; is its distribution installed here?",
    ),
    "unknown zoo model": (
        errors.UnknownNameError,
        "zoo show unet",
        "no zoo model named 'unet'.\n  fix: dsim zoo list shows them",
    ),
    "no sources": (
        errors.UsageError,
        "compare --targets mine",
        "there are targets but no sources\n  fix: name the datasets to choose from: --sources PATH...",
    ),
    "no folder": (
        errors.UsageError,
        "data phantoms",
        "no folder to write to\n  fix: give one: dsim data phantoms OUT; or only look: --list",
    ),
    "no model": (
        errors.UsageError,
        "prelabel mine --out x",
        "neither --model nor --best were given\n"
        "  fix: --model zoo:ID or a file; or --best for the model that dsim recommend names",
    ),
    "two models": (
        errors.UsageError,
        "prelabel mine --best --model zoo:x --out x",
        "both --model and --best were given\n"
        "  fix: --model zoo:ID or a file; or --best for the model that dsim recommend names",
    ),
    "no size": (
        errors.UsageError,
        "cache prune --max-size many",
        "cannot read 'many' as a size\n  fix: write 500MB or 2GB",
    ),
    "no dataset": (
        errors.DataError,
        "data inspect nowhere",
        "there is no dataset at nowhere.\n  fix: give a folder or file that exists, or a built-in one: phantoms:NAME",
    ),
    "no labels": (
        errors.NeedError,
        "compare --measure otdd --sources mine one",
        "dataset 'mine' has no labels, and measure 'otdd' needs them\n"
        "  fix: use class folders or a manifest with a label column, "
        "or choose a label-free measure: dsim measures --needs images",
    ),
    "no weights": (
        errors.WeightsError,
        f"extract mine --extractor {MODEL}[weights=nowhere.safetensors]",
        f"the weights of zoo model '{MODEL[4:]}' are not at nowhere.safetensors\n"
        f"  fix: give the file: --weights FILE, or {MODEL}[weights=FILE]",
    ),
}


@pytest.mark.parametrize(("kind", "line", "told"), WORDING.values(), ids=WORDING)
def test_an_error_is_told_word_for_word(
    kind: type[DsimError], line: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == kind.exit_code
    printed = capsys.readouterr()
    assert printed.err == f"error: {told}\n"
    assert printed.out == ""
    with pytest.raises(DsimError) as caught:
        run(["--debug", *line.split()])
    assert type(caught.value) is kind


def test_an_image_that_cannot_be_read_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "compare --measure cc --sources broken mine"
    assert run(line.split()) == errors.UnreadableImageError.exit_code
    # What stands between is the decoder's, and changes with its version.
    first, fix = capsys.readouterr().err.splitlines()
    assert first.startswith("error: cannot read broken/1.png: ")
    assert fix == (
        "  fix: repair or remove the file, or pass over it with --skip-unreadable (in Python skip_unreadable=True)"
    )
    with pytest.raises(errors.UnreadableImageError):
        run(["--debug", *line.split()])


def test_too_few_samples_are_a_failed_pair(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "compare --measure frechet:extractor=pixels: --sources mine one --bootstrap 0 --no-floor --out found"
    assert run(line.split()) == 3
    assert "failed: mine -> one and 2 more pairs: 'one' has 1 samples; frechet needs 2" in capsys.readouterr().err


def test_a_plugin_whose_code_is_gone_is_told(
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
    assert capsys.readouterr().err == (
        "error: cannot load hollow:Gone: module 'hollow' has no attribute 'Gone'\n"
        "  fix: reinstall the plugin that names it\n"
    )


def test_a_damaged_core_is_told_by_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = SimpleNamespace(name="core", dist="dsim", error="ImportError: on purpose")
    monkeypatch.setattr("dsim.registry.default", lambda: SimpleNamespace(failures=[failure], commands={}))
    assert run(["measures"]) == errors.PluginError.exit_code
    assert capsys.readouterr().err == (
        "error: this installation of dsim is damaged: ImportError: on purpose\n  fix: install dsim again\n"
    )


def test_a_cache_that_cannot_be_changed_is_told(
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
    assert capsys.readouterr().err == (
        f"error: cannot remove {path}: Permission denied\n  fix: give yourself the right to write there\n"
    )


def test_a_file_that_cannot_be_written_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["truth", "convert", "phantoms-dsc", "file/x.json"]) == DsimError.exit_code
    assert capsys.readouterr().err == (
        "error: cannot write file/x.json: File exists\n  fix: choose a folder that can be written\n"
    )

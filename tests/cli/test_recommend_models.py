"""``dsim recommend`` and ``dsim prelabel --best`` by models: the first lines, the evidence on request, exit codes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from dsim.cli.prelabel import prelabel
from dsim.cli.recommend import recommend, with_masks
from dsim.errors import DataError, UsageError
from dsim.files.documents import check
from dsim.recommend import Tried, TriedModel
from dsim.recommend.trial import Trial
from dsim.selection import Fit

TARGET = "phantoms:fluorescence-dim[count=4,size=32]"
SOURCES = ("--sources", "phantoms:fundus[count=4,size=32]", "--sources", "phantoms:xray[count=4,size=32]")
QUICK = ("--measure", "energy:extractor=pixels:[side=4]", "--bootstrap", "0")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearest images by tiny pictures instead of the shipped network."""
    monkeypatch.setattr("dsim.recommend.pool.REFERENCE", "pixels:[side=4]")


@pytest.fixture
def trial(phantom_zoo: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``trial(fit=...)`` sets what trying sixteen models of the zoo comes to; the best is of xray."""

    def put(**changes: Any) -> None:
        one = TriedModel("zoo:unet4.xray.r1", "xray", ("xray",), "lungs", 87.5, 0.81, 0.68, 0.9, 0.72)
        others = (replace(one, name=f"other_{n}", expected=0.5, best=0.02, marks="nuclei") for n in range(15))
        models = tuple(replace(model, scores=(0.8, 0.7), signals={"energy": 0.2}) for model in (one, *others))
        found = replace(Tried("fluorescence-dim", models, ("a", "b"), 2, Fit.FITS, "it fits"), **changes)
        monkeypatch.setattr("dsim.recommend.answer.try_models", lambda *_, **__: Trial(tried=found))

    return put


def run(*arguments: str | Path) -> int:
    code = recommend.main([str(argument) for argument in arguments], standalone_mode=False)
    assert isinstance(code, int)
    return code


def test_the_model_comes_first_then_what_it_marks_then_what_to_type(
    trial: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    trial()
    assert run(TARGET, *SOURCES, *QUICK) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Take xray: ")
    assert "0.81 (0.68 to 0.90)" in lines[0]
    assert "lungs" in lines[1]
    commands = [line for line in lines if "dsim " in line]
    assert "dsim prelabel" in commands[0]
    assert "--model zoo:unet4.xray.r1" in commands[0]
    assert "dsim annotate-next" in commands[1]
    assert "energy" not in "\n".join(lines), "similarity is evidence, shown with --why"


@pytest.mark.parametrize("why", [(), ("--why",)])
def test_its_tables_fit_80_columns(
    why: tuple[str, ...],
    trial: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    trial()
    run(TARGET, *SOURCES, *QUICK, *why)
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if "dsim " not in line) <= 80
    assert any("0.68 to 0.90" in line for line in lines[4:])
    assert any("energy" in line for line in lines) is bool(why)


def test_the_evidence_has_scores_signals_and_similarity(
    trial: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    trial(reliability=("The best of 16 was chosen for 9 of 16 targets.", "It lost 3 points."))
    run(TARGET, *SOURCES, *QUICK, "--why")
    said = capsys.readouterr().out
    for part in ("0.75", "0.88", "9 of 16", "lost 3", "energy@", "fundus"):
        assert part in said
    assert said.count("9 of 16") == 1


def test_where_nothing_fits_no_model_is_advised(trial: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    trial(fit=Fit.NONE, reason="all mark something else")
    assert run(TARGET, *SOURCES, *QUICK) == 0
    said = capsys.readouterr().out
    assert not said.startswith("Take")
    assert "dsim prelabel" not in said
    assert "dsim annotate-next" in said


def test_folders_of_masks_are_handed_on_to_what_reads_annotations(
    trial: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    from PIL import Image

    (tmp_path / "images").mkdir()
    (tmp_path / "my masks").mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)).save(
            tmp_path / "images" / f"{name}.png"
        )
    Image.fromarray(np.eye(16, dtype=np.uint8) * 255).save(tmp_path / "my masks" / "a.png")
    trial()
    run(tmp_path / "images", "--masks", tmp_path / "my masks", "--foreground", "255", *SOURCES, *QUICK)
    lines = capsys.readouterr().out.splitlines()
    commands = {line.split(" dsim ")[1].split()[0]: line for line in lines if " dsim " in line}
    assert f"--masks '{tmp_path / 'my masks'}'" in commands["annotate-next"]
    assert "--masks" not in commands["prelabel"]
    assert "--foreground" not in commands["annotate-next"] + commands["prelabel"]


def test_values_of_masks_are_handed_on_to_adapt() -> None:
    with click.Context(recommend, info_name="recommend") as context:
        context.params["foreground"] = ("1,2", "mine=3")
        words = shlex.split(with_masks("dsim adapt mine --out model"))
    assert words[5:] == ["--foreground", "1,2", "--foreground", "mine=3"]


def test_json_has_the_models(trial: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    trial()
    run(TARGET, *SOURCES, *QUICK, "--json")
    document = json.loads(capsys.readouterr().out)
    check(document, "dsim.recommend/1", "the output", "")
    assert document["best"] == "xray"
    assert [model["name"] for model in document["selection"]["models"]][:2] == ["xray", "other_0"]


def test_masks_of_several_classes_are_refused_until_values_are_chosen(
    phantom_zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    from PIL import Image

    flat = np.full((32, 32), 2, np.uint8)
    flat[:9] = 1
    for name in ("images/a.png", "images/b.png", "masks/a.png"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(flat * (90 if "images" in name else 1)).save(tmp_path / "mine" / name)
    Image.fromarray(flat[::-1] * 90).save(tmp_path / "mine/images/b.png")
    with pytest.raises(DataError) as caught:
        run(tmp_path / "mine")
    assert "--foreground" in (caught.value.hint or "")
    assert run(tmp_path / "mine", *QUICK[2:], "--foreground", "1", "--device", "cpu") == 0
    assert "from 1 annotated image" in capsys.readouterr().out.replace("\n", " ")


def test_best_applies_the_model_that_was_chosen_and_labels_what_it_marks(
    trial: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial()
    prelabel.main([TARGET, "--best", "--out", str(tmp_path), "--device", "cpu", "--json"], standalone_mode=False)
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["model"]["name"] == "zoo:unet4.xray.r1"
    assert "Take xray" in captured.err
    assert "lungs" in captured.err


def test_best_stops_where_nothing_fits_unless_it_is_told_to_go_on(
    trial: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial(fit=Fit.NONE, reason="all mark something else")
    words = [TARGET, "--best", "--out", str(tmp_path / "out"), "--device", "cpu"]
    with pytest.raises(DataError) as caught:
        prelabel.main(words, standalone_mode=False)
    assert caught.value.exit_code == 1
    for way in ("annotate 3", "--sources", "dsim annotate-next", "--anyway"):
        assert way in (caught.value.hint or "")
    assert not (tmp_path / "out" / "masks").exists()
    prelabel.main([*words, "--anyway"], standalone_mode=False)
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 4
    assert "zoo:unet4.xray.r1" in (tmp_path / "out" / "prelabel.json").read_text()


def test_anyway_goes_with_best(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--anyway"):
        prelabel.main([TARGET, "--model", "zoo:any", "--anyway", "--out", str(tmp_path)], standalone_mode=False)

"""``dsim compare`` as a user meets it: streams, files, exit codes, bad arguments, an interrupt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from referencing import Registry, Resource

from dsim.cli.main import run
from dsim.measures import SimilarityMatrix

#: What a command prints and writes is tested here; what its pictures show, in tests/plots.
pytestmark = pytest.mark.usefixtures("blank_pictures")

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Three folders of images: two alike, one of another brightness pattern."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 160, 32)
    patterns = {"near": ramp[None, :], "alike": ramp[None, :], "far": ramp[:, None]}
    paths = []
    for name, pattern in patterns.items():
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for index in range(6):
            pixels = np.broadcast_to(pattern, (32, 32)) + rng.integers(0, 60, (32, 32))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
        paths.append(str(folder))
    return paths


def validated(printed: str) -> dict[str, Any]:
    """The printed JSON, which holds to the published schema."""
    schemas = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")]
    registry = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)
    document: dict[str, Any] = json.loads(printed)
    schema = registry.contents("dsim.compare.1.schema.json")
    jsonschema.Draft202012Validator(schema, registry=registry).validate(document)
    return document


def test_json_is_all_of_stdout_and_holds_the_ranking(folders, tmp_path, capsys):
    out = tmp_path / "out"
    code = run(["compare", "--measure", "cc:size=32", "--sources", *folders, "--json", "--out", str(out)])
    printed = capsys.readouterr().out
    assert code == 0
    document = validated(printed)
    order = {ranking["target"]: ranking["order"] for ranking in document["results"][0]["rankings"]}
    assert order["near"][0] == "alike"
    assert order["alike"][0] == "near"


def test_files_are_whole_and_readable(folders, tmp_path, real_pictures, capsys):
    out = tmp_path / "out"
    run(["compare", "--measure", "cc:size=32", "--sources", *folders, "--out", str(out)])
    assert SimilarityMatrix.from_json(out / "matrix.json").sources == ("near", "alike", "far")
    with Image.open(out / "heatmap.png") as picture:
        assert picture.size[0] > 200
    assert sorted(path.name for path in out.iterdir()) == ["heatmap.png", "matrix.csv", "matrix.json"]


def test_a_picture_of_an_earlier_run_is_not_left_beside_another_measures_matrix(folders, tmp_path, capsys):
    out = tmp_path / "out"
    for measure, expected in (("asap", True), ("cc:size=32", False)):
        assert run(["compare", "--measure", measure, "--sources", *folders, "--out", str(out)]) == 0
        assert (out / "embedding.png").exists() is expected


def test_the_table_shows_best_source_interval_and_verdict(folders, tmp_path, capsys):
    run(["compare", "--measure", "cc:size=32", "--sources", *folders, "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "alike for near" in printed.splitlines()[0]
    assert "noise floor" in printed
    assert "95% interval" not in printed


def test_statistics_follow_where_they_are_asked_for(folders, tmp_path, capsys):
    run(["compare", "--measure", "cc:size=32", "--sources", *folders, "--out", str(tmp_path / "out"), "--why"])
    printed = capsys.readouterr().out
    assert "95% interval" in printed
    assert "first in" in printed
    assert printed.index("alike for near") < printed.index("95% interval")


def test_several_measures_have_a_folder_each_and_their_agreement_is_told(folders, tmp_path, capsys):
    out = tmp_path / "out"
    measures = ["--measure", "cc:size=32", "--measure", "frc:size=32"]
    assert run(["compare", *measures, "--sources", *folders, "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "agreement.json",
        "agreement.png",
        "cc_size_32",
        "frc_size_32",
    ]
    captured = capsys.readouterr()
    printed = captured.out
    assert printed.splitlines()[0] == "near: both measures put alike first"
    assert "interval" not in printed
    assert "--why" in captured.err
    assert f"dsim report {out}" in captured.err
    assert run(["compare", *measures, "--sources", *folders, "--out", str(out), "--why"]) == 0
    printed = capsys.readouterr().out
    assert "where 2 measures agree" in printed
    assert printed.count("95% interval") == 6
    assert run(["compare", *measures, "--sources", *folders, "--out", str(out), "--json"]) == 0
    document = validated(capsys.readouterr().out)
    assert [target["unanimous"] for target in document["agreement"]["targets"][:2]] == ["alike", "near"]


def test_a_measure_that_fails_stops_no_other_and_leaves_with_3(folders, tmp_path, capsys):
    lost = "asap:model=zoo:asap-resnet18.biomed16.r1[weights=lost]"
    arguments = ["--sources", *folders, "--out", str(tmp_path / "out")]
    assert run(["compare", "--measure", lost, "--measure", "cc:size=32", *arguments]) == 3
    captured = capsys.readouterr()
    assert "failed: asap@1:model=zoo:asap-resnet18.biomed16.r1[weights=lost]: " in captured.err
    assert "not at lost" in captured.err
    assert "alike for near" in captured.out


def test_where_every_measure_fails_the_error_is_that_of_one(folders, tmp_path, capsys):
    lost = [f"asap:model=zoo:asap-resnet18.biomed16.r1[weights={name}]" for name in ("lost", "gone")]
    arguments = [*(word for text in lost for word in ("--measure", text)), "--sources", *folders]
    assert run(["compare", *arguments, "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_what_a_word_stands_for_but_cannot_be_had_is_left_out_and_said(folders, tmp_path, monkeypatch, capsys):
    from dsim.cli import compare_job as choosing
    from dsim.measures import build_measure

    lost = "asap:model=zoo:asap-resnet18.biomed16.r1[weights=lost]"
    chosen = [choosing.Chosen(build_measure(text), of_word=True) for text in (lost, "cc:size=32", "frc:size=32")]
    monkeypatch.setattr(choosing, "choose", lambda *_: choosing.Choice(tuple(chosen), ()))
    out = tmp_path / "out"
    arguments = ["compare", "--measure", "all", "--sources", *folders, "--out", str(out)]
    assert run(arguments) == 0
    assert "left out: asap@1:model=zoo:asap-resnet18.biomed16.r1[weights=lost]: " in capsys.readouterr().err
    assert "not at lost" in json.loads((out / "agreement.json").read_text())["failed"][0]["reason"]
    del chosen[1:]
    chosen.append(choosing.Chosen(build_measure("cc:size=32")))
    assert run(arguments) == 0
    assert not (out / "agreement.json").exists(), "that of other measures"


def test_remarks_are_printed_once_for_the_datasets_they_are_on(folders, tmp_path, monkeypatch, capsys):
    from dsim_classical.measures import CrossCorrelation

    monkeypatch.setattr(CrossCorrelation, "remark", lambda self, summary: "seen through a glass")
    run(["compare", "--measure", "cc:size=32", "--sources", *folders, "--out", str(tmp_path / "out")])
    assert "note: all datasets: seen through a glass" in capsys.readouterr().err


def test_a_word_stands_for_every_measure_that_needs_no_labels(monkeypatch):
    from dsim.cli.compare_job import choose
    from dsim.registry import Need, default

    notes: list[str] = []
    choice = choose(["label-free", "cc:size=32"], None, None, notes.append)
    names = [chosen.measure.spec.name for chosen in choice.chosen]
    assert {"asap", "cc", "nmi", "frc"} <= set(names)
    assert all(chosen.measure.needs <= {Need.IMAGES, Need.FEATURES} for chosen in choice.chosen)
    assert names.count("cc") == 2
    assert [chosen.of_word for chosen in choice.chosen if repr(chosen.measure) == "cc:size=32"] == [False]
    assert {chosen.measure.spec.name for chosen in choose(["all"], None, None, notes.append).chosen} == set(
        default().measures
    )
    assert notes == []


def test_a_source_that_is_the_only_target_is_refused_by_name(folders, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["compare", "--measure", "cc:size=32", "--out", str(out), "--targets", f"mine={folders[0]}"]
    assert run([*arguments, "--sources", folders[0]]) == 2
    captured = capsys.readouterr()
    assert {"near", "mine", "--sources"} <= set(captured.err.split())
    assert captured.out == ""
    assert not out.exists()
    assert run([*arguments, "--sources", *folders]) == 0
    captured = capsys.readouterr()
    assert "note: near is the target mine" in captured.err
    assert "│ near" not in captured.out


def test_images_that_source_and_target_share_are_told_in_the_notes_and_in_the_report(folders, tmp_path, capsys):
    import shutil

    shutil.copy(Path(folders[0], "0.png"), Path(folders[2], "copy.png"))
    page = tmp_path / "page.html"
    arguments = ["compare", "--measure", "cc:size=32", "--sources", *folders[:2], "--targets", folders[2]]
    assert run([*arguments, "--out", str(tmp_path / "out"), "--report", str(page)]) == 0
    assert "note: 1 image of far is in near too" in capsys.readouterr().err
    assert "1 image of far is in near too" in page.read_text("utf-8")
    run([*arguments, "--out", str(tmp_path / "out"), "--json"])
    (result,) = validated(capsys.readouterr().out)["results"]
    assert result["provenance"]["shared_images"] == [{"source": "near", "target": "far", "images": 1}]


def test_of_too_few_replicates_the_least_number_is_drawn_and_that_is_said(folders, tmp_path, capsys):
    asked = ["--bootstrap", "5", "--json", "--out", str(tmp_path / "out")]
    assert run(["compare", "--measure", "cc:size=32", "--sources", *folders, *asked]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["results"][0]["replicates"] == 20
    assert {"5", "20:"} <= set(printed.err.split())


def test_one_extractor_is_given_to_every_measure_that_takes_one(install_plugin):
    from dsim.cli.compare_job import choose

    spec = """
        from dsim.plugin import EXTRACTOR, Direction, FeatureMeasure, MeasureSpec, Need, hookimpl

        SPEC = MeasureSpec(
            name="spread", version=1, title="t", factory="spread:Spread", needs=frozenset({Need.FEATURES}),
            direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True, formula="f", cost="c",
            references=("r",), parameters=(EXTRACTOR,), presets={"paper": {"extractor": "timm:resnet18.a1_in1k"}},
        )

        class Spread(FeatureMeasure):
            spec = SPEC

            def distance(self, source, target):
                return abs(float(source.std() - target.std()))

        @hookimpl
        def dsim_measures():
            return [SPEC]
    """
    install_plugin("spread", spec)
    notes: list[str] = []
    texts = ["spread", "spread:preset=paper", "spread:extractor=pixels:[side=4]", "cc"]
    found = [repr(chosen.measure) for chosen in choose(texts, "pixels:[side=8]", None, notes.append).chosen]
    assert found == ["spread:extractor=pixels:[side=8]", "spread:extractor=pixels:[side=4]", "cc"]
    (note,) = notes
    assert [word for word in ("cc", "extractor") if word not in note] == []


def test_floor_and_p_stand_in_the_table_and_in_the_json(folders, tmp_path, capsys):
    arguments = ["compare", "--measure", "cc:size=32", "--sources", *folders, "--out", str(tmp_path / "out")]
    assert run([*arguments, "--test", "19"]) == 0
    captured = capsys.readouterr()
    assert "noise floor" in captured.out
    assert " p " in captured.out
    assert "with 2 sources that is never under 0.1: --test 39 or more" in captured.err
    run([*arguments, "--json", "--test", "19"])
    (result,) = validated(capsys.readouterr().out)["results"]
    assert set(result["floor"]) == {"near", "alike", "far"}
    assert result["permutations"] == 19
    assert result["p_values"][2][0] == 0.05
    assert result["p_adjusted"][2][0] == 0.1
    assert [ranking["within_floor"] for ranking in result["rankings"]] == [False, False, False]
    run([*arguments, "--no-floor"])
    assert "noise floor" not in capsys.readouterr().out


def test_replicates_are_as_many_as_the_measure_proposes(folders, tmp_path, monkeypatch, capsys):
    from dataclasses import replace

    from dsim_classical.measures import CrossCorrelation

    proposed = replace(CrossCorrelation.spec, replicates=30)
    monkeypatch.setattr(CrossCorrelation, "spec", proposed)
    monkeypatch.setattr("dsim.cli.compare_job.build_measure", lambda text: CrossCorrelation(size=32))
    assert run(["compare", "--measure", "cc", "--sources", *folders, "--json", "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["replicates"] == 30


def test_a_failed_cell_leaves_with_3_and_its_reason(folders, tmp_path, capsys):
    blank = tmp_path / "blank"
    blank.mkdir()
    for index in range(3):
        Image.fromarray(np.full((32, 32), 7, np.uint8)).save(blank / f"{index}.png")
    code = run(["compare", "--measure", "cc:size=32", "--sources", *folders, str(blank), "--out", str(tmp_path / "o")])
    assert code == 3
    captured = capsys.readouterr()
    assert "failed: near -> blank and 6 more pairs: " in captured.err
    assert "constant" in captured.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["compare", "--measure", "ccc"], 2, ["no measure named 'ccc'", "Did you mean 'cc'?"]),
        (["compare", "--measure", "cc:sise=3"], 2, ["no parameter of measure 'cc' named 'sise'", "'size'"]),
        (["compare", "--measure", "cc:size=big"], 2, ["parameter 'size' takes int, not 'big'"]),
        (["compare", "--measure", "cc", "--targets", "x"], 2, ["--targets", "no sources", "--sources PATH"]),
        (["compare", "--measure", "cc", "--sources", "nowhere"], 1, ["nowhere"]),
        (["compare", "--measure", "cc", "--weights", "f"], 2, ["uses no network"]),
        (["compare", "--measure", "cc", "--test", "5"], 2, ["5 permutations: p is never less than 1/6", "19 at least"]),
        (["compare", "--measure", "labelfree"], 2, ["no measure named 'labelfree'"]),
        (["compare", "--sources", "phantoms:xray", "phantoms:relief", "--device", "banana"], 2, ["no device 'banana'"]),
        (["compare", "--sources", "phantoms:xray", "phantoms:relief", "--weights", "lost"], 1, ["not at lost"]),
        (["comparee"], 2, ["no command named 'comparee'", "Did you mean 'compare'?"]),
    ],
)
def test_wrong_arguments_name_the_thing_the_cause_and_the_fix(arguments, code, words, capsys):
    assert run(arguments) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "fix: " in error
    for word in words:
        assert word in error


def test_what_is_skipped_is_asked_for_counted_and_listed(folders, tmp_path, capsys):
    broken = Path(folders[0]) / "broken.png"
    broken.write_bytes((Path(folders[0]) / "0.png").read_bytes()[:80])
    arguments = ["compare", "--measure", "cc:size=32", "--sources", *folders, "--out", str(tmp_path / "out")]
    assert run(arguments) == 1
    assert "broken.png" in capsys.readouterr().err
    assert run([*arguments, "--skip-unreadable"]) == 0
    assert "near: 1 unreadable" in capsys.readouterr().err
    datasets = SimilarityMatrix.from_json(tmp_path / "out" / "matrix.json").provenance["datasets"]
    assert datasets["near"]["samples"] == 6
    assert len(datasets["near"]["skipped"]) == 1


def test_a_second_run_imports_no_torch_and_decodes_nothing(tmp_path, monkeypatch):
    from dsim.data.phantoms.opener import PhantomBacking

    names = [f"phantoms:{name}[count=3,size=32]" for name in ("relief", "xray", "fundus")]
    arguments = ["compare", "--measure", "asap", "--sources", *names, "--out", str(tmp_path)]
    rendered, image = [], PhantomBacking.image
    monkeypatch.setattr(PhantomBacking, "image", lambda self, index: rendered.append(index) or image(self, index))
    assert run(arguments) == 0
    assert rendered
    assert "torch" in sys.modules
    script = (
        "import sys\n"
        "from dsim.cli.main import run\n"
        "from dsim.data.phantoms.opener import PhantomBacking\n"
        "rendered = []\n"
        "image = PhantomBacking.image\n"
        "PhantomBacking.image = lambda self, index: rendered.append(index) or image(self, index)\n"
        "code = run(sys.argv[1:])\n"
        "print(code, 'torch' in sys.modules, len(rendered) > 0, file=sys.stderr)\n"
    )
    again = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert again.stderr.splitlines()[-1] == "0 False False"


def test_a_target_that_the_model_was_trained_on_is_said(real_data, tmp_path, capsys):
    seen, new = real_data / "segmentation" / "isbi_em", real_data / "unlabelled" / "pannuke_mini"
    arguments = ["--sources", "phantoms:relief", "phantoms:histology", "--targets", str(seen), str(new)]
    assert run(["compare", *arguments, "--out", str(tmp_path)]) == 0
    assert "was trained on isbi_em: as targets" in capsys.readouterr().err
    datasets = SimilarityMatrix.from_json(tmp_path / "matrix.json").provenance["datasets"]
    assert datasets["isbi_em"]["seen_by"] == ["asap-resnet18.biomed16.r1"]
    assert datasets["pannuke_mini"]["seen_by"] == []


def test_ctrl_c_leaves_with_130_and_keeps_finished_work(folders, tmp_path):
    """The same command goes on from there: the second run must find work of the first in the cache."""
    script = (
        "import signal, sys, time\n"
        # A shell that starts the tests in the background has them ignore the signal, and their children too.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from dsim.cli.main import run\n"
        "from dsim_classical.measures import CrossCorrelation as Cc\n"
        "quick, calls = Cc.summarise, []\n"
        "def summarise(self, data, rng):\n"
        "    calls.append(data)\n"
        # The second summary lasts until the signal comes, however busy the machine is.
        "    time.sleep(60 if len(calls) == 2 else 0)\n"
        "    return quick(self, data, rng)\n"
        "Cc.summarise = summarise\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    arguments = ["compare", "--measure", "cc:size=32", "--sources", *folders, "--out", str(tmp_path / "out")]
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stderr=subprocess.PIPE, text=True)
    cache = Path(os.environ["DSIM_CACHE"]) / "summaries"
    deadline = time.monotonic() + 60
    while not list(cache.rglob("*.h5")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130, error
    assert "same command" in error
    assert not (tmp_path / "out" / "matrix.json").exists()
    assert 1 <= len(list(cache.rglob("*.h5"))) < 3
    assert run(arguments) == 0
    assert (tmp_path / "out" / "matrix.json").exists()


def test_results_of_another_measure_or_other_datasets_are_not_replaced_silently(folders, tmp_path, capsys):
    out = tmp_path / "out"

    def compare(*arguments: str) -> str:
        assert run(["compare", "--out", str(out), "--bootstrap", "0", *arguments]) == 0
        return capsys.readouterr().err

    first, again = (compare("--measure", "cc:size=32", "--sources", *folders) for _ in range(2))
    assert str(out) not in first.partition("wrote")[0]
    assert "replaces" not in again
    replaced = compare("--measure", "nmi:size=32", "--sources", *folders)
    assert "cc@" in replaced
    assert "--out" in replaced
    assert "nmi@" in compare("--measure", "nmi:size=32", "--sources", *folders[:2])
    assert "size=32" in compare("--measure", "nmi:size=16", "--sources", *folders[:2])


def test_where_one_of_several_measures_is_left_the_report_is_of_its_results(folders, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["compare", "--out", str(out), "--bootstrap", "0", "--sources", *folders]
    assert run([*arguments, "--measure", "nmi:size=32"]) == 0
    capsys.readouterr()
    lost = "asap:model=zoo:asap-resnet18.biomed16.r1[weights=lost]"
    assert run([*arguments, "--measure", "cc:size=32", "--measure", lost]) != 0
    said = capsys.readouterr().err
    assert f"dsim report {out}/cc" in said


def test_where_results_cannot_be_written_no_work_is_done(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dsim.cli.compare_job.Job.carry_out", lambda *_: pytest.fail("it worked before it looked"))
    (tmp_path / "file").touch()
    assert run(["compare", "--measure", "cc", "--sources", *folders, "--out", str(tmp_path / "file" / "out")]) != 0
    error = capsys.readouterr().err
    assert str(tmp_path / "file" / "out") in error
    assert "fix:" in error

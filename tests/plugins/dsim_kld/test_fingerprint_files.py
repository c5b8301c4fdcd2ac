"""Fingerprints in files: the same values without the images, and no number where two do not belong together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.cli.main import run
from dsim.data import from_arrays
from dsim.data.phantoms import open_phantom
from dsim.errors import DataError
from dsim.files.documents import check, digest
from dsim.measures import SimilarityMatrix
from dsim.runtime import Runtime
from dsim_kld.fingerprint import make_record, read_record, write_record
from dsim_kld.measure import Way, compare_records

EXTRACTOR = "pixels:[side=8]"


def dataset(name: str) -> Any:
    return open_phantom(name, count=5, size=32).renamed(name)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two fingerprints as two hospitals would write them."""
    found = {}
    for name in ("fluorescence", "fundus"):
        found[name] = tmp_path / f"{name}.json"
        write_record(make_record(dataset(name), EXTRACTOR, 50, 0.1, Runtime()), found[name])
    return found


def changed(path: Path, **parts: Any) -> None:
    document = {**json.loads(path.read_text()), **parts}
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("variant", ["mean", "binned", "bkld"])
def test_values_are_the_same_with_and_without_the_images(files: dict[str, Path], variant: str) -> None:
    measure = f"kld-tf:variant={variant},extractor={EXTRACTOR}"
    expected = dsim.compare([dataset(name) for name in files], measure=measure)
    found = compare_records([read_record(path) for path in files.values()], None, Way(variant, 0.1, "target"))
    assert found.measure == expected.measure
    assert found.values.tolist() == expected.values.tolist()
    assert found.sources == expected.sources
    assert found.same.tolist() == [[True, False], [False, True]]


def test_what_is_written_is_read_again_and_holds_nothing_of_a_single_image(files: dict[str, Path]) -> None:
    made = make_record(dataset("fundus"), EXTRACTOR, 50, 0.1, Runtime())
    read = read_record(files["fundus"])
    assert read.fingerprint.mean.tolist() == made.fingerprint.mean.tolist()
    assert (read.fingerprint.histograms == made.fingerprint.histograms).all()
    assert len(read.fingerprint.points) == 0
    document = json.loads(files["fundus"].read_text())
    check(document, "dsim.fingerprint/1", "the file", "")
    assert len(document["mean"]) == document["features"] == 64
    text = files["fundus"].read_text()
    assert not any(sample in text for sample in dataset("fundus").ids)


@pytest.mark.parametrize(
    ("called", "written"),
    [
        ("timm:resnet34[layer=layer4,weights=mine/secret.pth]", "timm:resnet34[layer=layer4]"),
        ("timm:resnet34[weights=mine/secret.pth]", "timm:resnet34"),
        ("pixels:[side=8]", "pixels:[side=8]"),
        ("timm:resnet34", "timm:resnet34"),
    ],
)
def test_a_path_of_weights_stays_at_home(called: str, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim.features import Recipe
    from dsim_kld.fingerprint import _identity

    monkeypatch.setattr("dsim.features.recipe", lambda *_: Recipe(called, "timm:resnet34", "f" * 64, "square@1"))
    reference, recipe = _identity(called, Runtime(offline=True))
    assert reference == written
    assert "secret" not in json.dumps(recipe)


def test_the_command_writes_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    for path, phantom in ((a, "fluorescence"), (b, "fundus")):
        arguments = ["fingerprint", "write", f"phantoms:{phantom}", "--extractor", EXTRACTOR, "--out", str(path)]
        assert run(arguments) == 0
    assert "wrote" in capsys.readouterr().err
    assert run(["fingerprint", "compare", str(a), str(b)]) == 0
    assert "fundus" in capsys.readouterr().out
    out = tmp_path / "matrix.json"
    assert run(["fingerprint", "compare", str(a), "--targets", "phantoms:fundus", "--json", "--out", str(out)]) == 0
    printed = SimilarityMatrix.from_dict(json.loads(capsys.readouterr().out))
    assert printed.value("fluorescence", "fundus") > 0
    assert SimilarityMatrix.from_json(out).values.tolist() == printed.values.tolist()
    assert run(["fingerprint", "compare", str(a), str(b), "--json"]) == 0
    both = SimilarityMatrix.from_dict(json.loads(capsys.readouterr().out))
    assert both.value("fluorescence", "fundus") == printed.value("fluorescence", "fundus")


def test_the_printed_document_keeps_the_schema_of_every_matrix(files: dict[str, Path]) -> None:
    schema = json.loads((Path(__file__).parents[3] / "docs" / "schema" / "dsim.matrix.1.schema.json").read_text())
    matrix = compare_records([read_record(path) for path in files.values()], None, Way("binned", 0.1, "target"))
    document = json.loads(matrix.to_json())
    assert set(schema["required"]) <= set(document)
    provenance = schema["properties"]["provenance"]
    assert set(provenance["required"]) <= set(document["provenance"])
    described = provenance["properties"]["datasets"]["additionalProperties"]["required"]
    assert all(set(described) <= set(entry) for entry in document["provenance"]["datasets"].values())


def test_a_cell_without_a_value_is_told_and_leaves_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, factor in (("plus", 1), ("minus", -1)):
        features = factor * np.random.default_rng(0).random((9, 3)) + 0.01
        record = make_record(from_arrays(features=features, name=name), "", 50, 0.1, Runtime())
        write_record(record, tmp_path / f"{name}.json")
    paths = [str(tmp_path / f"{name}.json") for name in ("plus", "minus")]
    assert run(["fingerprint", "compare", *paths, "--variant", "mean"]) == 3
    captured = capsys.readouterr()
    assert "failed" in captured.out
    assert "negative" in captured.out
    assert "cannot be checked" in captured.err


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"extractor": "pixels:[side=16]"}, "extractor pixels:[side=8]"),
        ({"bins": 20}, "bins 50 at scale 0.1 and 20 at scale 0.1"),
        ({"scale": 0.2}, "bins 50 at scale 0.1 and 50 at scale 0.2"),
    ],
)
def test_fingerprints_that_were_made_differently_are_refused_by_name(
    files: dict[str, Path], other: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    how = {"extractor": EXTRACTOR, "bins": 50, "scale": 0.1, **other}
    write_record(make_record(dataset("xray"), **how, runtime=Runtime()), files["fundus"])
    assert run(["fingerprint", "compare", str(files["fluorescence"]), str(files["fundus"])]) == 1
    error = capsys.readouterr().err
    assert f"{files['fluorescence']} and {files['fundus']} were not made in the same way" in error
    assert expected in error
    assert "fix:" in error


def test_other_numbers_of_features_are_refused(tmp_path: Path) -> None:
    from dsim_kld.fingerprint import refuse_strangers

    records = [make_record(from_arrays(features=np.ones((4, d)), name=f"d{d}"), "", 50, 0.1, Runtime()) for d in (3, 4)]
    with pytest.raises(DataError, match="number of features 3 and 4"):
        refuse_strangers(records)


def test_another_version_of_the_schema_is_refused(files: dict[str, Path]) -> None:
    changed(files["fundus"], schema="dsim.fingerprint/2")
    with pytest.raises(
        DataError, match=r"has schema 'dsim.fingerprint/2', and this dsim .* reads 'dsim.fingerprint/1'"
    ):
        read_record(files["fundus"])


def test_a_partial_file_is_refused_at_every_length(files: dict[str, Path]) -> None:
    text = files["fundus"].read_text()
    for length in (0, 1, 100, len(text) // 2, len(text) - 3):
        files["fundus"].write_text(text[:length])
        with pytest.raises(DataError, match="cannot read the fingerprint"):
            read_record(files["fundus"])


def test_a_changed_number_is_noticed(files: dict[str, Path]) -> None:
    changed(files["fundus"], images=6)
    with pytest.raises(DataError, match="its checksum does not match"):
        read_record(files["fundus"])


@pytest.mark.parametrize("text", ["[]", "{}", '{"measure": "asap"}'])
def test_other_json_is_no_fingerprint(files: dict[str, Path], text: str) -> None:
    files["fundus"].write_text(text)
    with pytest.raises(DataError, match="is not a fingerprint"):
        read_record(files["fundus"])


def test_numbers_that_do_not_fit_each_other_are_refused_though_the_checksum_is_right(files: dict[str, Path]) -> None:
    document = json.loads(files["fundus"].read_text())
    document.pop("sha256")
    document["histograms"][0] = [0, 1]
    files["fundus"].write_text(json.dumps({**document, "sha256": digest(document)}))
    with pytest.raises(DataError, match="is not a whole fingerprint"):
        read_record(files["fundus"])


def test_too_few_images_are_refused_unless_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "few.json"
    arguments = ["fingerprint", "write", "phantoms:xray", "--extractor", EXTRACTOR, "--out", str(out)]
    assert run([*arguments, "--least", "100"]) == 1
    assert "fewer than 100" in capsys.readouterr().err
    assert not out.exists()
    assert run(arguments) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "there are no fingerprints to compare"),
        (["phantoms:xray", "phantoms:fundus"], "there is no fingerprint among these datasets"),
        (["absent.json", "--targets", "absent.json"], "there is no fingerprint absent.json"),
    ],
)
def test_what_cannot_be_compared_is_told(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fingerprint", "compare", *arguments]) != 0
    assert expected in capsys.readouterr().err


def test_one_file_alone_and_two_of_one_name_are_refused(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(files["fundus"])
    assert run(["fingerprint", "compare", path]) == 2
    assert "cannot be compared with itself alone" in capsys.readouterr().err
    assert run(["fingerprint", "compare", path, path]) == 1
    assert "two sources are named 'fundus'" in capsys.readouterr().err


def test_a_source_and_a_target_of_one_name_must_be_one_dataset(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fingerprint", "compare", str(files["fluorescence"]), "--targets", "fluorescence=phantoms:xray"]) == 1
    assert "a source and a target that differ are both named 'fluorescence'" in capsys.readouterr().err


def test_only_json_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fingerprint", "write", "phantoms:xray", "--out", str(tmp_path / "x.npz")]) == 2
    assert "end its name in .json" in capsys.readouterr().err

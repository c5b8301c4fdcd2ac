"""Reports from files alone: what belongs together, what is no longer at hand, and what is damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_pages import Page, small

import dsim
from dsim.comparison import compare
from dsim.errors import DataError, UsageError
from dsim.report import Results, locate_datasets, make_report, open_results, to_html, write_report
from dsim.runtime import Runtime


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders of images, 8 and 16 bit."""
    rng = np.random.default_rng(0)
    for name, dtype in (("eight", np.uint8), ("sixteen", np.uint16)):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for index in range(3):
            pixels = rng.integers(0, np.iinfo(dtype).max, (24, 32)).astype(dtype)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return sorted((tmp_path / "data").iterdir())


@pytest.fixture
def stored(folders: list[Path], tmp_path: Path) -> Path:
    matrix = compare([dsim.open_dataset(folder) for folder in folders], measure="cc:size=32")
    matrix.to_json(tmp_path / "results" / "matrix.json")
    return tmp_path / "results"


def test_files_give_the_page_that_memory_gives(stored, folders):
    results = open_results(stored)
    found, missing = locate_datasets(results.matrices[0], Runtime())
    assert missing == {}
    datasets = {folder.name: dsim.open_dataset(folder) for folder in folders}
    from_memory = Results(results.matrices, (None,))
    assert to_html(make_report(results, found)) == to_html(make_report(from_memory, datasets))


def test_channels_and_depth_are_taken_from_the_images_and_of_deep_ones_from_the_record(stored):
    results = open_results(stored)
    found, _ = locate_datasets(results.matrices[0], Runtime())
    seen = {glance.name: glance.facts for glance in make_report(results, found).glances}
    assert seen["eight"] == {"images": "3", "channels": "1", "depth": "8 bit", "pixels": "32 × 24"}
    assert seen["sixteen"]["depth"] == "16 bit"
    recorded = {glance.name: glance.facts for glance in make_report(results).glances}
    assert recorded["eight"] == {"images": "3"}
    assert recorded["sixteen"] == {"images": "3", "channels": "1", "depth": "16 bit"}


def test_images_that_are_gone_are_said_to_be_in_their_place(stored, folders):
    for image in folders[0].iterdir():
        image.unlink()
    folders[0].rmdir()
    results = open_results(stored)
    found, missing = locate_datasets(results.matrices[0], Runtime())
    assert set(found) == {"sixteen"}
    page = Page(to_html(make_report(results, found, missing=missing)))
    assert f"No images: there is no dataset at {folders[0]}" in page.said


def test_images_that_changed_are_not_shown_for_those_that_were_compared(stored, folders):
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(folders[0] / "0.png")
    found, missing = locate_datasets(open_results(stored).matrices[0], Runtime())
    assert set(found) == {"sixteen"}
    assert "are not those that were compared" in missing["eight"]


def test_images_of_a_measure_that_is_not_installed_cannot_be_checked():
    matrix = small(("a", "b"), ("t",), np.array([[0.5], [1.0]]), measure="strange@1")
    found, missing = locate_datasets(matrix, Runtime())
    assert found == {}
    assert "cannot be checked" in missing["a"]


def test_images_given_from_memory_are_said_to_be(matrices):
    matrix = replace(small(("a", "b"), ("t",), np.array([[0.5], [1.0]])), measure=matrices[0].measure)
    assert "given from memory" in locate_datasets(matrix, Runtime())[1]["t"]


def test_several_measures_are_read_by_their_agreement(written, matrices):
    for given in (written, written / "agreement.json"):
        found = open_results(given)
        assert [matrix.measure for matrix in found.matrices] == [matrix.measure for matrix in matrices]
        assert found.seconds == {matrices[0].measure: 1.5}
        assert found.failed == {"lost@1": "DataError: no labels"}
        assert found.agreement is not None


def test_a_matrix_of_another_run_beside_the_measures_takes_no_part(written, matrices):
    replace(matrices[0], measure="old@1").to_json(written / "old" / "matrix.json")
    assert [matrix.measure for matrix in open_results(written).matrices] == [matrix.measure for matrix in matrices]


def test_the_only_measure_that_gave_values_is_found_in_its_folder(matrices, tmp_path):
    matrices[0].to_json(tmp_path / "cc_size_32" / "matrix.json")
    assert open_results(tmp_path).folders == (tmp_path / "cc_size_32",)


def test_a_map_is_embedded_and_one_that_is_gone_is_said_to_be(tmp_path):
    matrix = small(("a", "b"), ("t",), np.array([[0.5], [1.0]]))
    matrix = replace(matrix, provenance={**matrix.provenance, "embedding": {"eqc": {"paper": 0.5}, "sources": ["a"]}})
    matrix.to_json(tmp_path / "matrix.json")
    assert (
        "No map: embedding.png is missing beside the matrix" in Page(to_html(make_report(open_results(tmp_path)))).said
    )
    Image.new("RGB", (2000, 1000), "white").save(tmp_path / "embedding.png")
    (picture,) = Page(to_html(make_report(open_results(tmp_path)))).all("img")
    assert (picture["width"], picture["height"]) == ("1400", "700")
    (tmp_path / "embedding.png").write_text("no picture")
    assert "No map: cannot read the picture" in Page(to_html(make_report(open_results(tmp_path)))).said


def test_a_measure_that_embeds_nothing_has_no_map_and_no_word_about_it(matrices):
    assert "No map" not in to_html(make_report(Results(matrices[:1], (None,))))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("matrix.json", '{"schema": "other/1"}', "none of dsim.matrix/1"),
        ("matrix.json", '{"schema": "dsim.matrix/1"}', "whole dsim.matrix/1"),
        ("matrix.json", "{", "is not JSON"),
        ("agreement.json", '{"schema": "dsim.agreement/1"}', "dsim.agreement/1"),
        ("notes.txt", "", "holds no matrix.json"),
    ],
)
def test_damaged_results_are_refused_with_the_fix(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        open_results(tmp_path)
    assert caught.value.hint


def test_measures_without_their_agreement_are_refused_by_name(written):
    (written / "agreement.json").unlink()
    with pytest.raises(DataError, match=r"several measures and no agreement\.json: measure-0, measure-1"):
        open_results(written)


def test_a_measure_whose_folder_is_gone_is_named(written, matrices):
    document = json.loads((written / "agreement.json").read_text())
    (written / "measure-1" / "matrix.json").unlink()
    assert document["measures"][1]["measure"] == matrices[1].measure
    with pytest.raises(DataError, match=matrices[1].measure):
        open_results(written)


def test_results_that_are_not_there_are_named(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        open_results(tmp_path / "nowhere.json")


def test_a_report_is_a_page_and_nothing_else(results, tmp_path):
    with pytest.raises(UsageError, match=r"cannot write a report as 'report\.pdf'") as caught:
        write_report(make_report(results), tmp_path / "report.pdf")
    assert ".html" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []
    path = write_report(make_report(results), tmp_path / "report.html")
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]

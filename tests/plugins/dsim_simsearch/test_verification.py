"""A sample to verify: drawn of all confidences and places, filled in by a person, and read back without a guess."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from dsim.annotations import Region
from dsim.errors import DataError
from dsim_simsearch.verification import (
    Answers,
    Sample,
    count_groups,
    count_objects,
    divide,
    draw_sample,
    read_sample,
    write_sample,
)

SIZES = {f"im{number}": (100, 120) for number in range(6)}
PATCH = (8, 10)


def detections(count: int = 120, seed: int = 0) -> list[Region]:
    """Cells everywhere, and four dust grains."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        label = "dust" if number % 30 == 0 else "cell"
        x, y = rng.uniform(0, 110), rng.uniform(0, 92)
        found.append(Region(f"im{number % 6}", float(x), float(y), 10, 8, label, float(rng.random())))
    return found


@pytest.fixture
def drawn() -> Sample:
    return draw_sample(detections(), ["cell", "dust"], SIZES, PATCH, count=20, windows=5, seed=3)


def fill(table: Path, change: Callable[[dict[str, str]], Mapping[str, str]], separator: str = ",") -> None:
    """Write what a person fills in, into every row of the table."""
    with table.open(newline="") as file:
        rows = [{**row, **change(row)} for row in csv.DictReader(file)]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)


def test_checks_are_of_all_confidences_in_random_order(drawn: Sample) -> None:
    cells = [check for check in drawn.checks if check.region.label == "cell"]
    assert [len(cells), len(drawn.checks)] == [20, 24]
    assert [check.number for check in drawn.checks] == list(range(1, 25))
    assert np.bincount([check.stratum for check in cells]).tolist() == [4] * 5
    assert sum(drawn.sizes["cell"]) == 116
    scores = [check.region.score for check in cells]
    assert scores != sorted(scores)
    lowest = max(check.region.score for check in cells if check.stratum == 0)
    assert lowest < min(check.region.score for check in cells if check.stratum == 4)


def test_the_same_seed_draws_the_same_sample(drawn: Sample) -> None:
    arguments = (detections(), ["cell", "dust"], SIZES, PATCH, 20, 5)
    assert draw_sample(*arguments, seed=3).to_dict() == drawn.to_dict()
    assert draw_sample(*arguments, seed=4).to_dict() != drawn.to_dict()


@pytest.mark.parametrize("size", [(100, 120), (7, 300), (3, 4), (101, 103)])
def test_windows_cover_an_image_once(size: tuple[int, int]) -> None:
    covered = np.zeros(size, int)
    for window in divide("a", size, 25):
        x, y, width, height = (int(value) for value in window[1:5])
        covered[y : y + height, x : x + width] += 1
    assert (covered == 1).all()


def test_more_windows_than_there_are_means_all(drawn: Sample) -> None:
    everything = draw_sample([], ["cell"], SIZES, PATCH, 20, 1000, seed=0)
    assert sum(window.width * window.height for window in everything.windows) == everything.area == drawn.area
    assert len(drawn.windows) == len(set(drawn.windows)) == 5


def test_what_is_filled_in_is_read_back(tmp_path: Path, drawn: Sample) -> None:
    """Yes and no in several spellings, empty cells, and the separator and numbers of a spreadsheet."""
    spellings = ["1", "yes", "Y", "0", "no", "", "1", " true "]
    table, document = write_sample(tmp_path, drawn)
    assert document.is_file()

    def change(row: dict[str, str]) -> dict[str, str]:
        if row["kind"] == "window":
            return {"missed": "2.0" if row["class"] == "cell" else ""}
        return {"correct": spellings[int(row["number"]) % 8]}

    fill(table, change, separator=";")
    sample, answers = read_sample(table)
    assert sample == drawn
    wanted = {number: number % 8 in (0, 1, 2, 6, 7) for number in range(1, 25) if number % 8 != 5}
    assert answers.correct == wanted
    assert answers.missed == {(number, "cell"): 2 for number in range(1, 6)}


def test_a_sample_is_never_replaced(tmp_path: Path, drawn: Sample) -> None:
    table, _ = write_sample(tmp_path, drawn)
    before = table.read_bytes()
    with pytest.raises(DataError, match=r"sample\.csv"):
        write_sample(tmp_path, drawn)
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "culprit"),
    [
        ({"correct": "perhaps"}, "line 2.*perhaps"),
        ({"image": "im99"}, "line 2"),
        ({"class": "other"}, "line 2"),
        ({"number": "77"}, "line 2"),
        ({"number": "x"}, "line 2.*'x'"),
        ({"kind": "thing"}, "line 2"),
    ],
)
def test_rows_that_were_changed_are_named(tmp_path: Path, drawn: Sample, changes: dict[str, str], culprit: str) -> None:
    table, _ = write_sample(tmp_path, drawn)
    fill(table, lambda row: changes if row["number"] == "1" and row["kind"] == "detection" else {})
    with pytest.raises(DataError, match=culprit):
        read_sample(table)


@pytest.mark.parametrize("missed", ["-1", "many", "1.5"])
def test_missed_must_be_a_number_of_objects(tmp_path: Path, drawn: Sample, missed: str) -> None:
    table, _ = write_sample(tmp_path, drawn)
    fill(table, lambda row: {"missed": missed} if row["kind"] == "window" else {})
    with pytest.raises(DataError, match=f"line 26.*missed.*{missed}"):
        read_sample(table)


def test_a_table_without_its_document_or_a_column_is_refused(tmp_path: Path, drawn: Sample) -> None:
    table, document = write_sample(tmp_path, drawn)
    table.write_text(table.read_text().replace("correct", "right"))
    with pytest.raises(DataError, match="correct"):
        read_sample(table)
    document.unlink()
    with pytest.raises(DataError, match=r"sample\.json"):
        read_sample(table)


def test_numbers_follow_from_the_answers(drawn: Sample) -> None:
    """Each stratum counts by its size; windows by their share of the area."""
    correct = {check.number: check.stratum > 0 for check in drawn.checks if check.region.label == "cell"}
    missed = {(number, "cell"): 1 for number in range(1, 6)}
    found = count_objects(drawn, Answers(correct, missed), detections())
    cells = found["cell"]
    assert cells.detected == 116
    assert cells.correct.value == pytest.approx(sum(drawn.sizes["cell"][1:]))
    searched = sum(window.width * window.height for window in drawn.windows)
    assert cells.missed.value == pytest.approx(5 * drawn.area / searched)
    assert cells.total.value == pytest.approx(cells.correct.value + cells.missed.value)
    assert cells.total.low < cells.total.value < cells.total.high
    assert math.isnan(found["dust"].total.value)
    assert found["dust"].total.note


def test_where_all_is_verified_the_numbers_are_the_truth() -> None:
    everything = detections()
    sample = draw_sample(everything, ["cell", "dust"], SIZES, PATCH, 1000, 1000, seed=0)
    correct = {check.number: check.region.x < 60 for check in sample.checks}
    missed = {(number, name): number % 2 for number in range(1, len(sample.windows) + 1) for name in sample.classes}
    found = count_objects(sample, Answers(correct, missed), everything)
    wanted = sum(region.label == "cell" and region.x < 60 for region in everything) + sum(
        missed[number, "cell"] for number in range(1, len(sample.windows) + 1)
    )
    assert tuple(found["cell"].total[:3]) == pytest.approx((wanted,) * 3)


def test_groups_are_counted_by_what_was_verified_in_them(drawn: Sample) -> None:
    groups = {image: "first" if image in ("im0", "im1", "im2") else "second" for image in SIZES}
    windows = {groups[window.image] for window in drawn.windows}
    assert windows == {"first", "second"}
    correct = {check.number: groups[check.region.image] == "first" for check in drawn.checks}
    missed = {(number, name): 0 for number in range(1, 6) for name in drawn.classes}
    found = count_groups(drawn, Answers(correct, missed), detections(), groups, SIZES)
    assert found["first"]["cell"].correct.value == found["first"]["cell"].detected == 56
    assert found["second"]["cell"].correct.value == 0
    assert found["first"]["cell"].total.low < 56


def test_a_group_without_checks_has_no_number(drawn: Sample) -> None:
    groups = {image: image for image in SIZES}
    correct = {check.number: True for check in drawn.checks if check.region.image != "im4"}
    missed = {(number, "cell"): 0 for number, window in enumerate(drawn.windows, 1) if window.image != "im4"}
    found = count_groups(drawn, Answers(correct, missed), detections(), groups, SIZES)
    assert math.isnan(found["im4"]["cell"].total.value)
    assert found["im4"]["cell"].total.note


def test_a_sample_of_other_detections_is_refused(drawn: Sample) -> None:
    for call in (
        lambda: count_objects(drawn, Answers({}, {}), detections(119)),
        lambda: count_groups(drawn, Answers({}, {}), detections(119), {}, SIZES),
    ):
        with pytest.raises(DataError) as caught:
            call()
        assert "dsim roi sample" in str(caught.value)

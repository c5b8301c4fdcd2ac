"""A sample of detections and windows that a person verifies, and the numbers of objects that follow from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from dsim.annotations import Region
from dsim.files import documents, read_text, write_text
from dsim.plugin import DataError
from dsim.random import stream
from dsim.stats.verified_counts import STRATA, VerifiedCount, stratified_sample, verified_count

SCHEMA = "dsim.roi-sample/1"
#: Files of a sample, in its folder.
DOCUMENT, TABLE = "sample.json", "sample.csv"
#: Side of a window, in longer sides of a patch: large enough to show what lies around.
WINDOW = 5
_COLUMNS = ("number", "kind", "class", "image", "x", "y", "width", "height", "correct", "missed")
_YES, _NO = ("1", "yes", "y", "true"), ("0", "no", "n", "false")
_HINT = "draw a new sample: dsim roi sample"


@dataclass(frozen=True)
class Check:
    """A detection to be checked: its number on the sheet, from 1, and its stratum of confidence."""

    number: int
    region: Region
    stratum: int


@dataclass(frozen=True)
class Sample:
    """What a person verifies of the detections in a set of images.

    Parameters
    ----------
    digest : of the detections that it was drawn of. ``classes`` : their names.
    sizes : for each class, the number of detections in each stratum of confidence, ``STRATA`` of them.
    checks : detections to check, those of a class in random order. ``windows`` : regions without label to be searched
        for missed objects; on the sheet they are numbered from 1.
    area : of all images, in pixels. ``seed`` : what it was drawn with.
    """

    digest: str
    classes: tuple[str, ...]
    sizes: Mapping[str, tuple[int, ...]]
    checks: tuple[Check, ...]
    windows: tuple[Region, ...]
    area: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the sample as JSON, of the schema ``dsim.roi-sample/1``."""
        return {
            "schema": SCHEMA,
            "detections": self.digest,
            "classes": list(self.classes),
            "strata": {name: list(sizes) for name, sizes in self.sizes.items()},
            "checks": [[*check.region, check.stratum] for check in self.checks],
            "windows": [list(window[:5]) for window in self.windows],
            "area": self.area,
            "seed": self.seed,
        }

    @staticmethod
    def from_dict(document: Mapping[str, Any]) -> Sample:
        """Return the sample of a document; see ``to_dict``."""
        checks = (Check(number, Region(*row[:7]), row[7]) for number, row in enumerate(document["checks"], 1))
        return Sample(
            document["detections"],
            tuple(document["classes"]),
            {name: tuple(sizes) for name, sizes in document["strata"].items()},
            tuple(checks),
            tuple(Region(*row) for row in document["windows"]),
            document["area"],
            document["seed"],
        )


@dataclass(frozen=True)
class Answers:
    """What a person filled in: whether detections are right, by number; objects missed, by window number and class."""

    correct: Mapping[int, bool]
    missed: Mapping[tuple[int, str], int]


def draw_sample(
    detections: Sequence[Region],
    classes: Sequence[str],
    sizes: Mapping[str, tuple[int, int]],
    patch: tuple[float, float],
    count: int,
    windows: int,
    seed: int,
) -> Sample:
    """Return a sample to verify: detections of each class by strata of confidence, and windows at random.

    Parameters
    ----------
    detections : with label and score. ``sizes`` : (height, width) of all images by id. ``patch`` : (height, width).
    count : detections of each class. ``windows`` : of a division of all images into windows of nearly one size, drawn
        without replacement. Where there are fewer, all are taken.
    """
    checks: list[Check] = []
    strata: dict[str, tuple[int, ...]] = {}
    for name in classes:
        own = [region for region in detections if region.label == name]
        chosen, stratum = stratified_sample([region.score for region in own], count, seed)
        strata[name] = tuple(np.bincount(stratum, minlength=STRATA).tolist())
        # The order on the sheet must not tell how sure the detector was.
        for index in stream(seed, name, "order of checks").permutation(chosen).tolist():
            checks.append(Check(len(checks) + 1, own[index], int(stratum[index])))
    every = [window for image, size in sizes.items() for window in divide(image, size, round(WINDOW * max(patch)))]
    drawn = stream(seed, "windows").choice(len(every), min(windows, len(every)), replace=False)
    area = sum(height * width for height, width in sizes.values())
    looked = tuple(every[index] for index in sorted(drawn.tolist()))
    return Sample(digest_of(detections), tuple(classes), strata, tuple(checks), looked, area, seed)


def divide(image: str, size: tuple[int, int], side: int) -> list[Region]:
    """Return windows that cover an image (height, width) and do not overlap, each nearly ``side`` pixels wide and high.

    >>> [window[1:5] for window in divide("a", (10, 25), 10)]
    [(0, 0, 12, 10), (12, 0, 13, 10)]
    """
    down, across = (np.linspace(0, length, max(1, round(length / side)) + 1).astype(int).tolist() for length in size)
    return [
        Region(image, left, top, right - left, bottom - top)
        for top, bottom in pairwise(down)
        for left, right in pairwise(across)
    ]


def digest_of(detections: Iterable[Region]) -> str:
    """Return the sha256 of detections, by which a sample knows what it was drawn of."""
    return documents.digest([list(region) for region in detections])


def write_sample(folder: Path, sample: Sample) -> list[Path]:
    """Write sample.csv, whose columns ``correct`` and ``missed`` a person fills in, and sample.json; return the paths.

    Raises DataError where the folder holds a sample already.
    """
    refuse_another(folder)
    documents.to_json(sample.to_dict(), folder / DOCUMENT)
    write_text(folder / TABLE, _table(sample))
    return [folder / TABLE, folder / DOCUMENT]


def refuse_another(folder: Path) -> None:
    """Raise DataError where a folder holds a sample already: a person may have filled it in."""
    for path in (folder / TABLE, folder / DOCUMENT):
        if path.exists():
            raise DataError(f"{path} is there already", hint="choose another folder, or move the old sample away")


def _table(sample: Sample) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for check in sample.checks:
        region = check.region
        place = (f"{value:g}" for value in region[1:5])
        writer.writerow([check.number, "detection", region.label, region.image, *place, "", ""])
    for number, window in enumerate(sample.windows, 1):
        for name in sample.classes:
            writer.writerow([number, "window", name, *window[:5], "", ""])
    return text.getvalue()


def read_sample(table: Path) -> tuple[Sample, Answers]:
    """Return a sample and what was filled in, from sample.csv; sample.json lies beside it.

    Empty cells were not verified. Raises DataError that names the file and line: where a cell is neither yes nor no, or
    no number, and where a line is not of this sample.
    """
    document = documents.read(table.parent / DOCUMENT, f"give sample.csv in the folder that holds {DOCUMENT}")
    documents.check(document, SCHEMA, str(table.parent / DOCUMENT), _HINT)
    sample = Sample.from_dict(document)
    correct: dict[int, bool] = {}
    missed: dict[tuple[int, str], int] = {}
    for line, row in _rows(table):
        where = f"{table}, line {line}"
        number, kind = _number(row["number"], "number", where), row["kind"]
        if not _is_of(sample, number, kind, row):
            raise DataError(f"{where} is not of this sample", hint="change nothing but the columns correct and missed")
        if kind == "detection" and row["correct"]:
            correct[number] = _yes(row["correct"], where)
        if kind == "window" and row["missed"]:
            missed[number, row["class"]] = _number(row["missed"], "missed", where)
    return sample, Answers(correct, missed)


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """The lines below the header, with their numbers; spreadsheets may have changed the separator."""
    text = read_text(table, _HINT)
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
        raise DataError(f"{table} lacks the column {missing[0]}", hint=_HINT)
    return [(reader.line_num, {name: (row[name] or "").strip() for name in _COLUMNS}) for row in reader]


def _is_of(sample: Sample, number: int, kind: str, row: Mapping[str, str]) -> bool:
    if kind == "detection" and 1 <= number <= len(sample.checks):
        region = sample.checks[number - 1].region
        return (region.label, region.image) == (row["class"], row["image"])
    if kind == "window" and 1 <= number <= len(sample.windows):
        return sample.windows[number - 1].image == row["image"] and row["class"] in sample.classes
    return False


def _yes(text: str, where: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise DataError(f"{where}: correct is {text!r}", hint="write 1 or yes, 0 or no, or leave it empty")
    return text.lower() in _YES


def _number(text: str, column: str, where: str) -> int:
    # Spreadsheets may write 2.0.
    whole = text.removesuffix(".0")
    if not (whole.isascii() and whole.isdecimal()):
        raise DataError(f"{where}: {column} is {text!r}, not a number of objects", hint="write 0, 1, 2, ...")
    return int(whole)


def count_objects(sample: Sample, answers: Answers, detections: Sequence[Region]) -> dict[str, VerifiedCount]:
    """Return the number of objects of each class in all images, with 95 % intervals.

    Raises DataError where the detections are not those of which the sample was drawn.
    """
    refuse_others(sample, detections)
    strata = {check.number: check.stratum for check in sample.checks}
    return {
        name: _count(sample, answers, name, sample.sizes[name], strata.__getitem__, lambda image: True, sample.area)
        for name in sample.classes
    }


def count_groups(
    sample: Sample,
    answers: Answers,
    detections: Sequence[Region],
    groups: Mapping[str, str],
    sizes: Mapping[str, tuple[int, int]],
) -> dict[str, dict[str, VerifiedCount]]:
    """Return the number of objects by group of images and class, of what was verified in each group alone.

    ``groups`` : of each image, by id. ``sizes`` : (height, width). The strata of confidence are put together: few of
    the checks are of one group, and each detection was as likely to be checked. A group without checks or windows has
    no number; the note says so. Raises as ``count_objects``.
    """
    refuse_others(sample, detections)
    found = {}
    for group in dict.fromkeys(groups.values()):
        members = {image for image, own in groups.items() if own == group}
        area = sum(height * width for image, (height, width) in sizes.items() if image in members)
        inside = [region.label for region in detections if region.image in members]
        found[group] = {
            name: _count(sample, answers, name, (inside.count(name),), lambda number: 0, members.__contains__, area)
            for name in sample.classes
        }
    return found


def refuse_others(sample: Sample, detections: Sequence[Region]) -> None:
    """Raise DataError where the detections are not those of which the sample was drawn."""
    if digest_of(detections) != sample.digest:
        raise DataError(
            "the sample is of other detections: training, confidences or images were changed since it was drawn",
            hint=_HINT,
        )


def _count(
    sample: Sample,
    answers: Answers,
    name: str,
    sizes: Sequence[int],
    stratum: Callable[[int], int],
    member: Callable[[str], bool],
    area: int,
) -> VerifiedCount:
    """The number of objects of a class, of checks and windows in the images that are members."""
    checked, right = np.zeros(len(sizes)), np.zeros(len(sizes))
    for check in sample.checks:
        if check.region.label == name and member(check.region.image) and check.number in answers.correct:
            checked[stratum(check.number)] += 1
            right[stratum(check.number)] += answers.correct[check.number]
    looked = [
        (answers.missed[number, name], window.width * window.height)
        for number, window in enumerate(sample.windows, 1)
        if (number, name) in answers.missed and member(window.image)
    ]
    missed, areas = zip(*looked, strict=True) if looked else ((), ())
    return verified_count(sizes, checked, right, missed, areas, area)

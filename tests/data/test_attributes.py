"""What people say of datasets: tables of properties and choices, beside the images or given, attached by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.data import Dataset, from_arrays, open_dataset
from dsim.data.attributes import attach, merge, read_attributes, votes_of
from dsim.errors import DataError
from dsim.registry import Need


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def folder(path: Path, *lines: str) -> Path:
    (path / "images").mkdir(parents=True)
    Image.new("L", (8, 8), 90).save(path / "images" / "a.png")
    if lines:
        table(path / "attributes.csv", *lines)
    return path


def named(name: str) -> Dataset:
    return from_arrays(np.zeros((2, 8, 8), np.uint8), name=name)


def test_properties_of_one_and_of_several_observers(tmp_path: Path) -> None:
    path = table(
        tmp_path / "a.csv",
        "dataset,observer,colour,kind",
        "eye,ann,colour,vessels",
        "eye,bob,gray,",
        "lung,,gray,organs",
    )
    found = read_attributes(path)
    assert found == {
        "eye": {"colour@ann": "colour", "kind@ann": "vessels", "colour@bob": "gray"},
        "lung": {"colour": "gray", "kind": "organs"},
    }
    assert votes_of(found["eye"]) == {"colour": {"ann": "colour", "bob": "gray"}, "kind": {"ann": "vessels"}}


def test_the_first_property_may_be_unanswered(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "dataset,colour,kind", "eye,,vessels")
    assert read_attributes(path) == {"eye": {"kind": "vessels"}}


def test_choices_name_sources_and_every_dataset_then_knows_its_name(tmp_path: Path) -> None:
    path = table(tmp_path / "c.csv", "observer,target,source", "ann,mine,eye", "bob,mine,lung")
    datasets = attach([named("eye"), named("mine")], read_attributes(path))
    assert dict(datasets[0].attributes) == {"name": "eye"}
    assert dict(datasets[1].attributes) == {"name": "mine", "choice@ann": "eye", "choice@bob": "lung"}
    assert votes_of(datasets[1].attributes) == {}


def test_a_table_in_the_datasets_folder_is_found_and_is_no_image(tmp_path: Path) -> None:
    found = open_dataset(folder(tmp_path / "eye", "observer,colour", "ann,gray", "bob,colour"))
    assert dict(found.attributes) == {"colour@ann": "gray", "colour@bob": "colour"}
    assert found.has(Need.ATTRIBUTES)
    assert found.notes == ()
    assert not open_dataset(folder(tmp_path / "bare")).has(Need.ATTRIBUTES)


def test_of_a_table_of_several_datasets_the_folders_own_lines_count(tmp_path: Path) -> None:
    path = folder(tmp_path / "eye", "dataset,colour", "eye,gray", "lung,colour")
    assert dict(open_dataset(path).attributes) == {"colour": "gray"}
    assert dict(open_dataset(f"lung={path}").attributes) == {"colour": "colour"}
    assert dict(open_dataset(f"other={path}").attributes) == {"colour": "gray"}
    with pytest.raises(DataError, match="speaks of eye, lung, and not of 'hand'"):
        open_dataset(folder(tmp_path / "hand", "dataset,colour", "eye,gray", "lung,colour"))


def test_new_attributes_leave_the_images_what_they_are(tmp_path: Path) -> None:
    plain = named("eye")
    rated = attach([plain], {"eye": {"colour": "gray"}})[0]
    assert rated.images_fingerprint == plain.images_fingerprint
    assert rated.fingerprint([Need.ATTRIBUTES]) != attach([plain], {"eye": {"colour": "red"}})[0].fingerprint(
        [Need.ATTRIBUTES]
    )


def test_tables_add_up_unless_they_answer_the_same_twice() -> None:
    ann, bob = {"eye": {"colour@ann": "gray"}}, {"eye": {"colour@bob": "gray"}}
    assert merge([ann, bob]) == {"eye": {"colour@ann": "gray", "colour@bob": "gray"}}
    with pytest.raises(DataError, match="'colour' of 'eye' by 'ann' is answered twice"):
        merge([ann, bob, ann])


def test_a_table_that_speaks_of_none_of_the_datasets_is_refused() -> None:
    with pytest.raises(DataError, match=r"no dataset is named so\. Did you mean 'eyes'\?"):
        attach([named("eyes"), named("lung")], {"eye": {"colour": "gray"}})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["dataset,observer,colour", "eye,ann,gray", "eye,ann,gray"], "line 3: 'colour' of 'eye' by 'ann' is answered"),
        (["dataset,colour", ",gray"], "line 2: the table names no dataset"),
        (["dataset,observer", "eye,ann"], "line 2: the table names no property"),
        (["colour", "gray"], "line 2: the table names no dataset"),
        (["dataset,colour@ann", "eye,gray"], "has the column 'colour@ann'"),
        (["dataset,choice", "eye,gray"], "has the column 'choice'"),
        (["dataset,colour,colour", "eye,gray,gray"], "has the column 'colour'"),
        (["dataset,colour", "eye,gray,more"], "line 2: more cells than columns"),
        (["dataset,colour"], "has no rows"),
        (["observer,target,source", "ann,mine,"], "line 2: a choice needs an observer, a target and a source"),
        (["observer,target,source", "ann,a,b", "ann,a,c"], "line 3: 'choice' of 'a' by 'ann' is answered twice"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_line(tmp_path: Path, lines: list[str], expected: str) -> None:
    with pytest.raises(DataError) as caught:
        read_attributes(table(tmp_path / "a.csv", *lines))
    assert expected in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00dataset")
    with pytest.raises(DataError, match="cannot read the table"):
        read_attributes(tmp_path / "a.csv")
    with pytest.raises(DataError, match="cannot read the table"):
        read_attributes(tmp_path / "absent.csv")


def test_a_given_table_takes_the_place_of_what_a_dataset_carried() -> None:
    """A mixture of own and given properties would differ from dataset to dataset, and count as differences."""
    eye = attach([named("eye")], {"eye": {"modality": "fundus", "colour@ann": "gray"}})[0]
    rated = attach([eye], {"eye": {"colour@bob": "red"}})[0]
    assert dict(rated.attributes) == {"colour@bob": "red"}
    chosen = attach([rated], {"eye": {"choice@bob": "lung"}})[0]
    assert dict(chosen.attributes) == {"colour@bob": "red", "choice@bob": "lung", "name": "eye"}

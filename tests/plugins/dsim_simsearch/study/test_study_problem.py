"""Annotated images become a problem: faulty boxes are left out, groups stay whole, seen images are not tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_cells import annotated_cells, draw_cells, write_cells

from dsim.annotations import Region
from dsim.data import from_arrays, open_dataset
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim_simsearch.study.problem import (
    AnnotatedImages,
    class_counts,
    divide_images,
    find_annotations,
    open_annotated,
    pose_problem,
)


def test_boxes_of_a_file_are_centres_of_objects_by_image_and_class(tmp_path: Path) -> None:
    folder = write_cells(tmp_path / "cells", 3)
    annotated = open_annotated(open_dataset(str(folder)), find_annotations(str(folder)))
    assert annotated.counts == {"disc": 15, "ring": 12}
    assert annotated.sizes == ((96, 96),) * 3
    drawn = [region.centre for region in draw_cells(1)[1] if region.label == "ring"]
    place = list(annotated.dataset.ids).index("cells1")
    np.testing.assert_allclose(annotated.centres("ring", place), drawn, atol=0.01)
    assert annotated.centres("clump", 0).shape == (0, 2)


def test_degenerate_boxes_and_boxes_outside_are_left_out_with_a_note(tmp_path: Path) -> None:
    folder = write_cells(tmp_path / "cells", 2)
    with (folder / "boxes.csv").open("a", encoding="utf-8") as file:
        file.write("cells1.png,40,40,40,40,disc\ncells0.png,90,90,120,110,disc\n")
    annotated = open_annotated(open_dataset(str(folder)), folder / "boxes.csv")
    assert annotated.counts == {"disc": 10, "ring": 8}
    assert [("cells1" in note, "cells0" in note) for note in annotated.notes] == [(True, False), (False, True)]


def test_annotations_of_another_set_are_an_error_that_names_its_image(tmp_path: Path) -> None:
    folder = write_cells(tmp_path / "cells", 2)
    (folder / "boxes.csv").write_text("image,x,y,class\nsmear9.png,3,3,disc\n", "utf-8")
    with pytest.raises(DataError, match="smear9"):
        open_annotated(open_dataset(str(folder)), folder / "boxes.csv")


def test_annotations_lie_in_the_folder_or_above_it(tmp_path: Path) -> None:
    folder = write_cells(tmp_path / "cells", 1)
    assert find_annotations(str(folder / "images")) == folder / "boxes.csv"
    (folder / "boxes.csv").unlink()
    with pytest.raises(UsageError, match="cells"):
        find_annotations(str(folder))


def test_the_division_is_that_of_the_seed_and_of_the_wanted_size() -> None:
    annotated = annotated_cells()
    training, test = divide_images(annotated, 0.25, 0)
    assert sorted([*training, *test]) == list(range(12))
    assert len(test) == 3
    assert divide_images(annotated, 0.25, 0) == (training, test)
    assert len({divide_images(annotated, 0.25, seed)[1] for seed in range(6)}) > 1


def test_groups_are_on_one_side_and_images_that_are_never_tested_take_theirs_along() -> None:
    images = np.zeros((12, 20, 20), np.uint8)
    dataset = from_arrays(images, name="cells", groups=[f"slide{number // 3}" for number in range(12)])
    annotated = AnnotatedImages(dataset, ((20, 20),) * 12, ((),) * 12, "digest")
    for seed in range(8):
        training, test = divide_images(annotated, 0.5, seed, [dataset.ids[4]])
        slides = [{place // 3 for place in side} for side in (training, test)]
        assert not slides[0] & slides[1]
        assert len(slides[1]) == 2
        assert 1 in slides[0]


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_side_without_images_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match=f"{share:g}"):
        divide_images(annotated_cells(4), share, 0)


def test_unknown_names_are_refused() -> None:
    annotated = annotated_cells(4)
    with pytest.raises(UnknownNameError, match="disk"):
        pose_problem(annotated, ["disk"], None, 0.5, 0)
    with pytest.raises(UnknownNameError, match="cells99"):
        pose_problem(annotated, ["disc"], None, 0.5, 0, ["cells99"])


def test_points_need_a_patch_and_a_class_must_be_on_both_sides() -> None:
    dataset = from_arrays(np.zeros((4, 20, 20), np.uint8), name="cells")
    everywhere = tuple((Region(name, 9, 9, 0, 0, "cell"),) for name in dataset.ids)
    annotated = AnnotatedImages(dataset, ((20, 20),) * 4, everywhere, "digest")
    with pytest.raises(UsageError, match="cell"):
        pose_problem(annotated, ["cell"], None, 0.5, 0)
    posed = pose_problem(annotated, ["cell"], 7, 0.5, 0)
    assert posed.patch == 7
    assert class_counts(posed) == {"cell": (2, 2)}
    once = AnnotatedImages(dataset, ((20, 20),) * 4, (everywhere[0], (), (), ()), "digest")
    with pytest.raises(DataError, match="'cell'"):
        pose_problem(once, ["cell"], 7, 0.5, 0)

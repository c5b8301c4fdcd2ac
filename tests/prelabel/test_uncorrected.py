"""Some images of a target are pre-labelled, and a mask that nobody corrected is not taken for an annotation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.data import open_dataset, unchanged_prelabels, with_masks, without_unchanged
from dsim.errors import DataError
from dsim.prelabel import Model, prelabel


@pytest.fixture
def corrected(cells: Path, bright: Callable[..., Model], tmp_path: Path) -> Path:
    """Pre-labels of ``b`` and ``d``, of which ``d`` was corrected."""
    out = tmp_path / "out"
    target = open_dataset(cells)
    prelabel(target, bright(), out, images=[target.ids.index("d"), target.ids.index("b")], sheet=2)
    drawn = np.array(Image.open(out / "masks" / "d.png"))
    drawn[:5] = 255
    Image.fromarray(drawn).save(out / "masks" / "d.png")
    return out


def test_only_the_chosen_images_are_labelled(corrected: Path, cells: Path, bright: Callable[..., Model]) -> None:
    assert sorted(path.name for path in (corrected / "masks").iterdir()) == ["b.png", "d.png"]
    with pytest.raises(DataError, match="other images of the same target") as caught:
        prelabel(open_dataset(cells), bright(), corrected, images=[0])
    assert "--overwrite" in caught.value.hint


def test_a_corrected_mask_counts_and_an_unchanged_one_does_not(corrected: Path, cells: Path) -> None:
    target = with_masks(open_dataset(cells), [corrected / "masks"])
    assert [target.ids[index] for index in unchanged_prelabels(target)] == ["b"]
    kept = without_unchanged(target)
    assert [kept.ids[index] for index in kept.annotated] == ["d"]
    [note] = [note for note in kept.notes if "unchanged" in note]
    assert "1 of 2" in note
    assert without_unchanged(kept) is kept


def test_it_is_known_of_subsets_and_where_both_folders_are_named(corrected: Path, cells: Path) -> None:
    named = open_dataset(f"{cells.parent}[images=cells,masks=out/masks]")
    assert [named.ids[index] for index in unchanged_prelabels(named)] == ["b"]
    part = named.subset([named.ids.index("b"), named.ids.index("d")])
    assert unchanged_prelabels(part) == (0,)


def test_a_mask_that_was_saved_again_counts(corrected: Path, cells: Path) -> None:
    path = corrected / "masks" / "b.png"
    Image.open(path).save(path, compress_level=1)
    assert unchanged_prelabels(with_masks(open_dataset(cells), [corrected / "masks"])) == ()


def test_beginning_anew_does_not_remove_what_somebody_corrected(
    corrected: Path, cells: Path, bright: Callable[..., Model]
) -> None:
    """Guards hours of work: only masks that are as they were written are replaced."""
    target, drawn = open_dataset(cells), (corrected / "masks" / "d.png").read_bytes()
    with pytest.raises(DataError, match=r"masks/d\.png") as caught:
        prelabel(target, bright("b" * 64), corrected, overwrite=True)
    assert "another folder" in caught.value.hint
    assert "--masks" in caught.value.hint
    assert (corrected / "masks" / "d.png").read_bytes() == drawn
    assert (corrected / "masks" / "b.png").exists()

    (corrected / "masks" / "d.png").rename(corrected.parent / "d.png")
    prelabel(target, bright("b" * 64), corrected, overwrite=True)
    assert len(list((corrected / "masks").iterdir())) == len(target)
    assert (corrected.parent / "d.png").read_bytes() == drawn

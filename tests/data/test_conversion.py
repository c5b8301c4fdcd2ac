"""Paths, arrays and torch datasets are opened by the right opener, or the error names the opener that takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsim.data import to_dataset, to_datasets
from dsim.data.phantoms import open_phantom
from dsim.errors import DataError, UsageError

ONE = open_phantom("xray", count=2, size=16)
STACK = np.arange(2 * 9 * 8, dtype=np.uint8).reshape(2, 9, 8)


class Pictures:
    """A map-style dataset as torch's are, without torch."""

    def __len__(self) -> int:
        return len(STACK)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return STACK[index], index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    for index, image in enumerate(STACK):
        Image.fromarray(image).save(tmp_path / "mine" / f"{index}.png")
    return tmp_path / "mine"


def test_a_dataset_is_returned_as_it_is() -> None:
    assert to_dataset(ONE, "x") is ONE
    assert to_dataset(ONE, "x", named=True).name == "x"


def test_every_kind_gives_the_same_pixels(folder: Path) -> None:
    given = {
        "path": folder,
        "text": str(folder),
        "stack": STACK,
        "images": list(STACK),
        "torch": Pictures(),
    }
    for name, dataset in zip(given, to_datasets(given, "source"), strict=True):
        assert dataset.name == name
        np.testing.assert_array_equal([dataset.pixels(i)[..., 0] for i in range(2)], STACK)


def test_a_tensor_has_its_channels_first() -> None:
    torch = pytest.importorskip("torch")
    dataset = to_dataset(torch.as_tensor(np.stack([STACK] * 3, axis=1)), "tensor")
    assert dataset.pixels(1).shape == (9, 8, 3)
    np.testing.assert_array_equal(dataset.pixels(1)[..., 2], STACK[1])


def test_names_are_those_of_the_mapping_the_path_or_the_place_in_the_list(folder: Path) -> None:
    found = to_datasets([folder, f"other={folder}", "phantoms:xray[count=2]", STACK, ONE], "source")
    assert [dataset.name for dataset in found] == ["mine", "other", "xray[count=2]", "source-4", ONE.name]
    assert [dataset.name for dataset in to_datasets({"a": folder, "b": STACK}, "target")] == ["a", "b"]
    assert [dataset.name for dataset in to_datasets(STACK, "target")] == ["target"]
    assert len(to_datasets((path for path in [folder, folder]), "source")) == 2


class Records(Pictures):
    """A dataset whose items are records, as those of tables are."""

    def __getitem__(self, index: int) -> Any:
        return {"picture": STACK[index], "kind": index}


#: What is given, the culprit in the message, and the fix.
REFUSED: dict[str, tuple[Any, str, str]] = {
    "a number": (3, "int", "phantoms:NAME"),
    "nothing": (None, "NoneType", "phantoms:NAME"),
    "features": (np.zeros((5, 2)), "(5, 2)", "from_arrays(features="),
    "one colour image": (np.zeros((16, 16, 3), np.uint8), "(16, 16, 3)", "from_arrays([image]"),
    "a list of lists": ([["a/"], ["b/"]], "list of str", "flat list"),
    "a loader": (type("DataLoader", (), {"dataset": Pictures()})(), "DataLoader", "loader.dataset"),
    "records": (Records(), "picture, kind", "from_arrays(["),
    "a mapping within a list": ([{"a": STACK}], "dict", "phantoms:NAME"),
}


@pytest.mark.parametrize(("given", "culprit", "fix"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_dataset_is_refused_with_the_way_to_make_one(given: Any, culprit: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        to_datasets(given, "source")
    assert culprit in caught.value.message
    assert "source" in caught.value.message
    assert fix in (caught.value.hint or "")


def test_a_path_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="nowhere"):
        to_datasets(["nowhere/at/all"], "source")

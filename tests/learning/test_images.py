"""Banks of images: bytes as they would be rounded one by one, in memory and mapped; balanced batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dsim.data import from_arrays
from dsim.errors import DataError
from dsim.features import Square
from dsim.learning import images as banks
from dsim.learning.images import ImageBank, balanced_batches, build_bank, read_bank, recall, to_bytes
from dsim.runtime import Runtime

FLOATS = np.random.default_rng(0).random((5, 3, 8, 8), dtype=np.float32)


@pytest.mark.parametrize("memory", [1 << 20, 300], ids=["in memory", "mapped"])
def test_a_bank_holds_the_rounded_bytes_of_each_image(memory: int, tmp_path: Path) -> None:
    bank = build_bank(iter(FLOATS), memory=memory, folder=tmp_path / "scratch")
    expected = (FLOATS * 255).round().astype("uint8")
    assert len(bank) == 5
    assert bank.images.numpy().tolist() == expected.tolist()
    assert [image.numpy().tolist() for image in bank] == expected.tolist()
    assert bank.fingerprint == build_bank(torch.from_numpy(expected)).fingerprint
    assert list(tmp_path.rglob("*.*")) == []


def test_a_mapped_bank_outlives_the_file_and_its_folder(tmp_path: Path) -> None:
    bank = build_bank(iter(FLOATS), memory=1, folder=tmp_path / "scratch")
    (tmp_path / "scratch").rmdir()
    assert torch.equal(bank.images, to_bytes(FLOATS))


def test_batches_are_floats_in_the_unit_range() -> None:
    batch = build_bank(iter(FLOATS)).batch(torch.tensor([3, 0]))
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch, torch.from_numpy(FLOATS[[3, 0]]), rtol=0, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("memory", [1 << 20, 10], ids=["in memory", "mapped"])
def test_images_of_several_shapes_are_held_one_by_one_and_refused_as_a_batch(memory: int, tmp_path: Path) -> None:
    planes = [torch.rand(4, 5, 6), torch.rand(4, 7, 3), torch.zeros(1, 1, 1, dtype=torch.uint8)]
    bank = build_bank(planes, memory=memory, folder=tmp_path)
    assert [image.shape for image in bank] == [image.shape for image in planes]
    assert all(torch.equal(image, to_bytes(other)) for image, other in zip(bank, planes, strict=True))
    with pytest.raises(DataError, match="3 images"):
        _ = bank.images


def test_bytes_are_kept_and_floats_out_of_range_are_clipped() -> None:
    assert to_bytes(np.array([0, 7, 255], np.uint8)).tolist() == [0, 7, 255]
    assert to_bytes(torch.tensor([-0.1, 0.5, 1.1])).tolist() == [0, 128, 255]


def test_an_empty_bank_has_no_images() -> None:
    assert len(build_bank([])) == 0


@pytest.mark.parametrize("workers", [0, 2])
def test_datasets_are_read_into_one_bank_with_their_owners(workers: int, tmp_path: Path) -> None:
    pixels = (FLOATS.transpose(0, 2, 3, 1) * 255).astype("uint8")
    datasets = [from_arrays(pixels[:2], name="a"), from_arrays(pixels[2:], name="b")]
    bank, owners = read_bank(datasets, Square(6), Runtime(workers=workers, batch=2, cache=tmp_path))
    assert owners.tolist() == [0, 0, 1, 1, 1]
    expected = [to_bytes(Square(6).apply(d.pixels(i))).tolist() for d in datasets for i in range(len(d))]
    assert bank.images.tolist() == expected


def test_banks_that_were_used_last_are_recalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banks, "RECALLED_BYTES", 2 * FLOATS.size)
    built: list[str] = []

    def bank(key: str) -> ImageBank:
        built.append(key)
        return build_bank(iter(FLOATS))

    for key in ("a", "b", "a", "c", "a", "b"):
        recall(("test", key), lambda key=key: bank(key))  # type: ignore[misc]
    assert built == ["a", "b", "c", "b"]


SIZES = (12, 8, 10, 3)
OWNERS = torch.repeat_interleave(torch.arange(4), torch.tensor(SIZES))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def members() -> list[torch.Tensor]:
    return [torch.nonzero(dataset == OWNERS).flatten() for dataset in range(len(SIZES))]


def test_a_batch_holds_as_many_images_of_each_of_its_datasets() -> None:
    for batch in balanced_batches(members(), 12, generator()):
        counts = torch.bincount(OWNERS[batch], minlength=4)
        assert sorted(counts.tolist()) == [0, 4, 4, 4]


def test_an_epoch_passes_about_every_image_and_all_datasets_take_turns() -> None:
    seen = torch.cat(list(balanced_batches(members(), 16, generator())))
    assert sum(SIZES) <= len(seen) < sum(SIZES) + 16
    assert set(OWNERS[seen].tolist()) == {0, 1, 2, 3}


def test_no_image_comes_twice_in_a_batch_while_its_dataset_has_enough() -> None:
    for batch in balanced_batches(members()[:3], 12, generator()):
        assert len(set(batch.tolist())) == len(batch)


def test_a_dataset_of_two_images_still_fills_its_share() -> None:
    batches = list(balanced_batches([torch.tensor([0, 1]), torch.tensor([2, 3, 4, 5, 6, 7])], 8, generator()))
    assert all(set(batch[batch < 2].tolist()) == {0, 1} for batch in batches)


#: The first batch of seed 0, which trainings were frozen with.
FIRST = [0, 9, 11, 10, 18, 17, 14, 12, 32, 30, 31, 32]


def test_batches_are_those_of_their_seed() -> None:
    assert next(balanced_batches(members(), 12, generator())).tolist() == FIRST

"""The stream of batches: in order, bounded, and it ends cleanly however it ends."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.errors import UnreadableImageError
from dsim.features import Square, image_batches


@dataclass
class Numbered:
    """A stand-in for a dataset: image i is filled with i; notes which images were decoded."""

    n: int
    broken: int = -1
    treatment: str = "none"
    decoded: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return self.n

    def pixels(self, index: int) -> NDArray[np.uint8]:
        if index == self.broken:
            raise UnreadableImageError(f"image {index} is truncated")
        time.sleep(0.001 * (index % 3))
        self.decoded.append(index)
        return np.full((4, 4, 1), index, np.uint8)


def decoders() -> int:
    return sum(thread.name.startswith("dsim-decode") for thread in threading.enumerate())


def numbers(batches: list[NDArray[np.float32]]) -> list[int]:
    return [round(float(image.mean()) * 255) for batch in batches for image in batch]


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize(("n", "sizes"), [(10, [4, 4, 2]), (8, [4, 4]), (3, [3])])
def test_batches_come_in_order_and_the_last_may_be_smaller(workers: int, n: int, sizes: list[int]) -> None:
    batches = list(image_batches(Numbered(n), Square(4, 1), 4, workers))  # type: ignore[arg-type]
    assert [len(batch) for batch in batches] == sizes
    assert numbers(batches) == list(range(n))
    assert batches[0].shape[1:] == (1, 4, 4)
    assert batches[0].dtype == np.float32


def test_memory_does_not_grow_with_the_dataset() -> None:
    """After the first batch no more than the window is decoded, however long the dataset is."""
    data = Numbered(200)
    batches = image_batches(data, Square(4, 1), 4, 2)  # type: ignore[arg-type]
    next(batches)
    time.sleep(0.1)
    assert len(data.decoded) <= 4 + 2 * 4
    batches.close()  # type: ignore[attr-defined]


def test_decoding_runs_ahead_of_the_consumer() -> None:
    data = Numbered(40)
    batches = image_batches(data, Square(4, 1), 4, 2)  # type: ignore[arg-type]
    next(batches)
    time.sleep(0.1)
    assert len(data.decoded) > 8
    batches.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("workers", [0, 3])
def test_an_error_surfaces_at_its_batch_and_stops_the_threads(workers: int) -> None:
    batches = image_batches(Numbered(40, broken=9), Square(4, 1), 4, workers)  # type: ignore[arg-type]
    assert len(next(batches)) == 4
    assert len(next(batches)) == 4
    with pytest.raises(UnreadableImageError, match="image 9 is truncated"):
        next(batches)
    assert decoders() == 0


def test_closing_stops_the_threads() -> None:
    batches = image_batches(Numbered(1000), Square(4, 1), 4, 3)  # type: ignore[arg-type]
    next(batches)
    assert decoders() > 0
    batches.close()  # type: ignore[attr-defined]
    assert decoders() == 0


def test_an_interrupt_in_the_consumer_stops_the_threads() -> None:
    def consume() -> None:
        for _ in image_batches(Numbered(1000), Square(4, 1), 4, 3):  # type: ignore[arg-type]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    for _ in range(100):
        if decoders() == 0:
            break
        time.sleep(0.01)
    assert decoders() == 0


def test_nothing_starts_before_the_first_batch_is_asked_for() -> None:
    data = Numbered(10)
    image_batches(data, Square(4, 1), 4, 2)  # type: ignore[arg-type]
    assert data.decoded == []
    assert decoders() == 0

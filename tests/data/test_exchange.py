"""Images that change places among datasets: who leaves which, and that nobody comes home."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import dsim
from dsim.data.dataset import Dataset
from dsim.data.splits import deal_images, exchange_images
from dsim.errors import UsageError

LEVELS = {"dark": 0, "dim": 50, "middle": 100, "bright": 190}


@pytest.fixture
def sources() -> list[Dataset]:
    stacks = {
        name: np.random.default_rng(low).integers(low, low + 60, (10, 16, 16, 3)).astype(np.uint8)
        for name, low in LEVELS.items()
    }
    return [dsim.from_arrays(stack, name=name, attributes={"modality": name}) for name, stack in stacks.items()]


def homes_of(spoilt: Dataset) -> Counter[str]:
    return Counter(sample.partition("/")[0] for sample in spoilt.ids)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_datasets_keep_their_size_and_lose_exactly_the_share(sources: list[Dataset], share: float) -> None:
    spoilt = exchange_images(sources, share, 0)
    for before, after in zip(sources, spoilt, strict=True):
        assert len(after) == len(before)
        assert homes_of(after)[before.name] == 10 - round(10 * share)
        assert after.attributes == before.attributes
    assert sorted(sample for one in spoilt for sample in one.ids) == sorted(
        f"{one.name}/{sample}" for one in sources for sample in one.ids
    )


def test_a_stranger_is_the_image_that_its_id_names(sources: list[Dataset]) -> None:
    one = exchange_images(sources, 0.3, 0)[0]
    for index, sample in enumerate(one.ids):
        home, _, own = sample.partition("/")
        origin = next(source for source in sources if source.name == home)
        np.testing.assert_array_equal(one.pixels(index), origin.pixels(list(origin.ids).index(own)))


@pytest.mark.parametrize("sizes", [[3, 3], [50, 4, 3], [7, 7, 7, 30], [1, 1, 1]])
@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_nobody_comes_home_and_as_many_come_as_leave(sizes: list[int], share: float) -> None:
    for seed in range(5):
        homes, images, places = deal_images(sizes, share, np.random.default_rng(seed))
        assert (homes != places).all()
        assert Counter(homes.tolist()) == Counter(places.tolist())
        assert len(set(zip(homes.tolist(), images.tolist(), strict=True))) == len(homes)


def test_strangers_come_from_every_other_dataset() -> None:
    """A mere exchange between neighbours would spoil less than badly sorted images do."""
    homes, _, places = deal_images([200] * 5, 0.5, np.random.default_rng(0))
    for place in range(5):
        assert len(set(homes[places == place].tolist())) == 4


def test_the_seed_decides_who_leaves(sources: list[Dataset]) -> None:
    first, second, third = (exchange_images(sources, 0.3, seed)[0].ids for seed in (0, 0, 1))
    assert first == second != third


def test_shares_that_cannot_be_exchanged_are_refused(sources: list[Dataset]) -> None:
    for share in (0.0, 1.2):
        with pytest.raises(UsageError, match="share"):
            exchange_images(sources, share, 0)
    with pytest.raises(UsageError, match="less than one image"):
        exchange_images(sources, 0.04, 0)
    with pytest.raises(UsageError, match="two datasets"):
        exchange_images(sources[:1], 0.5, 0)

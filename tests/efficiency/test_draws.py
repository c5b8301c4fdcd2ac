"""Random training sets: nested, reproducible, and complete where classes are small."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.efficiency import draw_labelled
from dsim.errors import UsageError

LABELS = [*"aaaaaaaaaabbbbbbccc"]


def test_draws_are_nested_and_have_as_many_of_each_class() -> None:
    draws = draw_labelled(LABELS, (1, 2, 5), 20, 0, "cells")
    for repeat in range(20):
        one, two, five = (set(draws.indices(repeat, count).tolist()) for count in (1, 2, 5))
        assert one < two < five
        assert [sum(LABELS[i] == name for i in five) for name in "abc"] == [5, 5, 3]


def test_a_draw_depends_on_seed_dataset_and_repeat_alone() -> None:
    few, many = draw_labelled(LABELS, (2,), 3, 0, "cells"), draw_labelled(LABELS, (1, 2, 5), 30, 0, "cells")
    assert all((few.indices(repeat, 2) == many.indices(repeat, 2)).all() for repeat in range(3))
    for other in (draw_labelled(LABELS, (2,), 30, 1, "cells"), draw_labelled(LABELS, (2,), 30, 0, "eyes")):
        assert any((other.indices(repeat, 2) != many.indices(repeat, 2)).any() for repeat in range(30))


def test_every_image_is_drawn_equally_often() -> None:
    draws = draw_labelled(LABELS, (1,), 3000, 0, "cells")
    times = np.bincount(np.concatenate([draws.indices(repeat, 1) for repeat in range(3000)]), minlength=len(LABELS))
    assert times[:10] == pytest.approx(np.full(10, 300), abs=75)
    assert times[16:] == pytest.approx(np.full(3, 1000), abs=125)


def test_counts_that_add_nothing_are_dropped_and_short_classes_named() -> None:
    draws = draw_labelled(LABELS, (100, 1, 5, 10, 1000), 2, 0, "cells")
    assert draws.counts == (1, 5, 10)
    assert draws.short(5) == {"c": 3}
    assert draws.whole(10)
    assert not draws.whole(5)
    assert draws.indices(1, 10).tolist() == list(range(len(LABELS)))


@pytest.mark.parametrize(("counts", "repeats"), [((0,), 1), ((), 1), ((1,), 0)])
def test_nothing_to_draw_is_refused(counts: tuple[int, ...], repeats: int) -> None:
    with pytest.raises(UsageError):
        draw_labelled(LABELS, counts, repeats, 0, "cells")

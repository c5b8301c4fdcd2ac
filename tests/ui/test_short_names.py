"""Names that are shortened keep both ends, fit, and stay different."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from dsim.ui.short_names import shorten, shorten_distinctly


@pytest.mark.parametrize("width", [7, 8, 12, 20])
@pytest.mark.parametrize(
    "names",
    [
        [f"nuclei_fluorescence_of_day_{day:02d}" for day in range(40)],
        [f"{day:02d}_nuclei_fluorescence_of_the_series" for day in range(40)],
        [f"nuclei_of_day_{day:02d}_and_of_the_whole_series" for day in range(40)],
        [f"nuclei_{left}_of_the_series_{right}_of_the_year" for left in "abc" for right in "xyz"],
        ["核の蛍光顕微鏡画像その一" * 2, "核の蛍光顕微鏡画像その二" * 2],
        ["a", "nuclei…_day1", "nuclei_fluorescence_day1"],
    ],
)
def test_different_names_stay_different_and_fit(names: list[str], width: int) -> None:
    short = shorten_distinctly(names, width)
    assert list(dict.fromkeys(names)) == [name for name in names if name in short]
    assert len(set(short.values())) == len(set(names))
    assert max(map(cell_len, short.values())) <= width


def test_both_ends_are_kept_and_short_names_stay() -> None:
    assert shorten("usgra_nerve", 11) == "usgra_nerve"
    short = shorten("dsb2018_stage1_train_fluo", 14)
    assert short.startswith("dsb2018")
    assert short.endswith("_fluo")

"""A progress bar takes one line in 80 columns, however long what it tells is."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from dsim.ui.bars import in_one_line, make_bars


@pytest.mark.parametrize("expected", ["", "loss 0.1234  lr 0.0001  validation 0.5123", "x" * 100])
@pytest.mark.parametrize("description", ["pairs", "features of nuclei_of_fluorescence_microscopy_day_01"])
def test_description_and_fields_share_the_room_and_no_number_is_cut(description: str, expected: str) -> None:
    described, left = in_one_line(description, expected, 32)
    assert cell_len(described) + (2 + cell_len(left) if left else 0) <= 32
    assert set(left.split("  ") if left else []) <= set(expected.split("  "))


def test_a_slow_task_says_how_long_each_step_takes() -> None:
    clock = iter(float(second) for second in range(0, 1000, 10))
    with_clock = make_bars()
    with_clock.get_time = lambda: next(clock)
    task = with_clock.add_task("training", total=9, unit="epochs", fields="")
    for _ in range(3):
        with_clock.advance(task)
    lines = with_clock.console.render_lines(with_clock.get_renderable(), pad=False)
    assert "s each" in "".join(segment.text for segment in lines[0])


def test_a_line_of_bars_fits_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    narrow = Console(file=drawn, width=80, force_terminal=True)
    monkeypatch.setattr("rich.console.Console", lambda **_: narrow)
    bars = make_bars()
    task = bars.add_task("features of nuclei_of_fluorescence_day_01", total=99999, unit="images", fields="loss 0.12")
    bars.update(task, completed=12345)
    lines = bars.console.render_lines(bars.get_renderable(), pad=False)
    assert len(lines) == 1
    text = "".join(segment.text for segment in lines[0])
    assert cell_len(text) <= 80
    assert "12345/99999" in text
    assert "loss 0.12" in text

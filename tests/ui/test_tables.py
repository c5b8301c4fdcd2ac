"""A table is no wider than the terminal, and its numbers and names can be read whatever the names are."""

from __future__ import annotations

import io

import click
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from dsim.ui import options, print_table

LONG = [f"nuclei_of_fluorescence_microscopy_day_{day:02d}" for day in range(6)]
INTERVAL = "-0.1234 to 0.5678"


def printed_at(width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *table, **look) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(*table, **look)
    printed = capsys.readouterr().out
    assert max(map(cell_len, printed.splitlines())) <= width
    return printed


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_names_give_way_and_numbers_do_not(width, capsys, monkeypatch) -> None:
    rows = [[name, str(rank), LONG[-1 - rank], f"0.{rank}234", INTERVAL] for rank, name in enumerate(LONG)]
    columns = ["target", "rank", "source", "value", "95% interval"]
    printed = printed_at(width, capsys, monkeypatch, "t", columns, rows, right=["rank", "value", "95% interval"])
    assert all(f"0.{rank}234 " in printed for rank in range(6))
    assert printed.count(INTERVAL) == 6
    shortened = {line.split("│")[1].strip() for line in printed.splitlines() if line.startswith("│")}
    assert len(shortened) >= 6


def test_optional_columns_are_left_out_the_least_important_first(capsys, monkeypatch) -> None:
    columns, rows = ["name", "value", "interval", "share"], [[LONG[0], "1.234", INTERVAL * 2, "12 %"]]
    look = {"right": columns[1:], "optional": ["interval", "share"]}
    printed = printed_at(72, capsys, monkeypatch, "", columns, rows, **look)
    assert "interval" in printed
    assert "share" not in printed
    assert LONG[0] not in printed
    printed = printed_at(50, capsys, monkeypatch, "", columns, rows, **look)
    assert "interval" not in printed
    assert "value" in printed


def test_a_matrix_that_is_too_wide_goes_on_below_with_its_names(capsys, monkeypatch) -> None:
    columns = ["source", *(f"target_of_a_long_name_{number:02d}" for number in range(16))]
    rows = [[name, *(f"{column}.25" for column in range(10, 26))] for name in LONG]
    printed = printed_at(80, capsys, monkeypatch, "", columns, rows, right=columns[1:])
    assert printed.count("source") > 1
    assert all(printed.count(f" {column}.25 ") == len(LONG) for column in range(10, 26))
    headings = [line for line in printed.splitlines() if line.startswith("┃")]
    names = [name.strip() for line in headings for name in line.strip("┃").split("┃")[1:]]
    assert len(set(names)) == 16


def test_prose_is_folded_and_nothing_of_it_is_lost(capsys, monkeypatch) -> None:
    reason = "the file /data/" + "folder/" * 20 + "image.png has no mask, and was left out of the comparison"
    printed = printed_at(80, capsys, monkeypatch, "", ["image", "why"], [["a", reason]], prose=["why"])
    cells = [line.split("│")[2].strip() for line in printed.splitlines() if line.startswith("│")]
    assert "".join(cells).replace(" ", "") == reason.replace(" ", "")


def test_names_that_are_typed_stay_whole(capsys, monkeypatch) -> None:
    printed = printed_at(80, capsys, monkeypatch, "", ["id", "title"], [[LONG[0], LONG[1]]], whole=["id"])
    assert LONG[0] in printed
    assert LONG[1] not in printed


def test_a_terminal_of_unknown_or_no_width_gets_the_whole_table(capsys, monkeypatch) -> None:
    for width in ("0", "1", "5"):
        monkeypatch.setenv("COLUMNS", width)
        print_table("", ["n", "rank"], [["a", "12"], ["b", "34"]], right=["rank"])
        printed = capsys.readouterr().out
        assert all(cell in printed for cell in ("a", "12", "b", "34")), width


def test_markup_in_cells_is_not_interpreted(capsys, monkeypatch) -> None:
    printed = printed_at(80, capsys, monkeypatch, "[red]t[/red]", ["n"], [["[bold]x[/bold]"]])
    assert "[red]t[/red]" in printed
    assert "[bold]x[/bold]" in printed


def test_control_characters_of_names_do_not_reach_the_terminal(capsys, monkeypatch) -> None:
    printed = printed_at(80, capsys, monkeypatch, "t\x1b[2J", ["n\x07"], [["a\x1b[31mb"]])
    assert "\x1b" not in printed
    assert "a\\x1b[31mb" in printed


def test_a_terminal_without_unicode_shows_another_sign_for_what_is_left_out(monkeypatch) -> None:
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", plain)
    monkeypatch.setenv("COLUMNS", "40")
    print_table("", ["target", "source"], [[LONG[0], LONG[1]]])
    plain.flush()
    lines = plain.buffer.getvalue().decode("ascii").splitlines()
    assert {len(line) for line in lines} == {40}
    assert "~" in lines[3]


@click.command()
@options.wide
def table() -> None:
    """Print a table that has no room at 80 columns."""
    rows = [[LONG[0], LONG[1], "1.0", INTERVAL, INTERVAL]]
    right = ["value", "interval", "other interval"]
    print_table("", ["target", "source", *right], rows, right=right, optional=["other interval"])


def test_wide_prints_all_and_without_it_one_note_says_so(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    narrow, wide = CliRunner().invoke(table), CliRunner().invoke(table, ["--wide"])
    assert "--wide" in narrow.stderr
    assert LONG[0] not in narrow.stdout
    assert "other interval" in wide.stdout
    assert all(name in wide.stdout for name in LONG[:2])
    assert wide.stderr == ""

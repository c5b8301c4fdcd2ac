"""The page on truth cannot go stale: its Python prints what it shows, its CSV is read, its table is what is stored."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from dsim.cli.main import cli, run
from dsim.truth import TransferMatrix, distance_names, open_truth, truth_names

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "truth.md").read_text("utf-8")


@pytest.mark.parametrize(("code", "printed"), re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE, re.DOTALL))
def test_python_prints_what_is_shown(code: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "docs/truth.md", "exec"), {})
    assert capsys.readouterr().out == printed


def test_the_csv_and_the_python_of_the_page_are_one_truth(tmp_path: Path) -> None:
    path = tmp_path / "my-truth.csv"
    path.write_text(re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)[0])
    names: dict[str, TransferMatrix] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], names)
    assert open_truth(path) == names["truth"]
    assert run(["truth", "check", str(path)]) == 0


@pytest.mark.parametrize("name", [*truth_names(), *distance_names()])
def test_every_stored_one_has_a_card_that_the_page_links(name: str) -> None:
    folder = "truth" if name in truth_names() else "distances"
    card = ROOT / "benchmarks" / folder / name / "card.md"
    assert card.is_file()
    assert f"(reference/{folder}/{name}.md)" in PAGE


@pytest.mark.parametrize("name", truth_names())
def test_the_table_tells_the_size_of_each(name: str) -> None:
    truth = open_truth(name)
    (line,) = re.findall(rf"^\| \[{name}\].*$", PAGE, re.MULTILINE)
    assert f"| {len(truth.sources)} x {len(truth.targets)} |" in line
    assert truth.score in line


@pytest.mark.parametrize("card", sorted((ROOT / "benchmarks").glob("*/*/card.md")), ids=lambda card: card.parent.name)
def test_commands_and_links_of_a_card_lead_somewhere(card: Path) -> None:
    text = card.read_text("utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    assert [link for link in links if not (card.parent / link).exists()] == []
    evaluate = cli.get_command(click.Context(cli), "evaluate")
    assert evaluate is not None
    known = {option for parameter in evaluate.params for option in parameter.opts}
    for line in re.findall(r"`dsim evaluate ([^`]+)`", text):
        assert {word for word in line.split() if word.startswith("--")} <= known

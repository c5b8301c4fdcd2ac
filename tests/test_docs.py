"""README and pages cannot go stale: their Python runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsim.cli.main import spread

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("zoo/**/*.md")])
#: Pages whose Python no other test runs; the others have tests of their own, with the files they talk about.
RUN_HERE = [ROOT / "README.md", ROOT / "docs" / "results.md", ROOT / "docs" / "measures" / "asap.md"]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", RUN_HERE, ids=name)
def test_python_of_the_page_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert blocks(page, "python")
    for block in blocks(page, "python"):
        exec(compile(block, name(page), "exec"), {})
    capsys.readouterr()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_of_the_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_of_the_page_take_the_options_that_are_shown(page: Path) -> None:
    import click

    from dsim.cli.main import cli

    for line in "\n".join(blocks(page, "bash")).replace("\\\n", " ").splitlines():
        for command in re.findall(r"(?:^|&& )dsim ([^#&|]+)", line):
            words = spread(command.split())
            context = click.Context(cli, info_name="dsim")
            found: click.Command | None = cli
            while isinstance(found, click.Group) and words and not words[0].startswith("-"):
                found = found.get_command(context, words.pop(0))
            assert found is not None, f"{name(page)}: no such command in: dsim {command}"
            known = {option for parameter in found.params for option in parameter.opts} | {"--help"}
            shown = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert shown <= known, f"{name(page)}: dsim {command}"

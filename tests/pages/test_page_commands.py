"""Every command that README and pages show runs and prints what is shown, or it is said why it is not run here."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from not_run import NOT_RUN, reason
from page_commands import ROOT, commands, lay_down, matches, pictures, run

PAGES = [page for page in sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")]) if commands(page.read_text("utf-8"))]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that pages talk about, and one cache: pages go over the same ground."""
    folder = tmp_path_factory.mktemp("pages")
    lay_down(folder / "cast")
    return folder


JUDGED: dict[str, tuple[int, str]] = {}


def run_once(command: str, folder: Path) -> tuple[int, str]:
    """Run a command; several pages judge the same stored distances, which is done once, since it needs no file."""
    words = shlex.join(shlex.split(command, comments=True))
    if not words.startswith("dsim evaluate "):
        return run(command, folder)
    if words not in JUDGED:
        JUDGED[words] = run(command, folder)
    return JUDGED[words]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_page_run_and_print_what_is_shown(
    page: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if not pictures(page):
        request.getfixturevalue("blank_pictures")
    monkeypatch.setenv("DSIM_CACHE", str(shared / "cache"))
    here = tmp_path / "here"
    shutil.copytree(shared / "cast", here)
    for command in commands(page.read_text("utf-8")):
        if reason(command.text) is None:
            code, printed = run_once(command.text, here)
            assert code == 0, f"{command.text}\n{printed}"
            assert not command.shown or matches(command.shown, printed), f"{command.text}\n{printed}"
        else:
            assert not command.shown, f"{command.text}: what is shown is compared with nothing"


def test_every_reason_has_its_command() -> None:
    texts = [command.text for page in PAGES for command in commands(page.read_text("utf-8"))]
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, text) for text in texts)] == []


def test_pictures_that_commands_of_a_page_write_are_there() -> None:
    assert [picture for page in PAGES for picture in pictures(page) if not picture.is_file()] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_hides_in_a_block_without_a_language(page: Path) -> None:
    plain = re.findall(r"^```(?:text)?\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    usage = page.is_relative_to(ROOT / "docs" / "reference" / "commands")
    assert usage or not [block for block in plain if re.search(r"^(?:\$ )?dsim ", block, re.MULTILINE)]

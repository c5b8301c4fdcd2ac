"""README and pages cannot go stale: their Python runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("zoo/**/*.md")])
#: Pages whose Python runs here.
RUN_HERE = [
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("features.md", "results.md", "simsearch.md", "measures/asap.md")),
    *(page for page in sorted(ROOT.glob("docs/howto/*.md")) if "```python" in page.read_text("utf-8")),
]
#: Pages whose Python has tests of its own, with the files that it talks about.
RUN_ELSEWHERE = {
    "docs/datasets.md": "tests/data/test_datasets_page.py",
    "docs/evaluation.md": "tests/evaluation/test_evaluation_page.py",
    "docs/phantoms.md": "tests/data/test_phantom_docs.py",
    "docs/recommend.md": "tests/recommend/test_recommend_page.py",
    "docs/report.md": "tests/report/test_report_doc.py",
    "docs/transfer.md": "tests/transfer/test_transfer_page.py",
    "docs/transfer-classification.md": "tests/transfer/test_classification_transfer.py",
    "docs/truth.md": "tests/truth/test_truth_page.py",
    "docs/writing-a-plugin.md": "tests/testing/test_plugin_page.py",
}
#: Python that does not run, by what it holds, with the reason.
NOT_RUN = {
    "from dsim_tsimcne import TSimCNE": "images of one's own; tests/plugins/dsim_tsimcne fits small maps by it",
    'open_dataset("cells.npz")': "images of one's own; tests/maps/test_comparison.py compares small maps",
    "runs/checkpoint.pth": "weights that are not shipped; tests/plugins/dsim_dino writes such",
    'run_board(open_benchmark("phantoms-dsc")': "a minute; tests/leaderboard runs a small board",
    'select(open_dataset("my"))': "images of one's own; tests/selection selects for such",
    "next_images(target, selection": "images of one's own; tests/selection chooses among such",
    'adapt(target, Path("my-model")': "trains networks; tests/adapt trains small ones",
    'open_dataset("labelled.csv")': "labels of one's own; tests/cli/test_label_efficiency_command.py writes such",
    'open_dataset("cells")': "labels of one's own; dsim.efficiency.run has a doctest",
    'open_model("model.safetensors"': "a model of one's own; tests/prelabel trains one",
}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", RUN_HERE, ids=name)
def test_python_of_the_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What it writes is no file of the tree.
    monkeypatch.chdir(tmp_path)
    assert blocks(page, "python")
    for block in blocks(page, "python"):
        if any(held in block for held in NOT_RUN):
            continue
        exec(compile(block, name(page), "exec"), {})
    capsys.readouterr()


def test_all_python_runs_somewhere_or_it_is_said_why_not() -> None:
    others = [page for page in PAGES if page not in RUN_HERE and name(page) not in RUN_ELSEWHERE]
    for block in (block for page in others for block in blocks(page, "python")):
        assert any(held in block for held in NOT_RUN), block
    for page, test in RUN_ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text("utf-8"), f"{test} does not name {page}"


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
            words = command.split()
            context = click.Context(cli, info_name="dsim")
            found: click.Command | None = cli
            while isinstance(found, click.Group) and words and not words[0].startswith("-"):
                found = found.get_command(context, words.pop(0))
            assert found is not None, f"{name(page)}: no such command in: dsim {command}"
            known = {option for parameter in found.params for option in parameter.opts} | {"--help"}
            shown = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert shown <= known, f"{name(page)}: dsim {command}"

"""``dsim``, ``dsim measures``, ``dsim explain``, ``dsim plugins``: what can be done, and what it means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsim.cli.main import run
from dsim.registry import default


def test_help_lists_every_command(capsys):
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    for name in ("compare", "data", "measures", "explain", "extract", "zoo", "cache", "plugins"):
        assert f"\n  {name} " in printed


def test_measures_lists_all_and_filters_by_need(capsys):
    run(["measures"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("asap@", "cc@", "nmi@", "frc@"))
    run(["measures", "--needs", "images"])
    printed = capsys.readouterr().out
    assert "cc@" in printed
    assert "gbc@" not in printed
    assert run(["measures", "--needs", "imges"]) == 2
    assert "Did you mean 'images'?" in capsys.readouterr().err


def test_a_need_that_no_measure_has_alone_leaves_no_empty_table(capsys):
    assert run(["measures", "--needs", "labels"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert {"labels", "images"} <= set(captured.err.replace(";", "").split())


def test_the_list_and_label_free_name_the_same_measures(capsys):
    """``--measure label-free`` runs the measures that the list calls label-free, and each needs what the list says."""
    from dsim.cli.compare_job import choose

    chosen = choose(["label-free"], None, None, print).chosen
    ran = {chosen.measure.identity: chosen.measure for chosen in chosen}
    run(["measures", "--json"])
    listed = json.loads(capsys.readouterr().out)
    assert {f"{one['name']}@{one['version']}" for one in listed if one["label_free"]} == set(ran)
    run(["measures", "--needs", "label-free"])
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    needs = {name.strip(): said.strip().partition(" (")[0] for name, said, *_ in rows if name.strip()}
    assert needs == {name: ", ".join(sorted(measure.needs)) for name, measure in ran.items()}
    run(["measures"])
    assert f" {len(ran)} " in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(default().measures))
def test_explain_tells_everything_of_every_measure(name, capsys):
    assert run(["explain", name]) == 0
    printed = capsys.readouterr().out
    for label in ("formula", "direction", "range", "needs", "cost", "blind to", "references"):
        assert label in printed
    run(["explain", name, "--json"])
    assert json.loads(capsys.readouterr().out)["name"] == name


@pytest.mark.parametrize("name", sorted(default().measures))
def test_explain_begins_in_plain_words_and_ends_with_the_page(name, capsys):
    """A stranger reads what it does and for whom before any formula."""
    summary = default().measures[name].summary
    assert len(summary) > 100
    assert summary.count(".") + summary.count("?") >= 2
    assert "Choose it" in summary
    assert not set(summary) & set("|_^=<>@")
    run(["explain", name])
    printed = capsys.readouterr().out
    assert printed.index(summary) < printed.index("formula")
    # A trainer of the same name is described below it.
    page = printed.rpartition("more: ")[2].split()[0]
    assert (Path(__file__).parents[2] / page).is_file()


def test_explain_says_how_well_a_measure_did_on_each_board(capsys):
    folder = Path(__file__).parents[2] / "docs" / "leaderboard"
    run(["explain", "asap"])
    lines = {line.strip().partition(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    for path in folder.glob("*/results.json"):
        ranks = json.loads(path.read_text("utf-8"))["ranks"]
        rank = next(rank for call, rank in ranks.items() if call.partition("@")[0] == "asap" and ":" not in call)
        assert f"rank {rank} of" in lines[path.parent.name]


def test_a_measure_of_a_stranger_is_explained_without_summary_board_or_page(install_plugin, capsys):
    install_plugin(
        "plain",
        """
        from dsim.plugin import Direction, MeasureSpec, Need, hookimpl

        SPEC = MeasureSpec(
            name="plain", version=1, title="Plain", factory="plain:Plain", needs=frozenset({Need.IMAGES}),
            direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True, formula="0", cost="n", references=(),
        )

        @hookimpl
        def dsim_measures():
            return [SPEC]
        """,
    )
    assert run(["explain", "plain"]) == 0
    printed = capsys.readouterr().out
    assert "formula" in printed
    assert "leaderboards" not in printed
    assert "docs/measures" not in printed


def test_json_of_measures_tells_what_can_be_said_of_how_sure_a_value_is(capsys):
    run(["measures", "--json"])
    listed = {measure["name"]: measure for measure in json.loads(capsys.readouterr().out)}
    assert listed["cc"]["two_sample"] is True
    assert listed["cc"]["replicates"] == 200
    assert listed["asap"]["embeds"] is True


def test_the_page_of_measures_is_what_the_command_prints(capsys):
    """Made anew by: dsim measures --markdown > docs/measures.md"""
    assert run(["measures", "--markdown"]) == 0
    assert (Path(__file__).parents[2] / "docs" / "measures.md").read_text("utf-8") == capsys.readouterr().out


def test_the_page_links_references_and_keeps_text_in_its_cell(install_plugin, capsys):
    spec = """
        from dsim.plugin import Direction, MeasureSpec, Need, hookimpl

        SPEC = MeasureSpec(
            name="odd", version=2, title="a | b", factory="odd:Odd", needs=frozenset({Need.LABELS, Need.FEATURES}),
            direction=Direction.SIMILARITY, symmetric=False, self_is_optimal=True, formula="f", cost="n * d",
            references=("One 1999, doi:10.1000/x_1(2)3, and arXiv:1234.56789",), bounds=(0, 1), two_sample=True,
        )

        @hookimpl
        def dsim_measures():
            return [SPEC]
    """
    install_plugin("odd", spec)
    run(["measures", "--markdown"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| odd@2")]
    assert line == (
        r"| odd@2<br>a \| b | features, labels | similarity | 0 to 1 | no | nearest | floor, test | n \* d | One 1999, "
        r"[doi:10.1000/x\_1(2)3](https://doi.org/10.1000/x_1%282%293), and "
        r"[arXiv:1234.56789](https://arxiv.org/abs/1234.56789) |"
    )


def test_plugins_tells_where_each_comes_from(capsys):
    run(["plugins", "--json"])
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert {"core", "asap", "classical"} <= set(listed)
    assert listed["classical"]["brings"]["measures"] == ["cc", "nmi", "frc"]
    assert run(["plugins", "--why", "classicl"]) == 2
    assert "Did you mean 'classical'?" in capsys.readouterr().err

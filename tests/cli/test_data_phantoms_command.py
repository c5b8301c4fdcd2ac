"""``dsim data phantoms``: data on stdout, notes on stderr, and mistakes told before any work."""

from __future__ import annotations

import json

from dsim.cli.main import run


def test_all_phantoms_are_written_and_listed(tmp_path, capsys):
    assert run(["data", "phantoms", str(tmp_path / "out"), "--count", "2", "--size", "16", "--json"]) == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert len(rows) == 15
    assert all((tmp_path / "out" / row["name"] / "images" / "00001.png").is_file() for row in rows)
    assert "drawn: fundus" in captured.err


def test_names_take_options_of_their_own(tmp_path, capsys):
    out = tmp_path / "out"
    names = "xray[noise=0.5,count=3],fundus"
    assert run(["data", "phantoms", str(out), "--names", names, "--names", "relief", "--count", "2"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("xray[count=3,noise=0.5]", "fundus", "relief"))
    assert len(list((out / "xray[count=3,noise=0.5]" / "images").iterdir())) == 3
    assert len(list((out / "fundus" / "images").iterdir())) == 2


def test_list_shows_every_phantom_and_whose_variant_it_is(capsys):
    assert run(["data", "phantoms", "--list"]) == 0
    assert "colonoscopy with polyps" in capsys.readouterr().out
    assert run(["data", "phantoms", "--list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows) == 15
    assert rows["fundus-handheld"]["variant_of"] == "fundus"


def test_mistakes_are_usage_errors_that_write_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["data", "phantoms"]) == 2
    assert run(["data", "phantoms", str(out), "--names", "fundsu"]) == 2
    assert "Did you mean 'fundus'?" in capsys.readouterr().err
    assert run(["data", "phantoms", str(out), "--size", "1"]) == 2
    assert not out.exists()


def test_an_existing_folder_needs_overwrite(tmp_path):
    call = ["data", "phantoms", str(tmp_path / "out"), "--names", "relief", "--count", "1", "--size", "16"]
    assert [run(call), run(call), run([*call, "--overwrite"])] == [0, 2, 0]

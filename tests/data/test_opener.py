"""From paths and names to datasets: names, phantoms, several at once, what is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import dsim
from dsim.data import open_dataset, open_many
from dsim.data.phantoms import names
from dsim.data.readers import SPECS
from dsim.errors import DataError
from dsim.registry import load


def test_names_come_from_folders_and_can_be_given(tmp_path: Path, write, monkeypatch) -> None:
    write("liver/a.png")
    monkeypatch.chdir(tmp_path / "liver")
    assert open_dataset("../liver/").name == "liver"
    assert open_dataset(".").name == "liver"
    assert open_dataset("mine=../liver").name == "mine"
    assert open_dataset("mine=../liver", name="yours").name == "yours"
    assert dsim.open_dataset(tmp_path / "liver", name="x").name == "x"


def test_a_path_may_contain_an_equals_sign(tmp_path: Path, write, monkeypatch) -> None:
    write("k=3/a.png")
    monkeypatch.chdir(tmp_path)
    assert open_dataset("k=3").name == "k=3"
    assert open_dataset(f"x={tmp_path}/k=3").name == "x"
    assert open_dataset(tmp_path / "k=3").name == "k=3"


def test_several_datasets_of_one_name_are_refused_with_the_fix(tmp_path: Path, write) -> None:
    write("one/liver/a.png")
    write("two/liver/a.png")
    one, two = tmp_path / "one/liver", tmp_path / "two/liver"
    with pytest.raises(DataError) as caught:
        open_many([one, two])
    assert f"two datasets are named 'liver': {one} and {two}" in caught.value.message
    assert f"liver-2={two}" in (caught.value.hint or "")
    assert [dataset.name for dataset in open_many([one, f"liver-2={two}"])] == ["liver", "liver-2"]
    with pytest.raises(DataError, match="two datasets are named"):
        open_many([str(one), str(one)])


def test_phantoms_are_opened_by_name_and_can_be_renamed() -> None:
    name = names()[0]
    assert open_dataset(f"phantoms:{name}").name != open_dataset(f"mine=phantoms:{name}").name == "mine"


def test_what_is_not_there_suggests_its_neighbour(tmp_path: Path, write) -> None:
    write("liver/a.png")
    with pytest.raises(DataError, match=r"there is no dataset at .*livr\. Did you mean 'liver'\?"):
        open_dataset(tmp_path / "livr")
    with pytest.raises(DataError, match="there is no dataset at nowhere/at/all"):
        open_dataset("nowhere/at/all")
    with pytest.raises(DataError, match=r"nothing matches .*\*") as caught:
        open_dataset(tmp_path / "*")
    assert "pattern" in (caught.value.hint or "")


def test_a_file_that_no_reader_accepts(tmp_path: Path) -> None:
    (tmp_path / "scan.mhd").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no reader accepts .*scan\.mhd") as caught:
        open_dataset(tmp_path / "scan.mhd")
    assert "docs/datasets.md" in (caught.value.hint or "")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_reader_can_be_loaded_and_declines_what_is_not_there(spec, tmp_path: Path) -> None:
    assert load(spec.accepts)(tmp_path / "missing") is False
    assert callable(load(spec.read))


PLUGIN = """
from dsim.plugin import ReaderSpec, from_arrays, hookimpl

@hookimpl
def dsim_readers():
    return [ReaderSpec(name="dots", title="dots", accepts="reads_dots:accepts", read="reads_dots:read", priority=5)]

def accepts(path):
    return path.suffix == ".dots"

def read(path, options):
    import numpy as np
    return from_arrays(np.zeros((3, 8, 8), np.uint8), name=options.name or path.stem)
"""


def test_the_place_that_a_plugins_reader_read_stays_known(install_plugin: Callable[..., Path], tmp_path: Path) -> None:
    install_plugin("reads_dots", PLUGIN)
    (tmp_path / "a.dots").touch()
    dataset = open_dataset(tmp_path / "a.dots")
    assert dataset.location == str(tmp_path / "a.dots")
    assert dataset.format == "dots"

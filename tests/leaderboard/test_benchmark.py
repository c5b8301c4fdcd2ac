"""A benchmark opens the datasets of its truth, and no others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dsim.errors import DataError
from dsim.leaderboard import open_benchmark
from dsim.truth import TruthDataset


def test_phantoms_open_at_once_under_the_names_of_the_truth(tiny, truth_of):
    found = open_benchmark(tiny)
    assert found.runs
    assert [dataset.name for dataset in found.sources] == list(truth_of().sources)
    assert [dataset.name for dataset in found.targets] == list(truth_of().targets)
    assert found.sources[0] is found.targets[0]
    assert found.fingerprints == {name: known.fingerprint for name, known in truth_of().datasets.items()}


def test_images_that_differ_from_those_of_the_truth_are_listed(tmp_path, truth_of):
    datasets = dict(truth_of().datasets)
    for name in ("relief", "endoscopy"):
        datasets[name] = replace(datasets[name], location=f"phantoms:{name}[count=6,size=32,seed=1]")
    truth_of(datasets=datasets).to_json(tmp_path / "other.json")
    with pytest.raises(DataError, match=r"2 of 4 datasets .* relief \(.*endoscopy \("):
        open_benchmark(tmp_path / "other.json")


def test_a_truth_without_fingerprints_takes_the_images_that_are_there(tmp_path, truth_of):
    datasets = {name: replace(known, fingerprint="") for name, known in truth_of().datasets.items()}
    truth_of(datasets=datasets).to_json(tmp_path / "free.json")
    assert open_benchmark(tmp_path / "free.json").fingerprints["relief"] == truth_of().datasets["relief"].fingerprint


@pytest.fixture
def elsewhere(tmp_path, truth_of):
    """A truth one of whose datasets lies in a folder below ``data``, or wherever it says."""

    def write(location):
        datasets = {**truth_of().datasets, "relief": TruthDataset(2, location)}
        truth_of(datasets=datasets).to_json(tmp_path / "mixed.json")
        return tmp_path / "mixed.json"

    folder = tmp_path / "data" / "some" / "images"
    folder.mkdir(parents=True)
    for index in range(2):
        Image.fromarray(np.full((32, 32), 40 * index, np.uint8)).save(folder / f"{index}.png")
    return write


def test_other_images_lie_below_the_data_folder(elsewhere, tmp_path, monkeypatch):
    monkeypatch.delenv("DSIM_DATA", raising=False)
    path = elsewhere("some/images")
    with pytest.raises(DataError, match="below a folder that was not given") as refused:
        open_benchmark(path)
    assert "--data" in refused.value.hint
    given = open_benchmark(path, tmp_path / "data")
    monkeypatch.setenv("DSIM_DATA", str(tmp_path / "data"))
    assert open_benchmark(path).fingerprints == given.fingerprints
    assert len(given.sources[1]) == 2
    assert given.sources[1].location == "some/images", "a board that is given to others names no folder of this machine"


@pytest.mark.parametrize("location", ["../secret", "/etc", "some/../../secret"])
def test_a_truth_names_no_place_outside_the_data_folder(elsewhere, tmp_path, location):
    with pytest.raises(DataError, match="lies at"):
        open_benchmark(elsewhere(location), tmp_path / "data")


def test_a_truth_says_where_all_its_datasets_lie_or_none(elsewhere, tmp_path, truth_of):
    with pytest.raises(DataError, match="does not say where these lie: relief"):
        open_benchmark(elsewhere(""))
    truth_of(datasets={}).to_json(tmp_path / "nowhere.json")
    nowhere = open_benchmark(tmp_path / "nowhere.json")
    assert not nowhere.runs
    assert nowhere.fingerprints == {}


def test_two_sources_are_no_benchmark(tmp_path, truth_of):
    truth_of().restrict(["relief", "fundus"], ["endoscopy"]).to_json(tmp_path / "two.json")
    with pytest.raises(DataError, match="2 sources"):
        open_benchmark(tmp_path / "two.json")


def test_sources_take_their_models_from_a_folder(tiny, tmp_path):
    folder = tmp_path / "models"
    (folder / "fundus").mkdir(parents=True)
    for path in (folder / "xray.safetensors", folder / "fundus" / "segmenter.safetensors"):
        path.write_bytes(b"weights")
    with pytest.raises(DataError, match="'relief'") as refused:
        open_benchmark(tiny, models=folder)
    assert "relief.safetensors" in refused.value.hint
    (folder / "relief.safetensors").write_bytes(b"other weights")
    found = open_benchmark(tiny, models=folder)
    assert [source.model for source in found.sources] == [
        str(folder / name) for name in ("xray.safetensors", "relief.safetensors", "fundus")
    ]
    assert found.sources[0] is found.targets[0]
    assert found.targets[1].model is None


def test_without_a_folder_the_models_are_those_of_the_zoo_for_this_truth(tiny, monkeypatch):
    asked = []

    def zoo(datasets, truth):
        asked.append(truth)
        return [dataset.with_model("zoo:unet8.drive.r1") for dataset in datasets]

    monkeypatch.setattr("dsim.leaderboard.benchmark.with_models", zoo)
    assert {source.model for source in open_benchmark(tiny).sources} == {"zoo:unet8.drive.r1"}
    assert asked == ["tiny"]

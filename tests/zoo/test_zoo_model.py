"""The zoo: manifests are checked, weights verified, the probe asked, and a known target noticed."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.errors import DataError, PluginError, UnknownNameError, WeightsError
from dsim.features import extract, recipe
from dsim.runtime import Runtime
from dsim.zoo import Model, find, models, ramp, read_model, trained_on
from dsim.zoo.manifest import lookup


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "manifest.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_model_is_listed_found_and_described(folder: Path) -> None:
    (model,) = models()
    assert find("linear.test.r1") == model
    assert (model.id, model.folder, model.weights) == ("linear.test.r1", folder, folder / "model.safetensors")
    assert model.title == "A linear map of tiny images"
    assert model.pool[0]["name"] == "seen"


def test_every_shipped_model_is_sound() -> None:
    """Weights, builder and probe of what the wheel brings."""
    shipped = models()
    assert "asap-resnet18.biomed16.r1" in [model.id for model in shipped]
    for model in shipped:
        model.build()
        assert (model.folder / "card.md").is_file()


def test_what_a_model_marks_and_whether_it_is_to_be_used_stand_in_its_manifest(folder: Path) -> None:
    model = find("linear.test.r1")
    assert (model.marks, model.learnt, model.replaced_by) == ("foreground", True, None)
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    for held_out, learnt in ((49.9, False), (50, True)):
        manifest["training"] |= {"dice_held_out": held_out, "replaced_by": "linear.test.r2"}
        described = Model("linear.test.r1", folder, manifest | {"output": {"marks": "nuclei"}}, model.weights)
        assert (described.marks, described.learnt, described.replaced_by) == ("nuclei", learnt, "linear.test.r2")


def test_an_unknown_id_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no zoo model named 'linear.tset.r1'. Did you mean 'linear.test.r1'"):
        find("linear.tset.r1")


def test_two_models_of_one_id_are_refused(folder: Path) -> None:
    copy = folder.with_name("copy")
    copy.mkdir()
    (copy / "manifest.toml").write_bytes((folder / "manifest.toml").read_bytes())
    with pytest.raises(DataError, match=r"two zoo models have the id 'linear.test.r1'"):
        models()


def test_a_broken_manifest_stands_in_nobodys_way(folder: Path) -> None:
    broken = folder.with_name("a-broken-one")
    broken.mkdir()
    (broken / "manifest.toml").write_text("id =")
    assert find("linear.test.r1").folder == folder
    with pytest.raises(DataError, match="is not TOML"):
        models()


def test_a_sound_model_is_built_in_evaluation_mode(folder: Path) -> None:
    module = find("linear.test.r1").build()
    assert not module.training


def test_the_ramp_is_frozen() -> None:
    """Every probe in the world depends on it."""
    tensor = ramp(2, 3, 8)
    assert tensor.dtype == np.float32
    assert tensor.min() == 0
    assert tensor.max() <= 1
    assert tensor[1, 2, 3, 4] == np.float32((7 * 3 + 13 * 4 + 29 * 2 + 53) % 97) / np.float32(96)
    assert (
        hashlib.sha256(tensor.tobytes()).hexdigest()
        == "ed16b84b6f82118bd78c37ddebed7a34205b0089f4c8e4b7ca57132ef97d0643"
    )


@pytest.mark.parametrize("damage", ["flipped", "longer", "absent"])
def test_weights_that_are_not_the_promised_ones_are_refused(folder: Path, damage: str) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-1] ^= 1
    path.write_bytes(content + b"x" * (damage == "longer"))
    if damage == "absent":
        path.unlink()
    with pytest.raises(WeightsError, match=r"weights of zoo model 'linear.test.r1' are not at|is not the file that"):
        find("linear.test.r1").build()


def test_a_network_that_answers_its_probe_wrongly_is_refused(folder: Path) -> None:
    edit(folder, "expected = [[", "expected = [[1")
    with pytest.raises(WeightsError, match=r"'linear.test.r1' fails its probe: it gives features that differ by"):
        find("linear.test.r1").build()


def test_a_network_of_another_width_is_refused(folder: Path) -> None:
    edit(folder, "expected = [[", "expected = [[1.0, 2.0, 3.0]] # [[")
    with pytest.raises(WeightsError, match=r"shape \(1, 2\) instead of \(1, 3\)"):
        find("linear.test.r1").build()


def test_a_builder_that_cannot_be_loaded_is_a_plugin_error(folder: Path) -> None:
    edit(folder, "zoo_test_builder:build", "zoo_test_builder:missing")
    with pytest.raises(PluginError, match="cannot load zoo_test_builder:missing"):
        find("linear.test.r1").build()


@pytest.mark.parametrize("foreign", ["helper:run", "os:system", "zoo_test_builder:bild", "subprocess:run"])
def test_code_that_no_installed_plugin_declares_is_never_imported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, foreign: str
) -> None:
    """A manifest comes with a model from anywhere; a module of the working folder must not run because of it."""
    (tmp_path / "helper.py").write_text("raise SystemExit('this ran')")
    monkeypatch.syspath_prepend(tmp_path)
    edit(folder, "zoo_test_builder:build", foreign)
    with pytest.raises(PluginError, match=foreign) as raised:
        read_model(folder).build()
    assert "helper" not in sys.modules
    assert raised.value.hint


def test_a_pickle_is_never_loaded(folder: Path) -> None:
    edit(folder, "model.safetensors", "model.pth")
    with pytest.raises(DataError, match=r"must be a .safetensors file"):
        models()
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    (folder / "model.pth").write_bytes(b"a pickle")
    with pytest.raises(WeightsError, match=r"not a .safetensors file"):
        Model("x", folder, manifest, folder / "model.pth").verify()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "A linear map of tiny images"', "", "'title' is missing"),
        ("size = ", 'size = "7" #', "'weights.size' must be int, not '7'"),
        ('sha256 = "', 'sha256 = "XY', "64 hexadecimal digits"),
        ('id = "linear.test.r1"', 'id = "Linear"', "<arch>.<training>.<rev>"),
        ("mean = [0.0, ", "mean = [", "one number per channel"),
        ('file = "', 'file = "../', "in the same folder"),
        ('recipe = "ramp@1"', 'recipe = "noise@1"', "one of ramp@1"),
        ("tolerance = 1e-4", "tolerance = 0.0", "must be positive"),
        (", n = 4", "", "training.pool[0]: 'n' is missing"),
        (":build", "", "module:function"),
        ("[use]", "[use", "is not TOML"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_key_at_fault(folder: Path, old: str, new: str, message: str) -> None:
    edit(folder, old, new)
    with pytest.raises(DataError) as caught:
        models()
    assert message in caught.value.message
    assert str(folder / "manifest.toml") in caught.value.message


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no .*manifest\.toml"):
        read_model(tmp_path)


def test_a_target_that_was_trained_on_is_noticed_under_any_name(folder: Path, seen: dsim.Dataset) -> None:
    model = find("linear.test.r1")
    told = trained_on(model, seen.renamed("innocent"))
    assert told == "dataset 'innocent' is in the training pool of linear.test.r1 (as 'seen', 4 images)"
    assert trained_on(model, seen.subset([0, 1])) is None


@pytest.mark.parametrize("how", ["zoo", "file", "zoo with weights"])
def test_features_of_a_zoo_model(folder: Path, seen: dsim.Dataset, tmp_path: Path, how: str) -> None:
    """By id, by folder, and with weights supplied from elsewhere: the same numbers, checked by hand."""
    reference = {"zoo": "zoo:linear.test.r1", "file": f"file:{folder}"}.get(how, "")
    if how == "zoo with weights":
        moved = (folder / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
        reference = f"zoo:linear.test.r1[weights={moved}]"
    runtime = Runtime(device="cpu", cache=tmp_path / "cache")
    pixels = extract(seen, "pixels:[side=2,channels=3]", runtime)
    weight = np.arange(24, dtype=np.float32).reshape(2, 12) / 24
    expected = pixels @ weight.T + np.array([0.5, -0.5], np.float32)
    np.testing.assert_allclose(extract(seen, reference, runtime), expected, atol=1e-5)


def test_the_recipe_of_a_zoo_model_needs_no_weights(folder: Path) -> None:
    """It stands in the manifest, so a second run reads features without touching the network."""
    (folder / "model.safetensors").unlink()
    found = recipe("zoo:linear.test.r1")
    assert found.network == "zoo:linear.test.r1"
    assert found.weights == find("linear.test.r1").sha256
    assert found.transform == "square@1[channels=3,side=2]"


def test_weights_supplied_for_a_zoo_model_must_be_its_own(folder: Path, seen: dsim.Dataset, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"is not the file that the manifest of 'linear.test.r1' promises"):
        extract(seen, f"zoo:linear.test.r1[weights={other}]", Runtime(device="cpu", cache=tmp_path / "cache"))


def test_dotted_keys_are_looked_up() -> None:
    table: dict[str, Any] = {"a": {"b": 1}}
    assert lookup(table, "a.b") == 1
    assert lookup(table, "a.c") is None
    assert lookup(table, "a.b.c") is None

"""References to networks: resolved to what identifies the numbers, or refused with the reason and the way out."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from dsim.data import Dataset
from dsim.errors import DsimError, UnknownNameError, UsageError, WeightsError
from dsim.features import Square, extract, parse_transform, recipe
from dsim.features.extractor import SPECS, prepare
from dsim.registry import load
from dsim.runtime import Runtime

TINY = "transform=square@1[side=32]"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_every_kind_has_a_factory(spec: object) -> None:
    assert callable(load(spec.factory))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reference", "canonical", "network", "dimensions"),
    [
        ("pixels:[side=16]", "pixels:", "pixels:", 256),
        ("pixels:[side=4,channels=3]", "pixels:[channels=3,side=4]", "pixels:", 48),
        (
            f"timm:test_resnet[{TINY},init=random:0]",
            f"timm:test_resnet.r160_in1k[init=random:0,{TINY}]",
            "timm:test_resnet",
            96,
        ),
        (
            f"timm:test_resnet[init=random:0,layer=layer2,{TINY}]",
            f"timm:test_resnet.r160_in1k[init=random:0,layer=layer2,{TINY}]",
            "timm:test_resnet",
            48,
        ),
        (
            "timm:test_vit[init=random:0,pool=avg]",
            "timm:test_vit.r160_in1k[init=random:0,pool=avg]",
            "timm:test_vit",
            64,
        ),
        (
            f"torchvision:shufflenet_v2_x0_5[{TINY},init=random:0]",
            f"torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1[init=random:0,{TINY}]",
            "torchvision:shufflenet_v2_x0_5",
            1024,
        ),
        (
            f"torchvision:shufflenet_v2_x0_5[init=random:0,layer=conv1,pool=max,{TINY}]",
            f"torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1[init=random:0,layer=conv1,pool=max,{TINY}]",
            "torchvision:shufflenet_v2_x0_5",
            24,
        ),
    ],
)
def test_a_reference_is_resolved_and_opened(
    dataset: Dataset, runtime: Runtime, reference: str, canonical: str, network: str, dimensions: int
) -> None:
    found = recipe(reference, runtime)
    assert found.network == network
    assert found.reference == canonical
    assert recipe(found.reference, runtime) == found
    assert extract(dataset, reference, runtime).shape == (7, dimensions)


def test_the_seed_of_random_weights_is_recorded_and_decides(dataset: Dataset, runtime: Runtime) -> None:
    references = [f"timm:test_resnet[init=random:{seed},{TINY}]" for seed in (0, 1)]
    recipes = [recipe(reference, runtime) for reference in references]
    assert [found.weights.split()[0] for found in recipes] == ["random:0", "random:1"]
    first, second = (extract(dataset, reference, runtime) for reference in references)
    assert np.abs(first - second).max() > 1e-3


def test_opening_leaves_the_random_state_untouched(runtime: Runtime) -> None:
    import torch

    state = torch.get_rng_state()
    prepare(f"timm:test_resnet[init=random:0,{TINY}]", runtime).open("cpu")
    assert torch.equal(torch.get_rng_state(), state)


def test_poolings_of_tokens_and_maps(dataset: Dataset, runtime: Runtime) -> None:
    """Avg, max and token differ; flat keeps everything."""
    vit = "timm:test_vit[init=random:0,layer=blocks.0,pool={}]"
    shapes = {pool: extract(dataset.subset([0]), vit.format(pool), runtime) for pool in ("avg", "max", "token", "flat")}
    assert [shapes[pool].shape[1] for pool in shapes] == [64, 64, 64, 64 * 101]
    tokens = shapes["flat"].reshape(101, 64)
    np.testing.assert_allclose(shapes["avg"][0], tokens.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(shapes["max"][0], tokens.max(axis=0), atol=1e-5)
    np.testing.assert_allclose(shapes["token"][0], tokens[0], atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18.a1_in1k", "test_vit.r160_in1k", "swin_tiny_patch4_window7_224.ms_in1k"])
def test_the_transform_is_the_one_timm_would_use(dataset: Dataset, runtime: Runtime, name: str) -> None:
    import timm
    from PIL import Image

    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    expected = timm.data.create_transform(**config, is_training=False)(Image.fromarray(dataset.pixels(3)))
    ours = parse_transform(recipe(f"timm:{name}[init=random:0]", runtime).transform).apply(dataset.pixels(3))
    np.testing.assert_array_equal(ours, expected.numpy())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """timm's smallest ResNet with random weights and 1000 classes, as its hub would hold it."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        module = timm.create_model("test_resnet", pretrained=False)
    path = tmp_path / "w" / "model.safetensors"
    path.parent.mkdir()
    save_file(module.state_dict(), path)
    return path


def expected_features(path: Path, dataset: Dataset) -> np.ndarray:
    """The same network built by hand."""
    import timm
    import torch
    from safetensors.torch import load_file

    module = timm.create_model("test_resnet", pretrained=False)
    module.load_state_dict(load_file(path))
    module.reset_classifier(0)
    images = np.stack([Square(32).apply(dataset.pixels(index)) for index in range(len(dataset))])
    with torch.inference_mode():
        features: np.ndarray = module.eval()(torch.from_numpy(images)).numpy()
    return features


def test_a_file_of_weights_gives_that_networks_features(dataset: Dataset, runtime: Runtime, state: Path) -> None:
    expected = expected_features(state, dataset)
    for reference in (f"timm:test_resnet[weights={state},{TINY}]", f"file:{state}[arch=test_resnet,{TINY}]"):
        np.testing.assert_allclose(extract(dataset, reference, runtime), expected, atol=1e-5 * np.abs(expected).max())


def test_the_same_weights_have_the_same_key_wherever_they_lie(runtime: Runtime, state: Path) -> None:
    moved = state.with_name("moved.safetensors")
    moved.write_bytes(state.read_bytes())
    keys = [
        recipe(reference, runtime).key()
        for reference in (f"timm:test_resnet[weights={state}]", f"file:{moved}[arch=test_resnet.r160_in1k]")
    ]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("change", ["no classifier", "other classes", "pth", "pth nested"])
def test_weights_of_other_classifiers_and_formats_load(
    dataset: Dataset, runtime: Runtime, state: Path, change: str
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(state)
    path = state.with_name("changed.safetensors" if "class" in change else "changed.pth")
    if change == "no classifier":
        tensors = {key: value for key, value in tensors.items() if not key.startswith("fc.")}
    if change == "other classes":
        tensors |= {"fc.weight": torch.zeros(5, 96), "fc.bias": torch.zeros(5)}
    if "class" in change:
        save_file(tensors, path)
    else:
        torch.save({"state_dict": tensors, "epoch": 3} if change == "pth nested" else tensors, path)
    expected = expected_features(state, dataset)
    features = extract(dataset, f"file:{path}[arch=test_resnet,{TINY}]", runtime)
    np.testing.assert_allclose(features, expected, atol=1e-5 * np.abs(expected).max())


def test_weights_that_lack_a_layer_are_refused_not_left_random(dataset: Dataset, runtime: Runtime, state: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_file({key: value for key, value in load_file(state).items() if key != "layer4.0.conv2.weight"}, state)
    for reference in (f"timm:test_resnet[weights={state},{TINY}]", f"file:{state}[arch=test_resnet,{TINY}]"):
        with pytest.raises(WeightsError, match=r"does not fit test_resnet.*layer4\.0\.conv2\.weight"):
            extract(dataset, reference, runtime)


def test_networks_that_timm_loads_leniently_are_checked_too(dataset: Dataset, runtime: Runtime, tmp_path: Path) -> None:
    """timm loads DLA without complaint when weights are missing; they would be random."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        whole = timm.create_model("dla46x_c", pretrained=False).state_dict()
    path = tmp_path / "dla.safetensors"
    save_file(whole, path)
    assert extract(dataset, f"file:{path}[arch=dla46x_c,{TINY}]", runtime).shape == (7, 256)
    save_file({key: value for key, value in whole.items() if key != "base_layer.0.weight"}, path)
    with pytest.raises(WeightsError, match=r"dla46x_c\.in1k: it lacks 1 weights, the first 'base_layer\.0\.weight'"):
        extract(dataset, f"file:{path}[arch=dla46x_c,{TINY}]", runtime)


def test_weights_of_another_network_are_refused(dataset: Dataset, runtime: Runtime, state: Path) -> None:
    with pytest.raises(WeightsError, match="does not fit test_vit"):
        extract(dataset, f"file:{state}[arch=test_vit,{TINY}]", runtime)
    with pytest.raises(WeightsError, match="does not fit shufflenet"):
        extract(dataset, f"torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1[weights={state},{TINY}]", runtime)


def test_torchvision_weights_from_a_file(dataset: Dataset, runtime: Runtime, tmp_path: Path) -> None:
    import torch
    import torchvision

    with torch.random.fork_rng(devices=[]):
        module = torchvision.models.shufflenet_v2_x0_5(weights=None).eval()
    path = tmp_path / "shufflenet.pth"
    torch.save(module.state_dict(), path)
    module.fc = torch.nn.Identity()
    images = np.stack([Square(32).apply(dataset.pixels(index)) for index in range(len(dataset))])
    with torch.inference_mode():
        expected = module(torch.from_numpy(images)).numpy()
    features = extract(dataset, f"torchvision:shufflenet_v2_x0_5[weights={path},{TINY}]", runtime)
    np.testing.assert_allclose(features, expected, atol=1e-5 * np.abs(expected).max())


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code in a weights file was run",))


@pytest.mark.parametrize("content", ["pickle", "text", "empty"])
def test_a_file_that_holds_no_weights_is_refused_and_never_run(
    dataset: Dataset, runtime: Runtime, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    path = tmp_path / "bad.pth"
    path.write_bytes(b"" if content == "empty" else b"not weights")
    if content == "pickle":
        torch.save({"state_dict": Attack()}, path)
    with pytest.raises(WeightsError, match="is not a file of weights"):
        extract(dataset, f"file:{path}[arch=test_resnet]", runtime)
    assert "was run" not in capsys.readouterr().out


def test_weights_are_found_in_the_hugging_face_cache(
    runtime: Runtime, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(WeightsError) as caught:
        recipe("timm:test_resnet.r160_in1k", runtime)
    assert "timm:test_resnet.r160_in1k cannot be reached: offline" in caught.value.message
    hint = str(caught.value.hint)
    assert "--weights FILE" in hint
    assert f"timm/test_resnet.r160_in1k/model.safetensors in the Hugging Face cache ({tmp_path / 'hub'})" in hint
    assert "dsim zoo list" in hint
    repository = tmp_path / "hub" / "models--timm--test_resnet.r160_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    (repository / "snapshots" / "abc" / "model.safetensors").write_bytes(state.read_bytes())
    found = recipe("timm:test_resnet.r160_in1k", runtime)
    assert found.weights == recipe(f"timm:test_resnet[weights={state}]", runtime).weights
    assert found.transform == "network@1[filter=bilinear,mean=0.5/0.5/0.5,resize=168,side=160,std=0.5/0.5/0.5]"


def test_weights_are_found_in_the_cache_of_torch(
    runtime: Runtime, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(WeightsError, match="offline") as caught:
        recipe("torchvision:resnet18.IMAGENET1K_V1", runtime)
    path = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    assert str(path) in str(caught.value.hint)
    path.parent.mkdir(parents=True)
    path.write_bytes(state.read_bytes())
    assert (
        recipe("torchvision:resnet18.IMAGENET1K_V1", runtime).weights
        == recipe(f"timm:test_resnet[weights={state}]", runtime).weights
    )


def test_a_download_that_fails_ends_soon_in_the_same_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    """Against a port that nobody listens on: no half minute of retries, no traceback of the library."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.hf_hub_url", lambda *args, **kwargs: "http://127.0.0.1:9/x")
    monkeypatch.setattr("huggingface_hub.hf_hub_url", lambda *args, **kwargs: "http://127.0.0.1:9/x")
    started = time.monotonic()
    with pytest.raises(WeightsError, match=r"timm:resnet18\.a1_in1k cannot be reached"):
        recipe("timm:resnet18.a1_in1k", Runtime(cache=runtime.cache))
    assert time.monotonic() - started < 15


def test_the_hash_of_a_weights_file_is_remembered_until_it_changes(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    from dsim.features import weights

    path = tmp_path / "w.safetensors"
    path.write_bytes(b"one")
    assert weights.sha256_of(path, runtime) == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(weights, "file_sha256", lambda path: pytest.fail("hashed again"))
        weights.sha256_of(path, runtime)
    path.write_bytes(b"three")
    assert weights.sha256_of(path, runtime) == hashlib.sha256(b"three").hexdigest()


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("resnet18", UsageError, "timm, torchvision"),
        ("tim:resnet18", UnknownNameError, "Did you mean 'timm'?"),
        ("timm:resnt18", UnknownNameError, "Did you mean 'resnet18'?"),
        ("timm:resnet18", UsageError, "name one of: resnet18.a1_in1k, resnet18.a2_in1k"),
        ("timm:resnet18.a9_in1k", UnknownNameError, "resnet18 has: resnet18.a1_in1k"),
        ("timm:resnet18[inti=random:0]", UnknownNameError, "Did you mean 'init'?"),
        ("timm:resnet18[init=random]", UsageError, "write init=random:0"),
        ("timm:resnet18[init=random:0,weights=x]", UsageError, "exclude each other"),
        ("timm:resnet18[weights=absent.pth]", WeightsError, "weights file absent.pth does not exist"),
        ("timm:resnet18[init=random:0,layer=layer1,pool=mean]", UnknownNameError, "avg, max, token, flat"),
        ("torchvision:resnet19.X", UnknownNameError, "Did you mean 'resnet"),
        ("torchvision:resnet50", UnknownNameError, "resnet50.IMAGENET1K_V1, resnet50.IMAGENET1K_V2"),
        ("torchvision:resnet18.IMAGENET1K_V1[init=random:0,pool=avg]", UsageError, "goes with layer"),
        ("file:absent.pth[arch=resnet18]", WeightsError, "weights absent.pth do not exist"),
        ("pixels:raw", UnknownNameError, "write pixels:"),
        ("pixels:[side=x]", UsageError, "whole numbers"),
        ("pixels:[side=0]", UsageError, "at least 1"),
        ("zoo:nothing", UnknownNameError, "no zoo model named 'nothing'"),
    ],
)
def test_a_wrong_reference_is_refused_with_the_fix(
    runtime: Runtime, reference: str, error: type[DsimError], message: str
) -> None:
    with pytest.raises(error) as caught:
        recipe(reference, runtime)
    assert message in str(caught.value)


def test_an_unknown_layer_is_refused(dataset: Dataset, runtime: Runtime) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'layer3'"):
        extract(dataset, f"timm:test_resnet[init=random:0,layer=layr3,{TINY}]", runtime)

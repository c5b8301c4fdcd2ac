"""The errors of extractors that no other test holds, word for word: the thing, the cause, the fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.errors import DsimError
from dsim.features import Square, parse_transform, prepare, recipe, weights
from dsim.features.network import DenseExtractor, Network, _geometry, _opened, open_dense
from dsim.features.timm_backend import _set_pooling, _transform
from dsim.features.torchvision_backend import _remove_classifier
from dsim.runtime import Runtime

BATCH = np.zeros((1, 3, 8, 8), np.float32)


def network(layer: str, pooling: str = "avg") -> Network:
    from torch import nn

    return Network(nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.ReLU()), "cpu", layer, pooling)


def refusing() -> Any:
    """A network of timm that cannot be told how to pool."""
    from torch import nn

    class Refusing(nn.Module):
        def reset_classifier(self, classes: int, global_pool: str) -> None:
            raise ValueError(global_pool)

    return Refusing()


def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that can be reached, and holds no file of the name."""
    from huggingface_hub.errors import EntryNotFoundError

    class Missing(EntryNotFoundError):
        def __init__(self, *args: object, **options: object) -> None:
            Exception.__init__(self, "404")

    def missing(*args: object, **options: object) -> str:
        raise Missing

    class Session:
        def head(self, *args: object, **options: object) -> None: ...

    monkeypatch.setattr("huggingface_hub.hf_hub_download", missing)
    monkeypatch.setattr("huggingface_hub.get_session", Session)


#: What a reference is refused with.
REFERENCES = {
    "tim:resnet18": "no kind of extractor named 'tim'. Did you mean 'timm'?\n  fix: kinds are: ",
    "pixels:raw": "no pixels named 'raw'.\n  fix: write pixels: or pixels:[side=16,channels=1]",
    "pixels:[side=x]": "pixels take whole numbers, not {'side': 'x'}\n  fix: pixels:[side=16,channels=1]",
    "file:absent.pth": "weights absent.pth do not exist\n  fix: give a folder with manifest.toml, or a weights file",
    "file:weights.pth": "weights.pth does not say which network it belongs to\n  fix: file:weights.pth[arch=resnet18]",
    "timm:resnt18": "no network of timm named 'resnt18'. Did you mean 'resnet18'?\n  fix: timm.list_models() lists",
    "timm:resnet18": "timm:resnet18 has several weights\n  fix: name one of: resnet18.a1_in1k",
    "timm:resnet18[init=random]": "init cannot be 'random'\n  fix: write init=random:0, where 0 is the seed",
    "timm:resnet18[init=random:0,layer=layer1,pool=mean]": (
        "no pooling named 'mean'.\n  fix: choose one of: avg, max, token, flat"
    ),
    "torchvision:resnet18.X": "no weights of torchvision:resnet18 named 'X'.\n  fix: name one of: resnet18.IMAGENET1K",
    "torchvision:resnet18.IMAGENET1K_V1[init=random:0,pool=avg]": (
        "pool=... goes with layer=...\n  fix: name the layer too: [layer=NAME,pool=avg]"
    ),
    "torchvision:resnet19": "no network of torchvision named 'resnet19'. Did you mean 'resnet",
}

#: What a transform is refused with.
TRANSFORMS = {
    "square@1[channels=1]": "transform 'square@1[channels=1]' lacks 'side'\n  fix: write square@1[side=...]",
    "square@1[side=8,sise=8]": (
        "no option of transform 'square@1' named 'sise'. Did you mean 'side'?\n"
        "  fix: it takes: side, channels, filter, minmax"
    ),
    "square@1[side=big]": "option 'side' of transform 'square@1' cannot be 'big'\n  fix: write side=224",
    "square@1[side=8,minmax=yes]": "option 'minmax' of transform 'square@1' cannot be 'yes'\n  fix: write minmax=true",
    "square@1[side=0]": "transform: side must be at least 1, not 0\n  fix: docs/features.md lists the options",
    "square@1[side=8,filter=box2]": "no filter of a transform named 'box2'. Did you mean 'box'?\n  fix: choose one of",
}

WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "a picture without pixels": (
        lambda: Square(8).apply(np.zeros((0, 4, 3), np.uint8)),
        "an image of shape (0, 4, 3) has no pixels\n  fix: give (height, width, channels)",
    ),
    "maps of the output": (
        lambda: network("output").maps(BATCH),
        "the network's output is one vector per image, not a map\n  fix: name a layer: [layer=NAME]",
    ),
    "a token of maps": (
        lambda: network("0", "token")(BATCH),
        "pool=token needs a layer of tokens, and this one gives maps\n  fix: use pool=avg",
    ),
    "an unknown layer": (lambda: network("2"), "no layer named '2'.\n  fix: outermost are: 0, 1"),
    "a network without a linear layer": (
        lambda: _remove_classifier(network("0").module),
        "this network does not end in a linear layer\n  fix: name a layer: [layer=NAME,pool=avg]",
    ),
    "maps of pixels": (
        lambda: open_dense("pixels:[side=8]", Runtime(device="cpu")),
        "pixels:[side=8] gives one vector per image, and maps are needed\n  fix: add [layer=NAME] to it",
    ),
    "maps of what is no network": (
        lambda: _opened(replace(prepare("pixels:", Runtime()), open=lambda device: object()), "cpu"),
        "pixels: is not a network and has no maps\n  fix: choose another extractor",
    ),
    "a pooling that a network lacks": (
        lambda: _set_pooling(refusing(), "max"),
        "this network has no pooling 'max'\n  fix: leave pool away, or name a layer",
    ),
    "an input that no transform gives": (
        lambda: _transform({}, {"name": "sound.x", "transform": ""}),
        "sound.x wants an input that no transform of dsim gives\n  fix: give one: transform=square@1[side=64]",
    ),
    "masks on maps that are not square": (
        lambda: DenseExtractor(network("0"), Square(8), 1).mask(np.ones((8, 8), np.int64), (2, 3)),
        "maps of 2 x 3 cells are not square\n  fix: name another layer",
    ),
    "masks and a transform of one's own": (
        lambda: _geometry(type("Own", (), {"id": "own@1"})()),
        "masks cannot follow the transform 'own@1'\n  fix: choose another extractor",
    ),
    "no such device": (
        lambda: Runtime(device="tpu").resolved_device(),
        "there is no device 'tpu' here\n  fix: choose one of: auto, ",
    ),
}


def message_of(act: Callable[[], object]) -> str:
    with pytest.raises(DsimError) as caught:
        act()
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize(("reference", "expected"), REFERENCES.items(), ids=REFERENCES)
def test_wording_of_references(
    reference: str, expected: str, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.pth").touch()
    assert expected in message_of(lambda: recipe(reference, runtime))


@pytest.mark.parametrize(("text", "expected"), TRANSFORMS.items(), ids=TRANSFORMS)
def test_wording_of_transforms(text: str, expected: str) -> None:
    assert expected in message_of(lambda: parse_transform(text))


@pytest.mark.parametrize(("act", "expected"), WORDING.values(), ids=WORDING)
def test_wording_of_features(act: Callable[[], object], expected: str) -> None:
    assert expected in message_of(act)


def test_wording_of_a_repository_without_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub(monkeypatch)
    message = message_of(
        lambda: weights.from_hub("timm:mine", "who/mine", ["model.safetensors"], Runtime(cache=tmp_path))
    )
    assert "who/mine holds none of model.safetensors" in message
    assert "\n  fix: " in message


def test_wording_of_a_download_that_is_not_what_its_name_promises(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "net-0123456789.pth").write_bytes(b"other")
    url = (tmp_path / "net-0123456789.pth").as_uri()
    message = message_of(lambda: weights.from_torch_hub("torchvision:mine", url, Runtime(cache=tmp_path)))
    assert "does not match the hash in its name" in message
    assert "\n  fix: " in message


def test_wording_of_an_unknown_cuda_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    message = message_of(lambda: Runtime(device="cuda:4").resolved_device())
    assert message == "there are 1 CUDA devices here\n  fix: cuda:0 is the first"

"""DINO's checkpoints, in every form that its trainers write, give the features of the network that was saved."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import dsim
from dsim.data import Dataset
from dsim.errors import DsimError, UnknownNameError, UsageError, WeightsError
from dsim.features import extract, parse_transform, prepare, recipe
from dsim.runtime import Runtime

#: The smallest of each family; the size keeps them fast.
VIT, XCIT, RESNET = "test_vit", "xcit_nano_12_p16_224", "test_resnet"
SIZE = 64

State = dict[str, torch.Tensor]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Runtime(device="cpu", offline=True, cache=tmp_path / "cache", workers=0, batch=4)


@pytest.fixture
def images() -> Dataset:
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (70, 80, 3), dtype=np.uint8) for _ in range(3)]
    return dsim.from_arrays(images=pixels, name="noise")


def network(name: str, seed: int, **options: Any) -> nn.Module:
    """A network of timm with weights of a seed, all of them: XCiT's layer scales, too, so that every weight matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = timm.create_model(name, num_classes=0, **options)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
    return module.eval()


def forward(module: nn.Module, images: Dataset, reference: str, runtime: Runtime) -> torch.Tensor:
    """timm's own features of the images as the extractor sees them."""
    transform = parse_transform(recipe(reference, runtime).transform)
    batch = torch.from_numpy(np.stack([transform.apply(images.pixels(i)) for i in range(len(images))]))
    with torch.inference_mode():
        return module.forward_features(batch)  # type: ignore[operator, no-any-return]


def wrapped(state: State, prefix: str) -> State:
    """As a trainer holds a backbone and its projection head."""
    head = {f"{prefix}head.mlp.0.weight": torch.ones(2, 2), f"{prefix}head.last_layer.weight_g": torch.ones(2, 1)}
    return {f"{prefix}backbone.{key}": value for key, value in state.items()} | head


def full(teacher: State, student: State) -> dict[str, Any]:
    """A checkpoint of DINO's own training: two networks, the optimiser, the command line."""
    return {
        "student": wrapped(student, "module."),
        "teacher": wrapped(teacher, ""),
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
        "epoch": 3,
        "args": argparse.Namespace(arch="vit_small", patch_size=16),
        "dino_loss": {"center": torch.zeros(1, 4)},
    }


FORMS: dict[str, Callable[[State, State], Any]] = {
    "full": full,
    "distributed teacher": lambda t, s: {"teacher": wrapped(t, "module."), "student": wrapped(s, "module.")},
    "compiled": lambda t, s: {"teacher": wrapped(t, "_orig_mod.module."), "student": wrapped(s, "module.")},
    "plain": lambda t, s: t,
    "one network with its head": lambda t, s: wrapped(t, ""),
    "projection head": lambda t, s: {
        **{f"backbone.{key}": value for key, value in t.items()},
        "projection_head.mlp.0.weight": torch.ones(2, 2),
    },
    "state_dict": lambda t, s: {"state_dict": t, "epoch": 1},
    "model": lambda t, s: {"model": {f"module.{key}": value for key, value in t.items()}},
    "flat": lambda t, s: {
        "state_dict": {
            **{f"teacher.backbone.{key}": value for key, value in t.items()},
            **{f"student.backbone.{key}": value for key, value in s.items()},
        }
    },
    "classifier left in": lambda t, s: {**t, "head.weight": torch.ones(10, 64), "fc.bias": torch.ones(10)},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_checkpoint_gives_the_teachers_features(
    form: str, tmp_path: Path, runtime: Runtime, images: Dataset
) -> None:
    teacher, student = (network(VIT, seed, img_size=SIZE) for seed in (1, 2))
    path = tmp_path / "checkpoint.pth"
    torch.save(FORMS[form](teacher.state_dict(), student.state_dict()), path)
    reference = f"dino:{VIT}[size={SIZE},weights={path}]"
    expected = forward(teacher, images, reference, runtime)[:, 0]
    np.testing.assert_allclose(extract(images, reference, runtime), expected, rtol=1e-4, atol=1e-5)


def test_the_student_is_had_by_name(tmp_path: Path, runtime: Runtime, images: Dataset) -> None:
    teacher, student = (network(VIT, seed, img_size=SIZE) for seed in (1, 2))
    path = tmp_path / "checkpoint.pth"
    torch.save(full(teacher.state_dict(), student.state_dict()), path)
    reference = f"dino:{VIT}[branch=student,size={SIZE},weights={path}]"
    expected = forward(student, images, reference, runtime)[:, 0]
    np.testing.assert_allclose(extract(images, reference, runtime), expected, rtol=1e-4, atol=1e-5)
    of_teacher = f"dino:{VIT}[size={SIZE},weights={path}]"
    assert recipe(reference, runtime).weights != recipe(of_teacher, runtime).weights


def test_safetensors_are_read(tmp_path: Path, runtime: Runtime, images: Dataset) -> None:
    module, path = network(VIT, 1, img_size=SIZE), tmp_path / "backbone.safetensors"
    save_file(module.state_dict(), path)
    reference = f"dino:{VIT}[size={SIZE},weights={path}]"
    expected = forward(module, images, reference, runtime)[:, 0]
    np.testing.assert_allclose(extract(images, reference, runtime), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "token", "expected"),
    [
        (VIT, "final", lambda tokens: tokens[:, 0]),
        (VIT, "cls", lambda tokens: tokens[:, 0]),
        (VIT, "mean", lambda tokens: tokens[:, 1:].mean(1)),
        (XCIT, "final", lambda tokens: tokens[:, 0]),
        (XCIT, "mean", lambda tokens: tokens[:, 1:].mean(1)),
        (RESNET, "final", lambda maps: maps.mean((2, 3))),
        (RESNET, "mean", lambda maps: maps.mean((2, 3))),
    ],
)
def test_the_chosen_token_is_timms(
    name: str, token: str, expected: Callable[[Any], Any], tmp_path: Path, runtime: Runtime, images: Dataset
) -> None:
    module, path = network(name, 1, **({} if name == RESNET else {"img_size": SIZE})), tmp_path / "plain.pth"
    torch.save(module.state_dict(), path)
    reference = f"dino:{name}[size={SIZE},token={token},weights={path}]"
    tokens = forward(module, images, reference, runtime)
    np.testing.assert_allclose(extract(images, reference, runtime), expected(tokens), rtol=1e-4, atol=1e-5)


def test_weights_of_xcit_under_its_authors_names_are_read(tmp_path: Path, runtime: Runtime, images: Dataset) -> None:
    """The published weights call the position embedding otherwise, and keep query, key and value in one matrix."""
    module, path = network(XCIT, 1, img_size=SIZE), tmp_path / "authors.pth"
    state = module.state_dict()
    authors = {key.replace("pos_embed.", "pos_embeder."): value for key, value in state.items()}
    for part in ("weight", "bias"):
        for block in range(2):
            prefix = f"cls_attn_blocks.{block}.attn"
            authors[f"{prefix}.qkv.{part}"] = torch.cat([authors.pop(f"{prefix}.{name}.{part}") for name in "qkv"])
    torch.save(authors, path)
    reference = f"dino:{XCIT}[size={SIZE},weights={path}]"
    expected = forward(module, images, reference, runtime)[:, 0]
    np.testing.assert_allclose(extract(images, reference, runtime), expected, rtol=1e-4, atol=1e-5)


def test_position_embeddings_of_another_size_are_interpolated(tmp_path: Path, runtime: Runtime) -> None:
    """A constant embedding stays so; in another size the network still takes all of its weights from the file."""
    module, path = network(VIT, 1, img_size=96), tmp_path / "plain.pth"
    with torch.no_grad():
        module.pos_embed.fill_(0.25)
    torch.save(module.state_dict(), path)
    opened: Any = prepare(f"dino:{VIT}[size={SIZE},weights={path}]", runtime).open("cpu")
    inside = opened._module.backbone
    assert inside.pos_embed.shape[1] == (SIZE // 16) ** 2 + 1
    torch.testing.assert_close(inside.pos_embed, torch.full_like(inside.pos_embed, 0.25))
    torch.testing.assert_close(inside.blocks[0].attn.qkv.weight, module.blocks[0].attn.qkv.weight)  # type: ignore[index]


def test_the_recipe_holds_all_that_features_depend_on(tmp_path: Path, runtime: Runtime) -> None:
    path = tmp_path / "plain.pth"
    torch.save(network(VIT, 1).state_dict(), path)
    found = recipe(f"dino:{VIT}[token=mean,weights={path}]", runtime)
    assert found.network == f"dino:{VIT}"
    assert found.weights == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.pooling == "mean"
    assert "resize=256,side=224" in found.transform
    assert "mean=0.485/0.456/0.406" in found.transform
    assert recipe(f"dino:{VIT}[size=96,weights={path}]", runtime).transform != found.transform


def test_random_weights_are_asked_for_by_name_and_said(runtime: Runtime, images: Dataset) -> None:
    first, again, other = (f"dino:{VIT}[init=random:{seed},size={SIZE}]" for seed in (0, 0, 1))
    assert recipe(first, runtime).weights.startswith("random:0 torch ")
    features = [extract(images, reference, runtime) for reference in (first, again, other)]
    np.testing.assert_array_equal(features[0], features[1])
    assert np.abs(features[0] - features[2]).max() > 1e-3


def without(key: str) -> Callable[[State], Any]:
    return lambda state: {name: value for name, value in state.items() if name != key}


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (without("blocks.0.attn.qkv.weight"), "", "Missing key.*blocks.0.attn.qkv.weight"),
        (without("pos_embed"), "", "Missing key.*pos_embed"),
        (lambda state: {**state, "stranger": torch.ones(1)}, "", "Unexpected key.*stranger"),
        (lambda state: {"epoch": 3}, "", "holds no weights of a backbone"),
        (lambda state: [1, 2], "", "holds no weights of a backbone"),
        (
            lambda state: {"student": wrapped(state, "")},
            "",
            "holds no teacher\n.*holds: student: branch=student",
        ),
        (lambda state: state, ",branch=student", "holds one network, not a teacher and a student"),
        (lambda state: {**state, "blocks.0.attn.qkv.weight": torch.ones(2, 2)}, "", "does not fit"),
        (lambda state: {**state, "pos_embed": torch.ones(1, 7, 3)}, "", "does not fit"),
        (lambda state: Path("code"), "", "is not a file of weights"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    content: Callable[[State], Any], options: str, message: str, tmp_path: Path, runtime: Runtime
) -> None:
    """Whatever is missing would silently stay random; and a file may hold code, which is never run."""
    path = tmp_path / "weights.pth"
    torch.save(content(network(VIT, 1, img_size=SIZE).state_dict()), path)
    with pytest.raises(WeightsError, match=message):
        prepare(f"dino:{VIT}[size={SIZE},weights={path}{options}]", runtime).open("cpu")


@pytest.mark.parametrize(
    ("reference", "kind", "message"),
    [
        ("dino:xcit_small_12_p8_224", WeightsError, "fix: get https://.*xcit_small_12_p8_pretrain.pth and give it"),
        ("dino:resnet50", WeightsError, "fix: get https://.*dino_resnet50_pretrain.pth and give it: --weights FILE"),
        ("dino:vit_small_patch16_224", WeightsError, "--weights FILE, or put them at timm/vit_small_patch16_224.dino"),
        ("dino:resnet18", WeightsError, "nobody published weights of DINO for resnet18"),
        ("dino:xcit_smal_12_p8_224", UnknownNameError, "Did you mean 'xcit_small_12_p8_224'"),
        (f"dino:{VIT}[weights=nowhere.pth]", WeightsError, "weights file nowhere.pth does not exist"),
        (f"dino:{VIT}[tokn=cls]", UnknownNameError, "Did you mean 'token'"),
        (f"dino:{VIT}[token=last,init=random:0]", UnknownNameError, "choose one of: final, cls, mean"),
        (f"dino:{VIT}[branch=both,weights=a]", UnknownNameError, "choose one of: teacher, student"),
        (f"dino:{VIT}[init=random:0,weights=a]", UsageError, "init and weights exclude each other"),
        (f"dino:{VIT}[init=random:0,size=big]", UsageError, "size cannot be 'big'"),
        (f"dino:{VIT}[init=random:0,transform=square@1[channels=1,side=64]]", UsageError, "one channel"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_refused_with_the_way_out(
    reference: str, kind: type[DsimError], message: str, runtime: Runtime
) -> None:
    with pytest.raises(kind) as told:
        recipe(reference, runtime)
    assert re.search(message, str(told.value)), str(told.value)


def test_a_class_token_is_not_made_up(runtime: Runtime) -> None:
    with pytest.raises(UsageError, match="has no class token"):
        prepare(f"dino:{RESNET}[init=random:0,size={SIZE},token=cls]", runtime).open("cpu")


def test_a_size_that_the_network_does_not_take_is_refused(runtime: Runtime) -> None:
    with pytest.raises(UsageError, match="takes no images of 100 pixels"):
        prepare(f"dino:{XCIT}[init=random:0,size=100]", runtime).open("cpu")


def test_every_published_architecture_is_timms() -> None:
    from dsim_dino.extractor import PUBLISHED

    assert set(PUBLISHED) <= set(timm.list_models())
    assert all(url.startswith("https://") and url.endswith("_pretrain.pth") for url in PUBLISHED.values())

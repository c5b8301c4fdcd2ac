"""The kind of extractor ``dino:ARCHITECTURE[weights=FILE,token=mean,...]``: backbones of timm with weights of DINO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UnknownNameError, UsageError, WeightsError
from dsim.features import Blueprint, Network, Recipe, check_options, seed_of, seeded
from dsim.features.timm_backend import card_of, random_weights
from dsim.features.weights import WeightsFile, from_hub, from_torch_hub, given
from dsim.plugin import format_bracketed
from dsim_dino.specs import BRANCHES

if TYPE_CHECKING:
    from torch import nn

    from dsim.features import NetworkInput, Square
    from dsim.runtime import Runtime

OPTIONS = ("branch", "init", "size", "token", "transform", "weights")
TOKENS = ("final", "cls", "mean")

#: Weights that the authors of DINO published and timm does not name, by timm's name of the architecture.
_BASE = "https://dl.fbaipublicfiles.com/dino"
PUBLISHED = {
    "xcit_small_12_p16_224": f"{_BASE}/dino_xcit_small_12_p16_pretrain/dino_xcit_small_12_p16_pretrain.pth",
    "xcit_small_12_p8_224": f"{_BASE}/dino_xcit_small_12_p8_pretrain/dino_xcit_small_12_p8_pretrain.pth",
    "xcit_medium_24_p16_224": f"{_BASE}/dino_xcit_medium_24_p16_pretrain/dino_xcit_medium_24_p16_pretrain.pth",
    "xcit_medium_24_p8_224": f"{_BASE}/dino_xcit_medium_24_p8_pretrain/dino_xcit_medium_24_p8_pretrain.pth",
    "resnet50": f"{_BASE}/dino_resnet50_pretrain/dino_resnet50_pretrain.pth",
}
#: The tag under which timm has the others.
_TAG = "dino"


@dataclass(frozen=True)
class _Plan:
    """Plan of an extractor: a timm architecture for square images of ``size``, and where its weights come from."""

    name: str
    size: int
    token: str
    file: WeightsFile | None
    seed: int
    branch: str


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """Return the backbone of that architecture, which maps images (b, 3, h, w) to features (b, d).

    Its weights are as published, of ``weights=FILE``, or drawn by ``init=random:SEED``. Raises UsageError for options
    that contradict each other, WeightsError where nobody published weights.
    """
    check_options("dino", options, OPTIONS)
    _refuse_contradictions(options)
    name = name.removesuffix(f".{_TAG}")
    reference = format_bracketed(f"dino:{name}", options)
    transform = _transform(name, options)
    plan = _Plan(
        name=name,
        size=transform.side,
        token=options.get("token", TOKENS[0]),
        file=_weights(reference, name, options, runtime),
        seed=seed_of(options.get("init", "random:0")),
        branch=options.get("branch", ""),
    )
    recipe = Recipe(
        reference=reference,
        network=f"dino:{name}",
        weights=_identity(plan),
        transform=transform.id,
        layer="output",
        pooling=plan.token,
    )
    return Blueprint(recipe, lambda device: Network(_backbone(plan), device))


def _refuse_contradictions(options: Mapping[str, str]) -> None:
    for one, other in (("init", "weights"), ("init", "branch"), ("size", "transform")):
        if one in options and other in options:
            raise UsageError(f"{one} and {other} exclude each other", hint="give one of them")
    for option, known in (("branch", BRANCHES), ("token", TOKENS)):
        if option in options and options[option] not in known:
            raise UnknownNameError(option, options[option], known, hint=f"choose one of: {', '.join(known)}")


def _weights(reference: str, name: str, options: Mapping[str, str], runtime: Runtime) -> WeightsFile | None:
    """The file of the weights; None where they are random."""
    card_of(name, True, runtime)  # refuses a name that timm does not know
    if "init" in options:
        return None
    if "weights" in options:
        return given(Path(options["weights"]).expanduser(), runtime)
    found = published_weights(reference, name, runtime)
    if found is None:
        raise WeightsError(
            f"nobody published weights of DINO for {name}",
            hint=f"give your own: --weights FILE, or dino:{name}[weights=FILE]",
        )
    return found


def published_weights(reference: str, name: str, runtime: Runtime) -> WeightsFile | None:
    """Return the weights that the authors of DINO published for an architecture; None where they published none.

    Raises WeightsError where they cannot be reached.
    """
    if name in PUBLISHED:
        return _fetched(reference, name, runtime)
    try:
        card = card_of(f"{name}.{_TAG}", False, runtime)
    except UnknownNameError:
        return None
    return from_hub(reference, card["repository"], card["files"], runtime)


def _fetched(reference: str, name: str, runtime: Runtime) -> WeightsFile:
    try:
        return from_torch_hub(reference, PUBLISHED[name], runtime)
    except WeightsError as error:
        raise WeightsError(
            error.message,
            hint=f"get {PUBLISHED[name]} and give it: --weights FILE, or dino:{name}[weights=FILE]; "
            "any checkpoint of DINO for this network will do",
        ) from error


def _identity(plan: _Plan) -> str:
    if plan.file is None:
        return random_weights(plan.seed)
    # The teacher is what a file of both stands for, and a file of one network has no branch.
    return f"{plan.file.sha256} student" if plan.branch == "student" else plan.file.sha256


def _transform(name: str, options: Mapping[str, str]) -> NetworkInput | Square:
    """The input: DINO's evaluation on ImageNet, resized to 8/7 of the crop's side, unless it is given."""
    from dsim.features import NetworkInput, Square, parse_transform

    if "transform" in options:
        chosen = parse_transform(options["transform"])
        if not isinstance(chosen, NetworkInput | Square):
            message = f"transform {chosen.id} gives no square images, and {name} takes them"
            raise UsageError(message, hint="write transform=square@1[side=224,channels=3], or leave it out")
        channels = chosen.channels if isinstance(chosen, Square) else len(chosen.mean)
        if channels != 3:
            message = f"transform {chosen.id} gives images of one channel, and {name} takes three"
            raise UsageError(message, hint="write transform=square@1[side=224,channels=3], or leave it out")
        return chosen
    text = options.get("size", "224")
    if not text.isdecimal() or not int(text):
        raise UsageError(f"size cannot be {text!r}", hint="give the side of the images in pixels: size=224")
    return NetworkInput(side=int(text), resize=int(text) * 8 // 7)


def _backbone(plan: _Plan) -> nn.Module:
    """The network with its weights; maps (b, 3, H, W) to (b, d)."""
    from dsim.models import TokenOf, backbone_state, load_backbone

    with seeded(plan.seed):
        module = _created(plan)
    if plan.file is not None:
        load_backbone(plan.name, module, plan.file.path, backbone_state(plan.file.path, plan.branch))
    network = TokenOf(module, plan.token).eval()
    _try_out(plan, network)
    return network


def _created(plan: _Plan) -> nn.Module:
    import timm

    try:
        module: nn.Module = timm.create_model(plan.name, pretrained=False, num_classes=0, img_size=plan.size)
    except TypeError:  # a convolutional network takes images of any size
        module = timm.create_model(plan.name, pretrained=False, num_classes=0)
    except (AssertionError, ValueError) as error:
        raise _refused_size(plan, error) from error
    return module


def _try_out(plan: _Plan, network: nn.Module) -> None:
    """One empty image: a network that takes no such images says so here, and not amid a dataset."""
    import torch

    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, plan.size, plan.size))
    except (AssertionError, ValueError, RuntimeError) as error:
        raise _refused_size(plan, error) from error


def _refused_size(plan: _Plan, error: Exception) -> UsageError:
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UsageError(f"{plan.name} takes no images of {plan.size} pixels: {message}", hint="give another size=PIXELS")

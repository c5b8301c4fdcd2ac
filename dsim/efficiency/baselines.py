"""Baselines by name: raw pixels, ImageNet's weights, random weights, and the network trained end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim.zoo import Model

#: The baselines, by the names that ``--baseline`` takes.
BASELINES = ("finetune", "pixels", "random", "imagenet")
PIXELS, IMAGENET = "pixels:", "zoo:lite0.imagenet.r1"


@dataclass(frozen=True)
class Baselines:
    """References that baselines stand for: ``extractors`` whose features are classified, ``finetuned`` networks."""

    extractors: tuple[str, ...] = ()
    finetuned: tuple[str, ...] = ()


def read_baselines(texts: Sequence[str], extractors: Sequence[str], runtime: Runtime) -> Baselines:
    """Return what the baselines stand for; ``random`` and ``finetune`` are of the first extractor's network.

    ``finetune=REF`` names another network, and any other text with a colon is an extractor. Raises UnknownNameError for
    an unknown name, UsageError where the first extractor is not a network.

    >>> from dsim.runtime import Runtime
    >>> read_baselines(["pixels", "finetune=zoo:lite0.imagenet.r1"], ["pixels:[side=8]"], Runtime())
    Baselines(extractors=('pixels:',), finetuned=('zoo:lite0.imagenet.r1',))
    """
    plain: list[str] = []
    finetuned: list[str] = []
    for text in texts:
        name, _, reference = text.partition("=")
        if name == "finetune":
            finetuned.append(reference or _first(extractors))
        elif text == "pixels":
            plain.append(PIXELS)
        elif text == "imagenet":
            plain.append(IMAGENET)
        elif text == "random":
            plain.append(with_random_weights(_first(extractors), runtime))
        elif ":" in text:
            plain.append(text)
        else:
            hint = f"baselines are: {', '.join(BASELINES)}; finetune=REF trains the network of another extractor"
            raise UnknownNameError("baseline", text, BASELINES, hint=hint)
    return Baselines(tuple(dict.fromkeys(plain)), tuple(dict.fromkeys(finetuned)))


def _first(extractors: Sequence[str]) -> str:
    if not extractors:
        raise UsageError("a baseline needs an extractor to be compared with", hint="give --extractor REF")
    return extractors[0]


def with_random_weights(reference: str, runtime: Runtime) -> str:
    """Return the extractor of the same architecture and input with random weights, those of seed 0.

    Raises UsageError where an extractor is not a network of timm; WeightsError where its weights cannot be had.

    >>> from dsim.runtime import Runtime
    >>> with_random_weights("dino:resnet18[size=64,weights=x.pth]", Runtime())
    'dino:resnet18[init=random:0,size=64]'
    """
    from dsim.registry import format_bracketed, parse_bracketed

    head, options = parse_bracketed(reference)
    kind, _, name = head.partition(":")
    if kind in ("timm", "dino"):
        kept = {key: value for key, value in options.items() if key not in ("weights", "branch", "init")}
        return format_bracketed(f"{kind}:{name.partition('.')[0]}", {**kept, "init": "random:0"})
    if kind == "file" and "arch" in options:
        kept = {key: value for key, value in options.items() if key != "arch"}
        return format_bracketed(f"timm:{options['arch'].partition('.')[0]}", {**kept, "init": "random:0"})
    model = _model(kind, name)
    network = "" if model is None else str(model.manifest["architecture"].get("network", ""))
    if model is None or not _is_of_timm(network):
        raise UsageError(
            f"{reference} has no network whose weights can be drawn at random",
            hint="name one as an extractor: --extractor dino:resnet18[init=random:0,size=64]",
        )
    return format_bracketed(f"timm:{network}", {"init": "random:0", "transform": _centred(model)})


def _model(kind: str, name: str) -> Model | None:
    """The model of the zoo, or of a folder, that a reference names; None where it names neither."""
    from pathlib import Path

    from dsim.zoo import find, read_model

    if kind == "zoo":
        return find(name)
    folder = Path(name).expanduser()
    return read_model(folder) if kind == "file" and folder.is_dir() else None


def _is_of_timm(network: str) -> bool:
    import timm

    return network in timm.list_models()


def _centred(model: Model) -> str:
    """The transform of a model, centred and scaled as its builder does it, for a network that lacks that builder."""
    from dsim.features import NetworkInput, Square, parse_transform

    transform, facts = parse_transform(model.transform), model.manifest["input"]
    if not isinstance(transform, Square) or transform.minmax or len(facts.get("mean", ())) != transform.channels:
        return transform.id
    side, mean, std = transform.side, tuple(facts["mean"]), tuple(facts["std"])
    return NetworkInput(side, side, mean=mean, std=std, filter=transform.filter, mode="squash").id

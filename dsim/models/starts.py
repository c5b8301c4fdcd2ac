"""The weights that a training starts from: shipped, published, or of an earlier run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError, WeightsError
from dsim.models import lite0
from dsim.models.backbone_state import State, backbone_state, head_state, read_file

if TYPE_CHECKING:
    from dsim.runtime import Runtime

#: Starts that are not a path. ``imagenet`` weights are shipped, ``published`` ones are downloaded.
STARTS = ("random", "imagenet", "published")
#: Mean and spread of ImageNet's intensities, by which DINO and most of timm's networks centre and scale.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: What a folder of a run holds: the finished training, and the folder of its model.
_CHECKPOINT, _MODEL = "checkpoint.pth", "model"
#: Before the names of a backbone's weights in the file of a map.
_OF_MAP = "features.network."


@dataclass(frozen=True)
class StartWeights:
    """Weights of a backbone, and how images are centred and scaled for them.

    Parameters
    ----------
    state : by timm's names. ``path`` : of their file. ``network`` : that they are of; empty where nothing says it.
    head : weights of the head that was trained with it, where the file holds them.
    """

    state: State
    path: Path
    mean: Sequence[float] = MEAN
    std: Sequence[float] = SPREAD
    network: str = ""
    head: State = field(default_factory=dict)


def read_start(start: str, name: str, runtime: Runtime) -> StartWeights:
    """Return the weights of a start for the network of that name.

    Parameters
    ----------
    start : ``imagenet`` (shipped, for ``tf_efficientnet_lite0``), ``published`` (those of timm), or the path of an
        earlier run's folder, of a checkpoint, or of a zoo model's folder.

    Raises UsageError for a start that there is not, or weights that say they are of another network; WeightsError where
    weights cannot be had or read.
    """
    path = Path(start).expanduser()
    if start == "imagenet":
        found = _shipped(name)
    elif start == "published":
        found = _published(name, runtime)
    elif path.is_dir():
        found = _of_folder(path)
    elif path.is_file():
        found = _of_file(path)
    else:
        hint = f"choose one of: {', '.join(STARTS)}; or give the folder of a run, or a checkpoint"
        raise UsageError(f"there is no start {start!r}", hint=hint)
    if found.network and found.network.partition(".")[0] != name.partition(".")[0]:
        raise UsageError(
            f"{found.path} holds weights of {found.network}, not of {name}", hint=f"give network={found.network}"
        )
    return found


def _shipped(name: str) -> StartWeights:
    from dsim.zoo import find

    if name != lite0.NETWORK:
        raise UsageError(
            f"no package that can be had without a download carries ImageNet weights of {name}",
            hint=f"choose network={lite0.NETWORK}, or start=published, or start=random",
        )
    model = find(lite0.IMAGENET)
    state = {key.removeprefix("network."): value for key, value in model.build().state_dict().items()}
    return StartWeights(state, model.weights, (lite0.MEAN,) * 3, (lite0.STD,) * 3)


def _published(name: str, runtime: Runtime) -> StartWeights:
    """Timm's own weights: those of the tag in the name, else of the network's default tag."""
    import timm

    from dsim.features.timm_backend import card_of, load
    from dsim.features.weights import from_hub, from_torch_hub

    config: Any = timm.get_pretrained_cfg(name)
    full = name if "." in name or config is None or not config.tag else f"{name}.{config.tag}"
    card = card_of(full, False, runtime)
    if card["repository"]:
        file = from_hub(f"start=published of {full}", card["repository"], card["files"], runtime)
    elif card["url"]:
        file = from_torch_hub(f"start=published of {full}", card["url"], runtime)
    else:
        raise WeightsError(f"nobody published weights of {name}", hint="give start=random, or the path of weights")
    state = dict(load(card["name"], file.path).state_dict())
    return StartWeights(state, file.path, tuple(config.mean), tuple(config.std))


def _of_folder(folder: Path) -> StartWeights:
    """The checkpoint of a run, or the model of a folder of the zoo."""
    from dsim.store import read_weights
    from dsim.zoo import is_model, read_model

    if (folder / _CHECKPOINT).is_file():
        return _of_file(folder / _CHECKPOINT)
    place = next((place for place in (folder, folder / _MODEL) if is_model(place)), None)
    if place is None:
        raise UsageError(
            f"{folder} holds no finished training and no model",
            hint="finish that run first: repeat its command; or give a checkpoint's path",
        )
    model = read_model(place)
    model.verify()
    state, _ = read_weights(model.weights)
    if any(key.startswith(_OF_MAP) for key in state):
        state = {key.removeprefix(_OF_MAP): value for key, value in state.items() if key.startswith(_OF_MAP)}
    widened = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    size, facts = model.manifest["input"], model.manifest.get("architecture", {})
    return StartWeights(widened, model.weights, size["mean"], size["std"], str(facts.get("network", "")))


def _of_file(path: Path) -> StartWeights:
    """The teacher of a checkpoint, or the state dict of one network."""
    content = read_file(path)
    arguments = content.get("args") if isinstance(content, dict) else None
    facts = arguments if isinstance(arguments, dict) else {}
    return StartWeights(
        backbone_state(path, ""),
        path,
        facts.get("mean", MEAN),
        facts.get("std", SPREAD),
        str(facts.get("network", "")),
        head_state(path),
    )

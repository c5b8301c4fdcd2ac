"""A trained detector: a network, a linear classifier of its features, and all that they need to be used again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from dsim.files import documents, file_sha256
from dsim.plugin import DataError, UsageError
from dsim.store import read_weights, write_weights

if TYPE_CHECKING:
    from dsim.plugin import Runtime
    from dsim_simsearch.network import EarlyBlocks

#: Files of a detector's folder.
FACTS, WEIGHTS = "detector.json", "detector.safetensors"
#: Bumped when older programs cannot use a newer detector.
VERSION = 1
_FORMAT = "dsim-simsearch-detector"
_NEEDED = {"classes", "extractor", "channels", "patch", "region", "is_directional", "preparation", "sha256"}
_HINT = "give the folder of a detector, as the training of a session writes it"


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """Logits of pooled features: they are centred, multiplied by a matrix, and classified by their direction or as is.

    Parameters
    ----------
    mean : float32 (d,). ``matrix`` : float32 (d, d). ``is_directional`` : whether they are then brought to length 1.
    weight : float32 (K + 1, d). ``bias`` : float32 (K + 1,). The last row is the background.
    """

    mean: Tensor
    matrix: Tensor
    weight: Tensor
    bias: Tensor
    is_directional: bool

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name."""
        return {"mean": self.mean, "matrix": self.matrix, "weight": self.weight, "bias": self.bias}

    def normalise(self, features: Tensor) -> Tensor:
        """Return features (..., d) as they are classified."""
        points = (features - self.mean) @ self.matrix
        return nn.functional.normalize(points, dim=-1) if self.is_directional else points

    def __call__(self, features: Tensor) -> Tensor:
        """Return the logits (..., K + 1) of features (..., d)."""
        return self.normalise(features) @ self.weight.T + self.bias


@dataclass(frozen=True, eq=False)
class Detector:
    """A network and a classifier of its features: softmax values of classes and background for any patch.

    Parameters
    ----------
    classes : their names; the background is not among them.
    blocks : the network, in evaluation mode. ``extractor`` : the reference of the extractor whose network it was.
    classifier : of the network's pooled features.
    patch : height and width of patches, pixels. ``region`` : network pixels that the longer side spans.
    preparation : of the images, as ``Preparation.to_dict`` has it.
    training : facts for people: settings, seed, seconds, numbers of patches.
    """

    classes: tuple[str, ...]
    blocks: EarlyBlocks
    extractor: str
    classifier: LinearClassifier
    patch: tuple[float, float]
    region: float
    preparation: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All weights by name, on the CPU."""
        named = {f"blocks.{name}": value for name, value in self.blocks.state_dict().items()}
        named |= {f"classifier.{name}": value for name, value in self.classifier.tensors.items()}
        return {name: value.detach().cpu().contiguous() for name, value in named.items()}

    @property
    def digest(self) -> str:
        """sha256 of names, shapes and values of all weights: what its detections depend on beside the facts."""
        return digest_of(self.tensors)

    @property
    def facts(self) -> dict[str, Any]:
        """What it needs beside its weights, as a JSON object."""
        return {
            "format": _FORMAT,
            "version": VERSION,
            "classes": list(self.classes),
            "extractor": self.extractor,
            "channels": self.blocks.channels,
            "patch": list(self.patch),
            "region": self.region,
            "is_directional": self.classifier.is_directional,
            "preparation": dict(self.preparation),
            "digest": self.digest,
            "training": documents.plain(dict(self.training)),
        }

    def save(self, folder: Path) -> None:
        """Write it to a folder: weights first, then the facts with their sha256.

        Raises DsimError where that cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_weights(folder / WEIGHTS, self.tensors, {"format": _FORMAT})
        facts = {**self.facts, "sha256": file_sha256(folder / WEIGHTS)}
        documents.to_json(facts, folder / FACTS)


def open_detector(folder: Path, runtime: Runtime) -> Detector:
    """Return the detector of a folder, its network on the runtime's device.

    Raises DataError where there is none, where the weights are not those that were written, or where a newer version of
    dsim wrote it.
    """
    from dsim_simsearch.network import open_blocks

    facts = _read_facts(folder)
    weights = folder / WEIGHTS
    if not weights.is_file() or file_sha256(weights) != facts["sha256"]:
        raise DataError(f"{weights} is not the file that belongs to {folder / FACTS}", hint="train the detector again")
    tensors, _ = read_weights(weights)
    blocks = open_blocks(facts["extractor"], facts["channels"], runtime)
    try:
        blocks.load_state_dict(_part(tensors, "blocks."))
        classifier = LinearClassifier(**_part(tensors, "classifier."), is_directional=facts["is_directional"])
    except (RuntimeError, TypeError) as error:
        message = f"the weights of {folder} do not fit the network of {facts['extractor']}"
        raise DataError(message, hint="train the detector again") from error
    height, width = facts["patch"]
    return Detector(
        classes=tuple(facts["classes"]),
        blocks=blocks,
        extractor=facts["extractor"],
        classifier=classifier,
        patch=(height, width),
        region=facts["region"],
        preparation=facts["preparation"],
        training=facts["training"],
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _read_facts(folder: Path) -> dict[str, Any]:
    if not (folder / FACTS).is_file():
        raise DataError(f"there is no detector at {folder}", hint=_HINT)
    facts = documents.read(folder / FACTS, _HINT)
    if facts.get("format") != _FORMAT:
        raise DataError(f"{folder / FACTS} is not the file of a detector", hint=_HINT)
    if not isinstance(facts.get("version"), int) or facts["version"] > VERSION:
        raise DataError(f"{folder} was written by a newer version of dsim", hint="install the newest dsim")
    missing = sorted(_NEEDED - facts.keys())
    if missing:
        raise DataError(f"{folder / FACTS} lacks {', '.join(missing)}", hint="train the detector again")
    return {"training": {}, **facts}


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of tensors by name: names, shapes, types and values.

    >>> import torch
    >>> digest_of({"a": torch.zeros(2)}) == digest_of({"a": torch.zeros(2)}) != digest_of({"b": torch.zeros(2)})
    True
    """
    state = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        state.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        state.update(value.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()


def check_preparation(detector: Detector, preparation: Mapping[str, Any]) -> None:
    """Raise UsageError where images are prepared in another way than those on which a detector was trained."""
    if documents.plain(dict(preparation)) != documents.plain(dict(detector.preparation)):
        raise UsageError(
            "the images are prepared in another way than those on which the detector was trained",
            hint="prepare them by Preparation.from_dict(detector.preparation)",
        )

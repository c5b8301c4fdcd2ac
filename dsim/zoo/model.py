"""One model of the zoo, where models are found, and the probe that shows that one still computes the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, PluginError, UnknownNameError, WeightsError, did_you_mean
from dsim.files import file_sha256
from dsim.zoo.manifest import NAME, SEGMENTATION, lookup, read_manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from dsim.data import Dataset

#: What a model marks whose manifest does not say it.
FOREGROUND = "foreground"
#: Percent of Dice on held-out images of its own sources below which a model has not learnt them.
LEARNT = 50.0
#: Former places, in dsim, of builders that manifests outside this repository name: what was published is not edited.
_MOVED = {"transfer.segmentation.segmenter:build": "dsim.models.segmenter:build_probed"}


@dataclass(frozen=True)
class Model:
    """A model that is described, but not loaded.

    Parameters
    ----------
    id : ``<arch>.<training>.<rev>``; what it names never changes.
    folder : holds manifest, card and weights.
    manifest : all that is known of it.
    weights : the safetensors file.
    """

    id: str
    folder: Path
    manifest: Mapping[str, Any] = field(compare=False, repr=False)
    weights: Path

    @property
    def title(self) -> str:
        """The model in one line."""
        return str(self.manifest["title"])

    @property
    def sha256(self) -> str:
        """The promised sha256 of the weights."""
        return str(self.manifest["weights"]["sha256"])

    @property
    def transform(self) -> str:
        """Id of the transform that makes its input."""
        return str(self.manifest["input"]["transform"])

    @property
    def segments(self) -> bool:
        """Whether it gives masks (``dsim prelabel``); any other model gives features."""
        return bool(self.manifest["output"]["kind"] == SEGMENTATION)

    @property
    def marks(self) -> str:
        """What its masks mark, in the plural, as its manifest says: ``nuclei``; ``foreground`` where it does not."""
        return str(lookup(self.manifest, "output.marks") or lookup(self.manifest, "use.marks") or FOREGROUND)

    @property
    def learnt(self) -> bool:
        """Whether its Dice on images of its own sources that it never saw is LEARNT or more, or is not known."""
        held_out = lookup(self.manifest, "training.dice_held_out")
        return held_out is None or float(held_out) >= LEARNT

    @property
    def replaced_by(self) -> str | None:
        """Id of the newer model that is to be used instead; None where there is none."""
        newer = lookup(self.manifest, "training.replaced_by")
        return None if newer is None else str(newer)

    @property
    def pool(self) -> tuple[Mapping[str, Any], ...]:
        """The datasets it was trained on: name, n, images_fingerprint, licence."""
        return tuple(self.manifest["training"]["pool"])

    def verify(self) -> None:
        """Raise WeightsError unless the weights are, to the byte, those of the manifest."""
        if not self.weights.is_file():
            raise WeightsError(
                f"the weights of zoo model {self.id!r} are not at {self.weights}",
                hint=f"give the file: --weights FILE, or zoo:{self.id}[weights=FILE]",
            )
        if self.weights.suffix != ".safetensors":
            raise WeightsError(f"{self.weights} is not a .safetensors file", hint="the zoo loads nothing else")
        digest = file_sha256(self.weights)
        if self.weights.stat().st_size != self.manifest["weights"]["size"] or digest != self.sha256:
            raise WeightsError(
                f"{self.weights} is not the file that the manifest of {self.id!r} promises (sha256 {digest[:12]}...)",
                hint="restore it, or reinstall dsim",
            )

    def build(self) -> nn.Module:
        """Return the network, its weights verified and its probe answered; in evaluation mode, on the CPU.

        Raises WeightsError for wrong weights and for a failed probe, PluginError for a builder that no plugin declares
        or that cannot be loaded. The network takes images float32 (b, C, H, W).
        """
        from dsim.registry import load

        self.verify()
        module: nn.Module = load(_declared_builder(self))(self)
        size = self.manifest["input"]
        _check_probe(self.id, module, self.manifest["probe"], size["channels"], size["side"])
        return module.eval()


def _declared_builder(model: Model) -> str:
    """The builder that the manifest names: only what an installed plugin declares, since anybody can write a manifest.

    Raises PluginError for any other.
    """
    from dsim.registry import default

    builder, declared = model.manifest["builder"], default().builders
    builder = _MOVED.get(builder.removeprefix("dsim."), builder)
    if builder not in declared:
        raise PluginError(
            f"model {model.id!r} in {model.folder} asks for the builder {builder!r}, which no installed plugin declares"
            f" with dsim_builders().{did_you_mean(builder, declared)}",
            hint="install the plugin that the model belongs to; dsim imports no other code that a model names",
        )
    return str(builder)


def read_model(folder: Path) -> Model:
    """Return the model of a folder, or of the folder of a run that holds it.

    Raises DataError where its manifest is wrong.
    """
    folder = model_folder(folder)
    manifest = read_manifest(folder)
    return Model(manifest["id"], folder, manifest, folder / manifest["weights"]["file"])


def is_model(folder: Path) -> bool:
    """Return whether a folder has a manifest."""
    return (folder / NAME).is_file()


def model_folder(folder: Path) -> Path:
    """Return the folder itself, or the only one in it that holds a model: a run of ``dsim train`` holds more."""
    inner = [path.parent for path in sorted(folder.glob(f"*/{NAME}"))]
    return inner[0] if not is_model(folder) and len(inner) == 1 else folder


def models() -> list[Model]:
    """Return all models of the zoo, by id; raises DataError for a wrong manifest, and for an id that is given twice."""
    known: dict[str, Model] = {}
    for model in map(read_model, _folders()):
        if model.id in known:
            raise DataError(
                f"two zoo models have the id {model.id!r}: {known[model.id].folder} and {model.folder}",
                hint="an id is given once; raise the revision of the newer one",
            )
        known[model.id] = model
    return sorted(known.values(), key=lambda model: model.id)


def readable_models() -> dict[str, Model]:
    """Return the models by id, the first of each; those with a wrong manifest are left out."""
    known: dict[str, Model] = {}
    for folder in _folders():
        with contextlib.suppress(DataError):
            model = read_model(folder)
            known.setdefault(model.id, model)
    return known


def find(id: str) -> Model:
    """Return the model of that id; raises UnknownNameError with the nearest known.

    Another model's wrong manifest stands in nobody's way.
    """
    known = readable_models()
    if id not in known:
        raise UnknownNameError("zoo model", id, known, hint="dsim zoo list shows them")
    return known[id]


def user_zoo() -> Path:
    """Return the folder of the user's own models: ``$DSIM_ZOO``, or one in the user's data folder of the platform."""
    if chosen := os.environ.get("DSIM_ZOO"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("dsim")) / "zoo"


def _folders() -> list[Path]:
    """Folders with a manifest: those of plugins, in their order, then the user's own."""
    from dsim.registry import default

    places = [*default().zoo_paths(), user_zoo()]
    return [manifest.parent for place in dict.fromkeys(places) for manifest in sorted(place.glob(f"[!.]*/{NAME}"))]


def trained_on(model: Model, dataset: Dataset) -> str | None:
    """Return why a comparison with this dataset is not fair (the model was trained on it), or None.

    Noticed by the fingerprint of the images, so that a dataset under another name is noticed too.
    """
    for entry in model.pool:
        if entry["images_fingerprint"] == dataset.images_fingerprint:
            return (
                f"dataset {dataset.name!r} is in the training pool of {model.id}"
                f" (as {entry['name']!r}, {entry['n']} images)"
            )
    return None


def ramp(batch: int, channels: int, side: int) -> NDArray[np.float32]:
    """Return a fixed image-like tensor in [0, 1], float32 (batch, channels, side, side): the input of every probe.

    ``x[b, c, i, j] = ((7 i + 13 j + 29 c + 53 b) mod 97) / 96``: integer arithmetic and one division, so that it is the
    same to the bit on every machine; no random numbers.

    >>> (ramp(1, 1, 2)[0, 0] * 96).tolist()
    [[0.0, 13.0], [7.0, 20.0]]
    """
    import numpy as np

    b, c, i, j = np.ogrid[:batch, :channels, :side, :side]
    steps = (7 * i + 13 * j + 29 * c + 53 * b) % 97
    return np.asarray(steps, dtype=np.float32) / np.float32(96)


def ask(module: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the features (b, d) of images (b, C, H, W) in evaluation mode, on the CPU."""
    import torch

    with torch.inference_mode():
        answer: NDArray[np.float64] = module.eval()(torch.from_numpy(images)).double().numpy()
    return answer


def _check_probe(name: str, module: nn.Module, probe: Mapping[str, Any], channels: int, side: int) -> None:
    """Raise WeightsError unless the module answers the probe as its manifest promises.

    ``probe`` holds ``recipe``, ``expected`` (rows of features, one per image of the probe) and ``tolerance`` (largest
    absolute difference, relative to the largest expected value).
    """
    import numpy as np

    expected = np.atleast_2d(np.array(probe["expected"], dtype=np.float64))
    answer = ask(module, ramp(len(expected), channels, side))
    if answer.shape != expected.shape:
        raise _deviation(name, f"features of shape {answer.shape} instead of {expected.shape}")
    error = float(np.abs(answer - expected).max() / max(np.abs(expected).max(), 1e-12))
    if not error <= float(probe["tolerance"]):
        raise _deviation(name, f"features that differ by {error:.2g}, relative to the largest")


def _deviation(name: str, what: str) -> WeightsError:
    return WeightsError(
        f"zoo model {name!r} fails its probe: it gives {what}",
        hint="its code or its libraries have changed; install the versions that its card names",
    )

"""One model of the zoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import WeightsError
from dsim.files import file_sha256
from dsim.zoo.manifest import SEGMENTATION

if TYPE_CHECKING:
    from torch import nn


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
        """What it is, in one line."""
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
        found = file_sha256(self.weights)
        if self.weights.stat().st_size != self.manifest["weights"]["size"] or found != self.sha256:
            raise WeightsError(
                f"{self.weights} is not the file that the manifest of {self.id!r} promises (sha256 {found[:12]}...)",
                hint="restore it, or reinstall dsim",
            )

    def build(self) -> nn.Module:
        """The network, its weights verified and its probe answered; in evaluation mode, on the CPU.

        Raises WeightsError for wrong weights and for a failed probe, PluginError for a builder that cannot be loaded.
        """
        from dsim.registry import load
        from dsim.zoo.probe import check_probe

        self.verify()
        module: nn.Module = load(self.manifest["builder"])(self)
        size = self.manifest["input"]
        check_probe(self.id, module, self.manifest["probe"], size["channels"], size["side"])
        return module.eval()

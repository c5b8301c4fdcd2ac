"""Settings of the search for similar patches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from dsim.errors import UnknownNameError, UsageError

#: How features of patches are computed, and what is the similarity to several prototypes.
MODES, OVER = ("dense", "paper"), ("mean", "max")
#: Side of a step between patches, as a share of the width of a patch.
STRIDE = 0.1
#: Of two candidates, or detections, nearer than this share of the longer side of a patch, only the better one stays.
SUPPRESSION = 0.35


@dataclass(frozen=True)
class SearchSettings:
    """What the similarity of patches depends on beside images and prototypes.

    Parameters
    ----------
    extractor : a network and the layer after which it ends, ``kind:name[layer=...]``.
    region : network pixels that the longer side of a patch spans: images are resampled so. None: as they are stored.
    mode : ``dense`` takes features of all patches from one pass over the image; ``paper`` cuts each window and its
        features are computed from that alone, so that only whole windows have any.
    whiten : how far features are decorrelated by all patches of the displayed images, in [0, 1]; needs no label. 0
        leaves them as they are, 1 makes all directions vary equally, which hides what most objects have in common.
    over : the similarity to several prototypes is the ``mean`` or the ``max`` of those to each; that to one is always
        the largest over its four rotations.
    suppression : of two candidates nearer than this share of the longer side of a patch, only the more similar stays.
    scales : sizes of objects that are searched beside 1, that of the prototypes.

    Raises UnknownNameError and UsageError for values that have no meaning.

    >>> SearchSettings.preset("paper").over
    'max'
    >>> SearchSettings().stride((48, 72))
    7.2
    """

    extractor: str = "zoo:lite0.imagenet.r1[layer=network.blocks.2+network.blocks.4]"
    region: int | None = 112
    mode: str = "dense"
    whiten: float = 0.5
    over: str = "mean"
    suppression: float = SUPPRESSION
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", tuple(float(scale) for scale in self.scales))
        for name, known in (("mode", MODES), ("over", OVER)):
            if (value := getattr(self, name)) not in known:
                raise UnknownNameError(name, str(value), known, hint=f"choose one of: {', '.join(known)}")
        for fault, hint in self._faults():
            raise UsageError(fault, hint=hint)

    def _faults(self) -> list[tuple[str, str]]:
        faults = []
        if not 0 <= self.whiten <= 1:
            faults.append((f"whiten is {self.whiten}", "give a number from 0 to 1"))
        if self.region is not None and self.region < 1:
            faults.append((f"region is {self.region} pixels", "give at least 1, usually 96 to 144"))
        if not 0 <= self.suppression < math.inf:
            faults.append((f"suppression is {self.suppression}", "give a share of the patch, such as 0.35"))
        if not self.scales or not all(0 < scale < math.inf for scale in self.scales):
            faults.append((f"scales are {self.scales}", "give positive numbers, such as 0.8,1,1.25"))
        if self.mode == "paper" and (self.whiten or self.scales != (1.0,)):
            faults.append(("mode 'paper' has neither whitening nor other scales", "leave them away, or use 'dense'"))
        return faults

    @staticmethod
    def preset(name: str) -> SearchSettings:
        """Return the settings of this name. Raises UnknownNameError for one that is not in ``PRESETS``."""
        if name not in PRESETS:
            raise UnknownNameError("preset", name, PRESETS, hint=f"choose one of: {', '.join(PRESETS)}")
        return PRESETS[name]

    def stride(self, patch: tuple[int, int]) -> float:
        """Return the distance of neighbouring patches (height, width) in pixels of the image."""
        return STRIDE * patch[1]

    def radius(self, patch: tuple[int, int]) -> float:
        """Return the distance within which only one candidate of patches (height, width) stays, pixels."""
        return self.suppression * max(patch)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a JSON object.

        >>> SearchSettings.from_dict(SearchSettings(scales=(1, 2)).to_dict()) == SearchSettings(scales=(1, 2))
        True
        """
        return {**asdict(self), "scales": list(self.scales)}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> SearchSettings:
        """Return settings of a JSON object; what it lacks is the default. Raises UnknownNameError for other keys."""
        known = [field.name for field in fields(SearchSettings)]
        for key in values:
            if key not in known:
                raise UnknownNameError("setting of a search", key, known, hint=f"settings are {', '.join(known)}")
        return replace(SearchSettings(), **values)


#: Settings by name. ``paper`` follows the publication, with its network where the weights are at hand.
PRESETS: Mapping[str, SearchSettings] = {
    "default": SearchSettings(),
    "paper": SearchSettings(
        extractor="timm:resnet18.a1_in1k[layer=layer3]", region=None, mode="paper", whiten=0, over="max"
    ),
}

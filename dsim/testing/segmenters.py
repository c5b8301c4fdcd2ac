"""Tiny segmentation models for checks: one that has learnt its images, and others that are ever worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.formats.pixels import array_digest

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from dsim.models import SegmentationRecipe

_SIDE, _STEPS, _RATE = 32, 60, 1e-2
#: By so much of their spread the weights of each further step are off.
_NOISE = 0.15
#: What was learnt in this process, by the digests of images and masks: every measure under check asks for it.
_learnt: dict[str, Mapping[str, Tensor]] = {}


def write_segmenter(path: Path, images: Sequence[NDArray[Any]], masks: Sequence[NDArray[Any]], step: int) -> Path:
    """Write the model of a step of a ladder, and return the file: 0 has learnt the masks (h, w) of images (h, w, c).

    Each further step has more noise in its weights, drawn anew: they agree ever less with the others.
    """
    import torch

    from dsim.models import Segmenter

    recipe, state, rng = _recipe(), _learn(images, masks), torch.Generator().manual_seed(step)
    noisy = {
        name: weights + _NOISE * step * weights.std(correction=0) * torch.randn(weights.shape, generator=rng)
        for name, weights in state.items()
    }
    network = recipe.build(0)
    network.load_state_dict(noisy)
    return Segmenter(network.eval(), recipe, name=path.stem).save(path)


def _recipe() -> SegmentationRecipe:
    from dsim.models import SegmentationRecipe

    return SegmentationRecipe(width=8, levels=3, side=_SIDE, patch=_SIDE)


def _learn(images: Sequence[NDArray[Any]], masks: Sequence[NDArray[Any]]) -> Mapping[str, Tensor]:
    """The weights of a network that was trained on these images for a second."""
    key = " ".join(array_digest(array) for array in (*images, *masks))
    if key not in _learnt:
        _learnt[key] = _train(images, masks)
    return _learnt[key]


def _train(images: Sequence[NDArray[Any]], masks: Sequence[NDArray[Any]]) -> Mapping[str, Tensor]:
    import torch

    from dsim.learning import segmentation_loss
    from dsim.models import as_rgb, mask_like, resize_planes

    size = (_SIDE, _SIDE)
    inputs = torch.stack([resize_planes(as_rgb(image, "a specimen's image"), size) for image in images])
    taught = torch.stack([torch.from_numpy(mask_like(mask, size)) for mask in masks]).float()
    network = _recipe().build(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE)
    for _ in range(_STEPS):
        optimizer.zero_grad(set_to_none=True)
        segmentation_loss(network(inputs), taught).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {name: weights.detach().clone() for name, weights in network.state_dict().items()}

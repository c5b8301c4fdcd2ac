"""What trainings on views of unlabelled images share: images, batches, views, and the backbone that they write."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dsim.errors import DataError, TooFewSamplesError, UnknownNameError, UsageError
from dsim.learning.distributed import processes
from dsim.learning.images import PER_DATASET, ImageBank, balanced_batches, border_colour, read_bank
from dsim.learning.objective import Objective
from dsim.learning.view_policies import VIEW_POLICIES, ViewPolicy
from dsim.learning.views import Crops, draw_views

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.models.backbone import Backbone
    from dsim.runtime import Runtime
    from dsim.zoo import Model

#: Bytes of images that are held in memory; more of them lie in a file that is mapped into it.
BANK_BYTES = 1 << 28
#: Crops may be so many times larger than the images.
MOST_ENLARGED = 4
#: Images of a dataset of which the size is looked at, and of a bank, whether they show anything.
_LOOKED_AT = 64
#: Largest change of a feature by half precision, relative to the largest, that is accepted.
_HALF_CHANGE = 0.02


@dataclass(frozen=True)
class UnlabelledImages:
    """The images of several datasets, square and of one size, in one bank.

    Parameters
    ----------
    bank : uint8 (n, 3, side, side). ``members`` : the indices of each dataset's images, int64.
    """

    bank: ImageBank
    members: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.bank)

    def sample(self, count: int) -> Tensor:
        """Return indices of about ``count`` images, evenly spread over all, int64."""
        return torch.from_numpy(np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).round().astype(int)))

    def border_colours(self) -> Tensor:
        """Return the border colour of the dataset of each image, float32 (n, 3) in [0, 1]; see ``border_colour``."""
        colours, images = torch.zeros(len(self), 3), self.bank.images
        for members in self.members:
            parts = members.split(4096)  # type: ignore[no-untyped-call]
            colours[members] = sum(border_colour(images[part]) * (len(part) / len(members)) for part in parts)
        return colours


def read_unlabelled(
    datasets: Sequence[Dataset], size: int, runtime: Runtime, *, side: int = 0, most: int = 256
) -> UnlabelledImages:
    """Return the images of datasets as squares, for crops of up to ``size`` pixels.

    Parameters
    ----------
    side : of the squares, pixels; 0 for the median of the images' longest sides (of the datasets, the largest), at most
        ``most`` and at least ``size``.

    Raises TooFewSamplesError for one image, UsageError where crops would be more than 4 times larger than the images,
    DataError where all images are constant, or one cannot be read.
    """
    from dsim.features import Square

    total = sum(map(len, datasets))
    if total < 2:
        raise TooFewSamplesError(
            f"{total} image is too little to train on: views of different images are compared", hint="give more images"
        )
    natural = max(map(typical_side, datasets))
    if size > MOST_ENLARGED * natural:
        raise UsageError(
            f"crops of {size} pixels are more than {MOST_ENLARGED} times larger than the images, of {natural} pixels",
            hint=f"give size={max(16, natural)}, or larger images",
        )
    if size > natural:
        runtime.progress.note(f"images of {natural} pixels are enlarged to {size}")
    chosen = side or max(size, min(natural, most))
    bank, owners = read_bank(datasets, Square(chosen, channels=3), runtime, memory=BANK_BYTES)
    members = tuple(torch.nonzero(owners == number).flatten() for number in range(len(datasets)))
    images = UnlabelledImages(bank, members)
    _refuse_constant(images, [dataset.name for dataset in datasets])
    return images


def typical_side(dataset: Dataset) -> int:
    """Return the median of the longest sides of some of the images, pixels."""
    looked_at = np.unique(np.linspace(0, len(dataset) - 1, min(len(dataset), _LOOKED_AT)).round().astype(int))
    return int(np.median([max(dataset.pixels(int(index)).shape[:2]) for index in looked_at]))


def _refuse_constant(images: UnlabelledImages, names: Sequence[str]) -> None:
    pixels = images.bank.images[images.sample(_LOOKED_AT)].flatten(1)
    if bool((pixels.amin(1) == pixels.amax(1)).all()):
        raise DataError(
            f"every image of {', '.join(names)} is of one colour: there is nothing to learn", hint="look at the images"
        )


class ViewsObjective(Objective):
    """The batches and views of a training on unlabelled images; losses and networks are the subclass's.

    Parameters
    ----------
    images : to train on. ``batch`` : images of a step. ``crops`` : groups of views, the largest first.
    policy : how views are changed, or its name among ``VIEW_POLICIES``. ``device`` : where views are computed.

    Beyond rotated images is what the policy's ``fill`` says: black, or the border colour of each image's dataset.

    With one dataset an epoch passes all images in a random order, and leaves out those that do not fill a batch; with
    several, batches are balanced (``balanced_batches``). Raises UsageError where the images do not fill one batch, and
    UnknownNameError for a policy that there is not.
    """

    judged_by = ()
    #: Views are drawn in float32, and networks cast by themselves.
    casts = False
    shares_batches = True

    def __init__(
        self, images: UnlabelledImages, batch: int, crops: Sequence[Crops], policy: str | ViewPolicy, device: str
    ) -> None:
        if len(images) < batch:
            raise UsageError(
                f"{len(images)} images do not fill a batch of {batch}",
                hint=f"give batch={max(2, len(images) // 2)}, or more images",
            )
        self.images, self.batch, self.crops, self.device = images, batch, tuple(crops), device
        if isinstance(policy, str) and policy not in VIEW_POLICIES:
            hint = f"choose one of: {', '.join(VIEW_POLICIES)}"
            raise UnknownNameError("policy of views", policy, VIEW_POLICIES, hint=hint)
        self.policy = VIEW_POLICIES[policy] if isinstance(policy, str) else policy
        self.fill = images.border_colours() if self.policy.bends and self.policy.fill == "border" else None

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        if len(self.images.members) > 1:
            yield from balanced_batches(self.images.members, self.batch, generator)
            return
        order = torch.randperm(len(self.images), generator=generator)
        yield from order[: self.steps_per_epoch() * self.batch].view(-1, self.batch)

    def steps_per_epoch(self) -> int:
        return count_steps(len(self.images), self.batch, len(self.images.members))

    def draw(self, batch: Tensor, generator: torch.Generator) -> list[Tensor]:
        """Return the views of images, given by their indices (b,): a tensor (count * b, 3, size, size) for each group.

        They are centred by nothing, in [0, 1], and lie in memory channels last. Among several processes they are those
        of this process's share of the batch; all processes draw alike.
        """
        images = self.images.bank.batch(batch, self.device)
        rows = slice(None) if processes().size == 1 else processes().share(len(batch))
        fill = None if self.fill is None else self.fill[batch]
        views = draw_views(images, self.crops, self.policy, generator, rows, fill)
        return [group.contiguous(memory_format=torch.channels_last) for group in views]


def count_steps(images: int, batch: int, datasets: int = 1) -> int:
    """Return the number of batches of an epoch, as ``ViewsObjective`` has them.

    >>> count_steps(600, 64), count_steps(600, 64, datasets=3)
    (9, 10)
    """
    if datasets == 1:
        return images // batch
    drawn = max(2, min(datasets, batch // PER_DATASET))
    return math.ceil(images / (drawn * max(2, batch // drawn)))


@dataclass(frozen=True, kw_only=True)
class BackboneDescription:
    """All that a trainer says of the backbone that it wrote.

    Parameters
    ----------
    id, title, licence : as ``ModelDescription`` has them. ``network`` : of timm. ``size`` : side of its images.
    method : one sentence on how it was trained. ``command`` : the command line that trained it.
    training : seconds, epochs, device, seed, settings, and whatever else the card and the manifest shall hold.
    dtype : of the weights in the file; ``float16`` becomes ``float32`` where it would change features by more than 2 %.
    shown : columns of the curves that are drawn.
    """

    id: str
    title: str
    licence: str
    network: str
    size: int
    method: str
    command: str
    training: Mapping[str, Any]
    dtype: str = "float16"
    shown: Sequence[str] = field(default_factory=tuple)


def write_backbone(
    folder: Path,
    backbone: Backbone,
    datasets: Sequence[Dataset],
    curves: Sequence[Mapping[str, float]],
    description: BackboneDescription,
) -> Model:
    """Write a backbone as a folder of the zoo: weights, card, probe, curves, and the manifest last. Returns the model.

    Raises UsageError where the folder holds another model already.
    """
    from dsim.features import Square
    from dsim.models.backbone import BUILDER
    from dsim.zoo import ModelDescription, pool_entry, training_texts, write_model

    network = backbone.cpu().eval()
    dtype = description.dtype if half_change(network, description.size) <= _HALF_CHANGE else "float32"
    wanted = ModelDescription(
        id=description.id,
        title=description.title,
        builder=BUILDER,
        licence=description.licence,
        side=description.size,
        transform=Square(description.size, channels=3).id,
        dim=network.width,
        kind="features",
        mean=network.mean.flatten().tolist(),
        std=network.std.flatten().tolist(),
        dtype=dtype,
        architecture={"network": description.network, "token": network.token},
        training={**description.training, "versions": _versions()},
        pool=[pool_entry(dataset) for dataset in datasets],
        use=_USE,
    )
    facts = training_texts(wanted.training, has_curves=bool(curves))
    texts = [description.method, *facts, f"    {description.command}"]
    state = network.network.state_dict()
    return write_model(
        folder,
        wanted,
        state,
        sections={"Training": "\n\n".join(texts)},
        curves=curves,
        shown=[name for name in description.shown if curves and name in curves[0]],
        file="backbone.safetensors",
        digits=4,
    )


_USE = {
    "intended": "features of images like those it was trained on: few labels, a plain classifier; start of a training",
    "limits": "it has seen no labels; what its training made invariant (crops, flips, colours, blur) it does not see",
}


def half_change(backbone: Backbone, size: int) -> float:
    """Return by how much half precision of the weights changes a feature, relative to the largest."""
    import copy

    from dsim.zoo.model import ask, ramp

    images, halved = ramp(2, 3, size), copy.deepcopy(backbone)
    state = backbone.network.state_dict()
    halved.network.load_state_dict(
        {key: value.half().float() if value.is_floating_point() else value for key, value in state.items()}
    )
    whole, half = ask(backbone, images), ask(halved, images)
    change = float(np.abs(whole - half).max() / max(float(np.abs(whole).max()), 1e-12))
    return change if math.isfinite(change) else math.inf


def _versions() -> dict[str, str]:
    import timm

    return {"torch": torch.__version__, "timm": timm.__version__, "numpy": np.__version__}


def features_of(backbone: Backbone, images: UnlabelledImages, indices: Tensor, batch: int, device: str) -> Tensor:
    """Return the features of images as they are, at the size of the bank, float32 (n, d) on the CPU."""
    rows: Iterator[Tensor] = (
        backbone(images.bank.batch(some, device).contiguous(memory_format=torch.channels_last)).float().cpu()
        for some in indices.split(batch)  # type: ignore[no-untyped-call]
    )
    return torch.cat(list(rows))

"""The objective of classification, its training, and classifiers with random or given weights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.learning import Objective, TrainingResult, fit
from dsim.models import channels_last
from dsim.registry import Need, parse_bracketed

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from dsim.data import Dataset
    from dsim.learning import Position, TrainingConfig
    from dsim.models import Classifier
    from dsim.runtime import Runtime
    from dsim.transfer.classification.recipe import ClassificationRecipe


#: Images that pass the network at once where nothing is learnt.
_AT_ONCE = 128


@dataclass(frozen=True)
class ClassificationObjective(Objective):
    """Classification: labelled images to train on, and those that validate, if any."""

    network: nn.Module
    training: LabelledImages
    validation: LabelledImages | None
    recipe: ClassificationRecipe
    device: str

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The classifier."""
        return {"network": self.network}

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """Return the indices of each step, int64 (b,), in random order; steps of nearly one size."""
        import torch

        # Dropout draws from the global state, which no checkpoint holds: each epoch starts it anew.
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        order = torch.randperm(len(self.training), generator=generator)
        return torch.tensor_split(order, -(-len(order) // self.recipe.batch))

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        """Return the cross-entropy of the images of ``batch``, int64 (b,), augmented: a scalar."""
        from dsim.learning import augment_classification

        images = _ready(self.training.images[batch], self.device)
        changed = augment_classification(images, generator, self.recipe.augment)
        labels = self.training.labels[batch].to(self.device)
        return {"loss": self._entropy(self.network(channels_last(changed)), labels)}

    def validate(self) -> Mapping[str, float]:
        """Return the same of the validation images, as they are; NaN without any."""
        if self.validation is None:
            return {"validation": math.nan}
        logits = _logits(self.network, self.validation, self.device)
        return {"validation": float(self._entropy(logits, self.validation.labels.to(self.device)))}

    def _entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        from torch.nn.functional import cross_entropy

        entropy = cross_entropy(logits, labels, reduction="none")
        if self.recipe.balanced:
            entropy = entropy * class_weights(self.training).to(entropy.device)[labels]
        return entropy.mean()


def class_weights(images: LabelledImages) -> Tensor:
    """Return n / (k * n_c) of each class, float32 (k,): all classes weigh alike, and the mean over images is 1.

    A class without an image weighs as if it had one.
    """
    import torch

    counts = torch.bincount(images.labels, minlength=images.classes)
    present = int((counts > 0).sum())
    return len(images) / (present * counts.clamp(min=1).float())


def train_classifier(
    network: nn.Module,
    training: LabelledImages,
    validation: LabelledImages | None,
    recipe: ClassificationRecipe,
    config: TrainingConfig,
    *,
    seed: int,
    runtime: Runtime,
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    description: str = "training",
) -> TrainingResult:
    """Train a classifier on the images of ``training``, stopped by those of ``validation``, and return the result.

    Raises MeasureError where the loss becomes infinite or NaN; DsimError where a checkpoint cannot be written.
    """
    import torch

    device = runtime.resolved_device()
    objective = ClassificationObjective(network, training, validation, recipe, device)
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        return fit(
            objective,
            config,
            seed=seed,
            runtime=runtime,
            checkpoint=checkpoint,
            identity=identity,
            description=description,
        )


def predict_classes(network: nn.Module, images: LabelledImages, device: str) -> NDArray[np.float64]:
    """Return the network's chances of each class, float64 (n, k)."""
    import torch

    network.eval()
    with torch.inference_mode():
        chances = _logits(network, images, device).double().softmax(dim=1)
    array: NDArray[np.float64] = chances.cpu().numpy()
    return array


def _logits(network: nn.Module, images: LabelledImages, device: str) -> Tensor:
    import torch

    batches = images.images.split(_AT_ONCE)  # type: ignore[no-untyped-call]
    return torch.cat([network(channels_last(_ready(batch, device))).float() for batch in batches])


def _ready(images: Tensor, device: str) -> Tensor:
    return images.to(device).float() / 255


_OTHER = "give network=plain, or another network of timm, such as timm:resnet18"
State = Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Published:
    """Weights that others trained, as a source: ``reference`` names them, ``sha256`` is of their file."""

    reference: str
    sha256: str


def build_classifier(recipe: ClassificationRecipe, classes: int, seed: int, body: State | None = None) -> Classifier:
    """Return the classifier of a recipe for so many classes, with random weights of this seed.

    ``body`` replaces those of the body; the head stays random, and is the same whatever the body. Raises
    UnknownNameError or UsageError where timm has no such network.
    """
    import torch

    from dsim.features import seeded

    with seeded(seed):
        network: Any = _plain_or_timm(recipe, classes)
    if body is not None:
        network.body.load_state_dict(body)
    classifier: Classifier = network.to(memory_format=torch.channels_last)
    return classifier


def _plain_or_timm(recipe: ClassificationRecipe, classes: int) -> Classifier:
    from dsim.models import Classifier, PlainBody, timm_body

    if recipe.network == "plain":
        widths = [recipe.width * 2**level for level in range(recipe.levels)]
        return Classifier(PlainBody(widths), widths[-1], classes, recipe.dropout)
    import timm

    name = recipe.network.removeprefix("timm:")
    if name not in timm.list_models():
        raise UnknownNameError("network of timm", name, timm.list_models(), hint="timm.list_models() lists them")
    try:
        body, facts = timm_body(name)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UsageError(f"timm's {name!r} cannot be a classifier here: {error}", hint=_OTHER) from error
    return Classifier(body, classes=classes, dropout=recipe.dropout, **facts)


def find_published(reference: str, recipe: ClassificationRecipe, runtime: Runtime) -> Published:
    """Return the weights that a reference such as ``timm:resnet50.a1_in1k[weights=FILE]`` names.

    Raises UsageError where they are of another network than the recipe's, since then a difference would not be due to
    the data; WeightsError, with the ways to supply them, where they cannot be had.
    """
    blueprint = _prepared(reference, runtime)
    if blueprint.recipe.network != recipe.network:
        raise UsageError(
            f"{reference} holds weights of {blueprint.recipe.network}, and the recipe's network is {recipe.network}",
            hint=f"give --set network={blueprint.recipe.network}, so that all sources have the same network",
        )
    return Published(reference, blueprint.recipe.weights)


def published_body(published: Published, runtime: Runtime) -> State:
    """Return the weights themselves, without a head. Raises UsageError or WeightsError as ``find_published`` does."""
    extractor: Any = _prepared(published.reference, runtime).open("cpu")
    state: State = extractor.module.state_dict()
    return state


def _prepared(reference: str, runtime: Runtime) -> Any:
    from dsim.features.timm_backend import prepare

    name, options = parse_bracketed(reference)
    if not name.startswith("timm:"):
        raise UsageError(f"{reference!r} names no network of timm", hint="give --imagenet timm:NAME.TAG")
    if "init" in options:
        raise UsageError(f"{reference!r} asks for random weights", hint="that is the baseline; leave --imagenet away")
    return prepare(name.removeprefix("timm:"), options, runtime)


@dataclass(frozen=True)
class LabelledImages:
    """Images uint8 (n, 3, side, side) and the numbers of their classes int64 (n,), among ``classes`` classes."""

    images: Tensor
    labels: Tensor
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: Sequence[int]) -> LabelledImages:
        """Return the images of these indices; the classes stay."""
        positions = [*indices]
        return LabelledImages(self.images[positions], self.labels[positions], self.classes)


def check_labels(dataset: Dataset, wanted_by: str) -> None:
    """Check the labels of a dataset.

    Raises NeedError without any, DataError where there is one class only or some image has no label.
    """
    dataset.require(Need.LABELS, wanted_by)
    dataset.require(Need.IMAGES, wanted_by)
    counts = Counter(dataset.labels)
    if "" in counts:
        first = next(i for i, label in zip(dataset.ids, dataset.labels or (), strict=True) if not label)
        raise DataError(
            f"{counts['']} images of {dataset.name!r} have no label, the first {first!r}",
            hint="label them, or leave them out",
        )
    if len(counts) < 2:
        raise DataError(
            f"all images of {dataset.name!r} are of one class, {next(iter(counts))!r}",
            hint="give a dataset of two classes or more, or leave it out",
        )


def gather_images(dataset: Dataset, side: int) -> LabelledImages:
    """Return all images of a dataset, uint8 (n, 3, side, side), with their labels; classes in alphabetical order.

    Raises DataError where an image has other than 1 or 3 channels.
    """
    import torch

    from dsim.learning import build_bank, recall

    number = {name: position for position, name in enumerate(dataset.classes)}
    labels = torch.tensor([number[label] for label in dataset.labels or ()])
    key = ("classification", dataset.images_fingerprint, dataset.order, side)
    bank = recall(key, lambda: build_bank(_decode(dataset, side)))
    return LabelledImages(bank.images, labels, len(number))


def _decode(dataset: Dataset, side: int) -> Iterator[Tensor]:
    """Images scaled to a square whatever their shape: what they show is wanted, not where; gray is repeated."""
    from dsim.models import as_rgb, resize_planes

    for index in range(len(dataset)):
        image = as_rgb(dataset.pixels(index), f"image {dataset.ids[index]!r} of {dataset.name!r}")
        yield resize_planes(image, (side, side))

"""A network with a linear layer, trained end to end: its objective, its start from an extractor, and its images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dsim.efficiency.curve import balanced_accuracy
from dsim.errors import UsageError
from dsim.learning import ParameterGroup, named_schedule
from dsim.random import stream
from dsim.transfer.classification.objective import ClassificationObjective, LabelledImages, predict_classes

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.data import Dataset
    from dsim.features import Transform
    from dsim.learning import ImageBank
    from dsim.models import Classifier
    from dsim.runtime import Runtime

#: Weight of the loss beside the share of errors, so that it decides between epochs that classify equally well.
_TIE = 1e-3


@dataclass(frozen=True)
class EndToEnd(ClassificationObjective):
    """Classification by a network and a linear layer with a learning rate of its own, ``head_lr``.

    Epochs are judged by the balanced accuracy of the validation images; where it is the same, by their loss.
    """

    head_lr: float = 1e-3

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Return the parameters of the body and of the head."""
        network: Any = self.network
        rate = named_schedule("cosine", self.head_lr)
        return [
            ParameterGroup([*network.body.parameters()]),
            ParameterGroup([*network.head.parameters()], {"lr": rate}),
        ]

    def validate(self) -> Mapping[str, float]:
        """Return ``validation``, by which epochs are judged (lower is better), and the balanced accuracy in [0, 1]."""
        loss = super().validate()["validation"]
        if self.validation is None:
            return {"validation": math.nan, "balanced accuracy": math.nan}
        predicted = predict_classes(self.network, self.validation, self.device).argmax(axis=1)
        accuracy = float(balanced_accuracy(self.validation.labels.numpy(), predicted))
        return {"validation": 1 - accuracy + _TIE * loss, "balanced accuracy": accuracy}


def open_classifier(reference: str, classes: int, seed: int, runtime: Runtime) -> tuple[Classifier, Transform]:
    """Return the network of an extractor, all its weights trainable, with a linear layer drawn from the seed.

    The transform makes its images in [0, 1]: the network centres and scales them itself, after augmentation. Raises
    UsageError for an extractor that is not a network, WeightsError where its weights cannot be had.
    """
    import torch

    from dsim.features import Network, parse_transform, prepare, seeded
    from dsim.models import Classifier, ExtractorBody

    blueprint = prepare(reference, runtime)
    network = blueprint.open(runtime.device)
    if not isinstance(network, Network):
        raise UsageError(
            f"{reference} is not a network, and nothing of it can be trained end to end",
            hint="name a network: --baseline finetune=zoo:lite0.imagenet.r1",
        )
    transform, facts = _in_unit_range(parse_transform(blueprint.recipe.transform))
    body = ExtractorBody(network)
    with seeded(seed):
        classifier = Classifier(body, width=_width(body, transform, network.device), classes=classes, **facts)
    return classifier.to(memory_format=torch.channels_last), transform


def _in_unit_range(transform: Transform) -> tuple[Transform, dict[str, Any]]:
    """A transform without its centring and scaling, and these as a classifier takes them."""
    from dsim.features import NetworkInput, Square

    if isinstance(transform, NetworkInput):
        channels = len(transform.mean)
        plain = replace(transform, mean=(0.0,) * channels, std=(1.0,) * channels)
        return plain, {"mean": transform.mean, "std": transform.std}
    if isinstance(transform, Square):
        return transform, {"mean": (0.0,) * transform.channels, "std": (1.0,) * transform.channels}
    raise UsageError(f"images of the transform {transform.id!r} cannot be augmented", hint="choose another extractor")


def _width(body: Any, transform: Any, device: Any) -> int:
    """Number of features, by trying an empty image."""
    import torch

    channels = transform.channels if hasattr(transform, "channels") else len(transform.mean)
    with torch.no_grad():
        features: Tensor = body.eval()(torch.zeros(1, channels, transform.side, transform.side, device=device))
    return features.shape[1]


def read_labelled(dataset: Dataset, transform: Transform, runtime: Runtime) -> LabelledImages:
    """Return the images as ``transform`` makes them, uint8 (n, c, s, s), with the numbers of their classes.

    They are kept for the next training. Raises DataError where an image cannot be read.
    """
    import torch

    from dsim.learning import recall

    number = {name: position for position, name in enumerate(dataset.classes)}
    labels = torch.tensor([number[label] for label in dataset.labels or ()])
    key = ("end to end", dataset.images_fingerprint, dataset.order, transform.id)
    return LabelledImages(recall(key, lambda: _bank(dataset, transform, runtime)).images, labels, len(number))


def _bank(dataset: Dataset, transform: Transform, runtime: Runtime) -> ImageBank:
    from dsim.learning import read_bank

    return read_bank([dataset], transform, runtime)[0]


def divide_draw(labels: Sequence[int], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Return the positions that train and those that validate: of each class ``share`` of its images, rounded down.

    None validates where that leaves a class without any: then nothing could stop the training fairly.

    >>> [len(part) for part in divide_draw([0] * 10 + [1] * 10, 0.3, seed=0)]
    [14, 6]
    >>> [len(part) for part in divide_draw([0] * 10 + [1] * 3, 0.3, seed=0)]
    [13, 0]
    """
    members = {label: [i for i, each in enumerate(labels) if each == label] for label in sorted(set(labels))}
    taken = {label: math.floor(share * len(own) + 1e-9) for label, own in members.items()}
    if not all(taken.values()):
        return [*range(len(labels))], []
    rng = stream(seed, "end to end", "validation")
    validating = {int(i) for label, own in members.items() for i in rng.permutation(own)[: taken[label]]}
    return [i for i in range(len(labels)) if i not in validating], sorted(validating)

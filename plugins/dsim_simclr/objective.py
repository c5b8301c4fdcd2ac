"""Contrastive learning without labels (SimCLR, Chen et al. 2020, arXiv:2002.05709) as an objective of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from dsim.errors import UsageError
from dsim.learning import (
    VIEW_POLICIES,
    Cosine,
    Crops,
    ParameterGroup,
    Schedule,
    TrainingConfig,
    UnlabelledImages,
    ViewsObjective,
    WarmUp,
    autocast,
    feature_health,
    gather_rows,
    info_nce,
)
from dsim.models import Backbone, ProjectionHead

if TYPE_CHECKING:
    import torch

    from dsim.learning import Position

_REFERENCE_BATCH, _WARMUP_SHARE = 256, 0.1


class SimclrObjective(ViewsObjective):
    """Each view is to find the other view of its image among all views of the batch.

    Parameters
    ----------
    images : to train on. ``backbone`` : with its first weights. ``parameters`` : of the trainer.
    seed : of the head's first weights. ``device`` : of the training.

    Raises UsageError for a policy of views that does not exist, and for images that do not fill a batch.
    """

    minimised: ClassVar[str] = "loss"

    def __init__(
        self, images: UnlabelledImages, backbone: Backbone, parameters: Mapping[str, Any], seed: int, device: str
    ) -> None:
        from dsim.features import seeded

        crops = Crops(2, parameters["size"], parameters["area"])
        super().__init__(images, parameters["batch"], [crops], parameters["views"], device)
        self.parameters, self.backbone = parameters, backbone
        with seeded(seed):
            self.head = ProjectionHead(
                backbone.width, parameters["hidden"], parameters["outputs"], parameters["head_layers"]
            )

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"backbone": self.backbone, "head": self.head}

    def parameter_groups(self) -> list[ParameterGroup]:
        """All weights, and all biases and norms, which do not decay."""
        learnt = [p for network in self.networks.values() for p in network.parameters() if p.requires_grad]
        groups = [
            ParameterGroup([p for p in learnt if p.ndim > 1]),
            ParameterGroup([p for p in learnt if p.ndim <= 1], {"weight_decay": 0.0}),
        ]
        return [group for group in groups if group.parameters]

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        (views,) = self.draw(batch, generator)
        with autocast(self.parameters["precision"], self.device):
            features = self.backbone(views)
            points = self.head(features)
        # The loss of a view needs the views of all processes: (2, images, d).
        pairs = gather_rows(points.float().unflatten(0, (2, -1)).transpose(0, 1)).transpose(0, 1)
        return {"loss": info_nce(pairs, self.parameters["temperature"]), **feature_health(features)}


def config_of(parameters: Mapping[str, Any], steps: int) -> TrainingConfig:
    """Return the settings of the training loop; ``steps`` : of an epoch."""
    peak = parameters["lr"] * (parameters["batch"] / _REFERENCE_BATCH) ** 0.5
    after = Cosine(peak, min(parameters["min_lr"], peak), per="step")
    length = round(min(parameters["warmup"], _WARMUP_SHARE * parameters["epochs"]) * steps)
    lr: Schedule = WarmUp(length, after, per="step") if length else after
    return TrainingConfig(
        epochs=parameters["epochs"],
        lr=lr,
        weight_decay=parameters["weight_decay"],
        clip=parameters["clip"],
        precision=parameters["precision"],
        keep="last",
    )


def refuse(parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for settings that no training can be made of, before anything is read."""
    area = parameters["area"]
    if len(area) != 2 or area[0] > area[1]:
        raise UsageError(f"area takes two shares, the smaller first, not {area}", hint="area=0.08/1.0")
    if parameters["views"] not in VIEW_POLICIES:
        hint = f"choose one of: {', '.join(VIEW_POLICIES)}"
        raise UsageError(f"there is no policy of views {parameters['views']!r}", hint=hint)

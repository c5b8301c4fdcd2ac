"""Self-distillation without labels (DINO, Caron et al. 2021, arXiv:2104.14294) as an objective of the training loop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from dsim.learning import (
    Crops,
    ParameterGroup,
    UnlabelledImages,
    ViewsObjective,
    autocast,
    dino_loss,
    feature_health,
    frozen_copy,
    marginal_entropy,
    mean_over_processes,
    teacher_entropy,
    update_centre,
    update_teacher,
)
from dsim.models import Backbone, DinoHead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsim.learning import Position
    from dsim_dino.recipe import DinoRecipe


class Distilled(nn.Module):
    """A backbone and its head: groups of views, each (n, 3, s, s) in [0, 1], to logits (all views, K)."""

    backbone: Backbone
    head: DinoHead

    def __init__(self, backbone: Backbone, head: DinoHead) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, groups: Sequence[Tensor]) -> Tensor:
        logits: Tensor = self.head(self.features(groups))
        return logits

    def features(self, groups: Sequence[Tensor]) -> Tensor:
        """Return the features of groups of views, (all views, d)."""
        # One pass for all views of a size: batch normalisation sees them together, as in the original.
        return torch.cat([self.backbone(group) for group in groups])


class DinoObjective(ViewsObjective):
    """The student learns to answer on any view what its moving average, the teacher, answers on a global one.

    Parameters
    ----------
    images : to train on. ``backbone`` : the student's, with its first weights. ``recipe`` : all settings.
    seed : of the head's first weights. ``device`` : of the training.
    head_weights : of the head that was trained with the backbone; taken where all shapes agree.
    """

    minimised: ClassVar[str] = "loss"

    def __init__(
        self,
        images: UnlabelledImages,
        backbone: Backbone,
        recipe: DinoRecipe,
        seed: int,
        device: str,
        head_weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        from dsim.features import seeded

        crops = [Crops(recipe.global_crops, recipe.size, recipe.global_area)]
        if recipe.local_crops:
            crops.append(Crops(recipe.local_crops, recipe.local_size, recipe.local_area))
        super().__init__(images, recipe.batch, crops, recipe.views, device)
        self.recipe = recipe
        with seeded(seed):
            head = DinoHead(
                backbone.width, recipe.outputs, recipe.head_layers, recipe.hidden, recipe.bottleneck, recipe.norm_last
            )
        load_head(head, head_weights or {})
        self.student = Distilled(backbone, head)
        self.teacher: Distilled = without_drop_path(frozen_copy(self.student))  # type: ignore[assignment]
        self.centre = torch.zeros(recipe.outputs, device=device)
        self.left = 1.0

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"student": self.student, "teacher": self.teacher}

    def parameter_groups(self) -> list[ParameterGroup]:
        """Weights of backbone and head, and both's biases and norms, which do not decay."""
        rates = {"backbone": self.recipe.backbone_lr_schedule, "head": self.recipe.lr_schedule}
        groups = []
        for name, rate in rates.items():
            learnt = [p for p in getattr(self.student, name).parameters() if p.requires_grad]
            groups.append(ParameterGroup([p for p in learnt if p.ndim > 1], {"lr": rate}))
            groups.append(ParameterGroup([p for p in learnt if p.ndim <= 1], {"lr": rate, "weight_decay": 0.0}))
        return [group for group in groups if group.parameters]

    def losses(self, batch: Tensor, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        views = self.draw(batch, generator)
        with autocast(self.recipe.precision, self.device):
            with torch.no_grad():
                features = self.teacher.features(views[:1])
                teacher = self.teacher.head(features)
            with self._drop_paths(generator):
                student = self.student(views)
        n = len(views[0]) // self.recipe.global_crops
        teacher = teacher.float().view(self.recipe.global_crops, n, -1)
        student = student.float().view(-1, n, self.recipe.outputs)
        temperature = self.recipe.temperature_schedule(position)
        loss = dino_loss(student, teacher, self.centre, self.recipe.student_temperature, temperature)
        with torch.no_grad():
            entropy = teacher_entropy(teacher, self.centre, temperature)
            marginal = marginal_entropy(teacher, self.centre, temperature)
            own = update_centre(self.centre, teacher, self.recipe.centre_momentum)
            self.centre = mean_over_processes(own, n)
        # The loss is the teacher's entropy and the divergence, each over the same pairs of views.
        return {
            "loss": loss,
            "teacher_entropy": entropy,
            "kl": loss.detach() - entropy * math.log(self.recipe.outputs),
            "marginal_entropy": marginal,
            **feature_health(features),
        }

    def after_backward(self, position: Position) -> None:
        """Cancel the last layer's gradients in its first epochs, and limit the others as the recipe says."""
        if position.epoch < self.recipe.freeze_last:
            for parameter in self.student.head.last_layer.parameters():
                parameter.grad = None
        clip_gradients(self.student, self.recipe.clip, self.recipe.clipping)

    def after_step(self, position: Position) -> None:
        momentum = self.recipe.momentum_schedule(position)
        update_teacher(self.teacher, self.student, momentum)
        self.left *= momentum

    def statistics(self) -> Mapping[str, float]:
        return {"share_left": self.left}

    def state(self) -> dict[str, Any]:
        return {"centre": self.centre, "left": self.left}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.centre, self.left = state["centre"].to(self.device), state["left"]

    def _drop_paths(self, generator: torch.Generator) -> AbstractContextManager[None]:
        """Stochastic depth draws from the global generator: it gets a seed of ours, so that a resume is exact."""
        if not self.recipe.drop_path:
            return nullcontext()
        return _globally_seeded(int(torch.randint(2**31, (), generator=generator)))


def load_head(head: DinoHead, state: Mapping[str, Tensor]) -> bool:
    """Give a head these weights if all names and shapes are its own, and return whether that was so."""
    own = {name: value.shape for name, value in head.state_dict().items()}
    fits = own == {name: value.shape for name, value in state.items()}
    if fits:
        head.load_state_dict(dict(state))
    return fits


@contextmanager
def _globally_seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def without_drop_path(network: nn.Module) -> nn.Module:
    """Return the network, from which stochastic depth was taken: a teacher answers with all its branches."""
    for layer in network.modules():
        if hasattr(layer, "drop_prob"):
            layer.drop_prob = 0.0  # type: ignore[assignment]
    return network


def clip_gradients(network: nn.Module, limit: float, kind: str) -> None:
    """Limit the gradients of a network in place.

    ``tensor``: the norm of each parameter's gradient is at most ``limit``, as in the original; ``adaptive``: the norm
    of each unit's is at most ``limit`` times that of its weights (Brock et al. 2021, arXiv:2102.06171); ``norm`` is
    left to the training loop.
    """
    learnt = [parameter for parameter in network.parameters() if parameter.grad is not None]
    if not limit or kind == "norm" or not learnt:
        return
    if kind == "adaptive":
        from timm.utils.agc import adaptive_clip_grad

        adaptive_clip_grad(learnt, clip_factor=limit)  # type: ignore[no-untyped-call]
        return
    gradients = [parameter.grad for parameter in learnt if parameter.grad is not None]
    for gradient, norm in zip(gradients, torch._foreach_norm(gradients), strict=True):
        gradient.mul_((limit / (norm + 1e-6)).clamp(max=1.0))

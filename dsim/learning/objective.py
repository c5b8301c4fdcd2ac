"""The thing that is learnt: an objective yields batches and computes named losses for the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from dsim.learning.schedules import Position, Schedule

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

#: One row per epoch: the objective's losses, validation and statistics, then lr, images, seconds.
Curves = list[dict[str, float]]


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share settings of their own.

    Parameters
    ----------
    settings : by the optimiser's names (``lr``, ``weight_decay``, ``momentum``), numbers or schedules; whatever is not
        among them is the config's.
    """

    parameters: Sequence[nn.Parameter]
    settings: Mapping[str, float | Schedule] = field(default_factory=dict)


class Objective(ABC):
    """Yields batches, computes named losses, and validates; ``fit`` does the rest.

    Only ``networks``, ``batches`` and ``losses`` must be defined. Random draws come from the generator that is given,
    or from others whose state is part of ``state()``: only then does an interrupted training end in the same weights.
    """

    #: The loss that is minimised, among those of ``losses``.
    minimised: ClassVar[str] = "loss"
    #: The columns by which epochs are judged, lower is better: the first that has a number. Training stops early, and
    #: the best epoch is kept, only where that is the case; ``minimised`` may be among them.
    judged_by: ClassVar[tuple[str, ...]] = ("validation",)
    #: Whether the mean of an epoch weighs batches by their number of images, or all alike.
    weighs_images: ClassVar[bool] = True
    #: Whether ``losses`` and ``validate`` run under the config's precision as a whole. Where not, the objective casts
    #: its forward passes itself, by ``dsim.learning.autocast``.
    casts: ClassVar[bool] = True
    #: Whether ``losses`` computes only this process's share of a batch, ``processes().share(len(batch))``, where a
    #: training runs in several processes. Losses are then means over the share, or the same in all processes.
    shares_batches: ClassVar[bool] = False

    @property
    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """All networks whose weights change, a teacher's among them, by name.

        They are moved to the device in place, and are part of checkpoints and of the best weights.
        """

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Return the parameters to be optimised: by default all that require a gradient, in one group."""
        every = [parameter for network in self.networks.values() for parameter in network.parameters()]
        return [ParameterGroup([parameter for parameter in every if parameter.requires_grad])]

    @abstractmethod
    def batches(self, generator: torch.Generator) -> Iterable[Any]:
        """Return the batches of one epoch: usually indices of images, int64 (b,)."""

    def steps_per_epoch(self) -> int:
        """Return the number of batches of an epoch; 0, the default, forbids schedules per step."""
        return 0

    def images_in(self, batch: Any) -> int:
        """Return the number of images in a batch: its length by default."""
        return len(batch)

    @abstractmethod
    def losses(self, batch: Any, generator: torch.Generator, position: Position) -> Mapping[str, Tensor]:
        """Return scalars by name; the one named ``minimised`` is differentiable, and all are columns of the curves."""

    def validate(self) -> Mapping[str, float]:
        """Return columns about images set apart, NaN or none without them; networks are in evaluation mode."""
        return {}

    def statistics(self) -> Mapping[str, float]:
        """Return further columns about the state of the networks, such as a teacher's entropy, after each epoch."""
        return {}

    def begin_epoch(self, position: Position) -> None:
        """Set the modes of the networks: by default training mode for all."""
        for network in self.networks.values():
            network.train()

    def after_backward(self, position: Position) -> None:  # noqa: B027
        """Change gradients before they are clipped and the optimiser takes its step."""

    def after_step(self, position: Position) -> None:  # noqa: B027
        """Follow the optimiser's step, as a teacher does; ``position`` is that of the step just taken."""

    def state(self) -> dict[str, Any]:
        """Return everything else that going on depends on: generators, centres, queues; tensors and plain values."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take up what ``state`` returned, as it comes from a file: tensors on the CPU, tuples as lists."""

    def shown(self, row: Mapping[str, float]) -> Mapping[str, object]:
        """Return the fields of an epoch that the progress shows: by default the minimised and the judged loss."""
        return {name: row[name] for name in (self.minimised, *self.judged_by) if name in row}

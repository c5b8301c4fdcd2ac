"""The settings of an adaptation: the ways that are tried, and how networks are trained on a few images."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from dsim.errors import UnknownNameError, UsageError, repeated
from dsim.models import SegmentationRecipe

#: The ways to a model, the simplest first: ties go to the simpler.
WAYS = ("apply", "vote", "finetune", "scratch")
#: Those that train.
TRAINED = ("finetune", "scratch")
#: Raised whenever the same images, models and settings give other numbers.
VERSION = 1


@dataclass(frozen=True)
class Settings:
    """How a target's model is made.

    Parameters
    ----------
    ways : which of ``WAYS`` are tried.
    folds : of the cross-validation; 0: one image at a time up to five of them, else five.
    epochs : rounds of ``shown`` images in each training, fixed beforehand: nothing is looked at to stop it.
    window : side of the squares that training sees, pixels; images are scaled as the model does it, then cut.
    lr, scratch_lr : learning rates at the start of fine-tuning, and of training from scratch.
    encoder, width : of the network that is trained from scratch; ``lite0`` starts from weights of ImageNet, ``plain``
        from random ones. ``frozen`` : encoders with weights of their own keep them: a few images train the rest.
    seed : of every random draw.

    Raises UnknownNameError for an unknown way, UsageError for none, for a repeated one, and for numbers out of range.
    """

    ways: tuple[str, ...] = WAYS
    folds: int = 0
    epochs: int = 20
    shown: int = 20
    batch: int = 4
    window: int = 96
    lr: float = 2e-3
    scratch_lr: float = 4e-3
    encoder: str = "lite0"
    width: int = 16
    frozen: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for way in self.ways:
            if way not in WAYS:
                raise UnknownNameError("way", way, WAYS, hint=f"choose among: {', '.join(WAYS)}")
        if not self.ways or repeated(self.ways):
            raise UsageError(f"ways={','.join(self.ways)!r} names no way, or one twice", hint="give: apply,finetune")
        if self.folds < 0 or self.epochs < 1:
            raise UsageError(
                f"folds={self.folds} and epochs={self.epochs} cannot be used", hint="epochs are 1 or more, folds 2"
            )
        object.__setattr__(self, "ways", tuple(way for way in WAYS if way in self.ways))

    def record(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return {**asdict(self), "ways": list(self.ways), "version": VERSION}

    def from_scratch(self) -> SegmentationRecipe:
        """Return the recipe of a new network, as it is applied."""
        return SegmentationRecipe(encoder=self.encoder, pretrained=self.encoder != "plain", width=self.width)

    def training(self, recipe: SegmentationRecipe) -> SegmentationRecipe:
        """Return the recipe by which a network of that recipe is trained on a few images."""
        smaller = min(self.window, recipe.patch)
        return replace(
            recipe,
            patch=max(recipe.stride, smaller - smaller % recipe.stride),
            shown=self.shown,
            batch=self.batch,
            augment=True,
            policy="usual",
            encoder_share=1.0,
            precision="float32",
        )


def parse_ways(text: str) -> tuple[str, ...]:
    """Return the ways of a text such as ``apply,finetune``.

    >>> parse_ways("finetune, apply")
    ('finetune', 'apply')
    """
    return tuple(way.strip() for way in text.split(",") if way.strip())

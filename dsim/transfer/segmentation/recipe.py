"""The recipe of a segmentation model: all that its scores depend on besides the images and the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError
from dsim.learning import NAMED_SCHEDULES, Cosine, TrainingConfig, named_schedule
from dsim.registry import Parameter

if TYPE_CHECKING:
    from torch import nn

    from dsim.runtime import Runtime

PRECISIONS = ("float32", "tf32", "bfloat16")
#: Raised whenever training or scoring changes, so that nothing finished by another recipe is taken up.
VERSION = 1
SETTINGS = (
    Parameter("encoder", "str", "plain", "plain, or a network of timm as encoder: timm:resnet18"),
    Parameter("pretrained", "bool", False, "start the timm encoder with its published weights: timm:NAME.TAG"),
    Parameter("width", "int", 16, "channels of the plain U-Net at full resolution; doubled at each level", minimum=1),
    Parameter("levels", "int", 5, "resolutions of the plain U-Net", minimum=2, maximum=8),
    Parameter(
        "side", "int", 128, "longest side that images are scaled to; 0: native size, cut into patches", minimum=0
    ),
    Parameter("patch", "int", 128, "side of the network's square input, pixels", minimum=16),
    Parameter("epochs", "int", 60, "passes over the training images, at most", minimum=1),
    Parameter("shown", "int", 40, "images shown in an epoch, at least: small sources are repeated", minimum=0),
    Parameter("patience", "int", 0, "stop after so many epochs without a lower validation loss; 0: never", minimum=0),
    Parameter("batch", "int", 4, "images per step", minimum=1),
    Parameter("lr", "float", 2e-3, "learning rate at the start"),
    Parameter("rate", "str", "cosine", "what becomes of the learning rate", choices=NAMED_SCHEDULES),
    Parameter("weight_decay", "float", 1e-4, "of AdamW", minimum=0),
    Parameter("precision", "str", "float32", "arithmetic of training", choices=PRECISIONS),
    Parameter("augment", "bool", True, "change geometry and intensity of training images at random"),
    Parameter("validation", "float", 0.2, "share of a source's images that stop its training", minimum=0, maximum=0.5),
    Parameter("holdout", "float", 0.2, "share of a source's images that score its self pair", minimum=0, maximum=0.5),
    Parameter("blocks", "int", 10, "runs of neighbouring images that count as groups where none are known", minimum=0),
    Parameter("threshold", "float", 0.5, "probability from which a pixel is foreground", minimum=0, maximum=1),
    Parameter("adapt_epochs", "int", 20, "epochs of fine-tuning on the annotated images of a target", minimum=1),
    Parameter("adapt_lr", "float", 5e-4, "learning rate of fine-tuning"),
)


@dataclass(frozen=True)
class Recipe:
    """How segmentation models are trained and applied; ``dsim transfer segmentation --set KEY=VALUE``.

    The defaults train a U-Net of 1.9 million parameters on images of 128 pixels. ``SETTINGS`` tells what each means.

    >>> Recipe().changed({"epochs": "30", "side": "256"}).side
    256
    """

    encoder: str = "plain"
    pretrained: bool = False
    width: int = 16
    levels: int = 5
    side: int = 128
    patch: int = 128
    epochs: int = 60
    shown: int = 40
    patience: int = 0
    batch: int = 4
    lr: float = 2e-3
    rate: str = "cosine"
    weight_decay: float = 1e-4
    precision: str = "float32"
    augment: bool = True
    validation: float = 0.2
    holdout: float = 0.2
    blocks: int = 10
    threshold: float = 0.5
    adapt_epochs: int = 20
    adapt_lr: float = 5e-4
    version: int = VERSION

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            object.__setattr__(self, setting.name, setting.check(getattr(self, setting.name)))
        if self.encoder != "plain" and not self.encoder.startswith("timm:"):
            hint = "write encoder=plain, or encoder=timm:NAME"
            raise UnknownNameError("encoder", self.encoder, ["plain", "timm:resnet18"], hint=hint)
        if self.pretrained and self.encoder == "plain":
            raise UsageError("a plain U-Net has no published weights", hint="give encoder=timm:NAME.TAG")
        if self.validation + self.holdout >= 1:
            raise UsageError("validation and holdout leave nothing to train on", hint="give smaller shares")
        stride = self.stride
        if self.patch % stride:
            near = max(stride, round(self.patch / stride) * stride)
            raise UsageError(f"patch={self.patch} is no multiple of {stride}", hint=f"give patch={near}")

    @property
    def stride(self) -> int:
        """Of what the sides of the network's input are multiples."""
        # Encoders of timm halve five times; one that does not is told when it is built.
        return 2 ** (self.levels - 1) if self.encoder == "plain" else 32

    def record(self) -> dict[str, Any]:
        """All settings as plain values."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Recipe:
        """The recipe of a record; UsageError for settings that this version of dsim does not know."""
        return cls(**_known(record, [*cls.__dataclass_fields__]))

    def changed(self, texts: Mapping[str, str]) -> Recipe:
        """With settings as the command line gives them; UsageError names a wrong one."""
        settings = {setting.name: setting for setting in SETTINGS}
        return replace(self, **{name: settings[name].parse(text) for name, text in _known(texts, settings).items()})

    def course(self) -> TrainingConfig:
        """How a network is trained on a source."""
        return TrainingConfig(
            epochs=self.epochs,
            patience=self.patience,
            lr=named_schedule(self.rate, self.lr, self.patience),
            weight_decay=self.weight_decay,
            precision=self.precision,
        )

    def adaptation(self, fresh: bool) -> TrainingConfig:
        """How a network is trained on a few images of a target: fine-tuned, or from scratch where ``fresh``.

        With so few none is set apart to stop it: the last weights are kept.
        """
        epochs, lr = (self.epochs, self.lr) if fresh else (self.adapt_epochs, self.adapt_lr)
        return TrainingConfig(
            epochs, lr=Cosine(lr), weight_decay=self.weight_decay, precision=self.precision, keep="last"
        )

    def build(self, seed: int, runtime: Runtime | None = None, weights: bool = True) -> nn.Module:
        """The network with random weights of this seed, or with the published ones where ``pretrained``.

        ``weights=False`` loads none: others will be put in their place.
        """
        from dsim.transfer.segmentation.building import build

        return build(self, seed, runtime, weights)


def _known(given: Mapping[str, Any], known: Any) -> dict[str, Any]:
    for name in given:
        if name not in known:
            raise UnknownNameError("setting", name, known, hint=f"settings are: {', '.join(known)}")
    return dict(given)

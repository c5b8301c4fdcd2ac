"""The recipe of transfer in classification: all that its scores depend on besides the images, folds and the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from dsim.errors import UnknownNameError, UsageError
from dsim.learning import CHOICES, NAMED_SCHEDULES, TrainingConfig, named_schedule
from dsim.models.recipe import PRECISIONS
from dsim.registry import Parameter

#: Raised whenever training or scoring changes, so that nothing finished by another recipe is taken up.
VERSION = 1
AUGMENTATIONS = ("none", "small", "usual")

SETTINGS = (
    Parameter("network", "str", "plain", "plain, or a network of timm: timm:resnet18"),
    Parameter("width", "int", 16, "channels of the plain network's first block; doubled at each level", minimum=1),
    Parameter("levels", "int", 4, "blocks of the plain network", minimum=1, maximum=8),
    Parameter("side", "int", 64, "sides of the square that images are scaled to", minimum=8),
    Parameter("dropout", "float", 0.2, "share of features dropped before the head", minimum=0, maximum=0.9),
    Parameter("pretrain_epochs", "int", 50, "passes over a source's images, at most", minimum=1),
    Parameter("pretrain_lr", "float", 1e-3, "learning rate on a source at the start"),
    Parameter("epochs", "int", 50, "passes over a target's training images, at most; from scratch too", minimum=1),
    Parameter("lr", "float", 1e-3, "learning rate on a target at the start; from scratch too"),
    Parameter("rate", "str", "cosine", "what becomes of the learning rate", choices=NAMED_SCHEDULES),
    Parameter("patience", "int", 20, "stop after so many epochs without a lower validation loss; 0: never", minimum=0),
    Parameter(
        "keep", "str", "best", "weights of the best epoch by validation loss, or the last", choices=CHOICES["keep"]
    ),
    Parameter("batch", "int", 32, "images per step", minimum=1),
    Parameter("optimizer", "str", "adamw", "of both trainings", choices=CHOICES["optimizer"]),
    Parameter("weight_decay", "float", 1e-4, "of the optimizer", minimum=0),
    Parameter("precision", "str", "float32", "arithmetic of training", choices=PRECISIONS),
    Parameter("augment", "str", "usual", "none; small: mirror, turn, shift; usual: more", choices=AUGMENTATIONS),
    Parameter("balanced", "bool", True, "rare classes weigh more in the loss, so that all weigh alike"),
    Parameter("validation", "float", 0.15, "share of a source's images that stop its training", minimum=0, maximum=0.5),
    Parameter(
        "tested",
        "float",
        0.5,
        "share of each held-out fold that is scored; the rest stops training",
        minimum=0.1,
        maximum=1,
    ),
    Parameter("pretrainings", "str", "fold", "a source's own for each fold, or one for all", choices=("fold", "one")),
    Parameter("neighbours", "int", 4, "neighbouring images that count as a group where none are known", minimum=1),
)
#: Appendix A of van den Brandt et al. 2021, arXiv:2107.05940; what it leaves open is as in the published code.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "cats": {
        "network": "timm:resnet50",
        "side": 112,
        "dropout": 0.5,
        "pretrain_epochs": 70,
        "pretrain_lr": 1e-5,
        "epochs": 50,
        "lr": 1e-5,
        "rate": "constant",
        "patience": 0,
        "keep": "last",
        "batch": 128,
        "optimizer": "adam",
        "weight_decay": 0.0,
        "augment": "small",
        "validation": 0.1,
        "pretrainings": "one",
        "neighbours": 1,
    }
}


@dataclass(frozen=True)
class ClassificationRecipe:
    """Settings of pre-training and fine-tuning classifiers; ``dsim transfer classification --set KEY=VALUE``.

    The defaults train a residual network of 0.3 million parameters on images of 64 pixels. ``SETTINGS`` explains each,
    ``PRESETS`` are named sets of them. Raises UsageError for a setting that is refused, or that contradicts another.

    >>> ClassificationRecipe.preset("cats").network, ClassificationRecipe().changed({"epochs": "12"}).epochs
    ('timm:resnet50', 12)
    """

    network: str = "plain"
    width: int = 16
    levels: int = 4
    side: int = 64
    dropout: float = 0.2
    pretrain_epochs: int = 50
    pretrain_lr: float = 1e-3
    epochs: int = 50
    lr: float = 1e-3
    rate: str = "cosine"
    patience: int = 20
    keep: str = "best"
    batch: int = 32
    optimizer: str = "adamw"
    weight_decay: float = 1e-4
    precision: str = "float32"
    augment: str = "usual"
    balanced: bool = True
    validation: float = 0.15
    tested: float = 0.5
    pretrainings: str = "fold"
    neighbours: int = 4
    version: int = VERSION

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            object.__setattr__(self, setting.name, setting.check(getattr(self, setting.name)))
        if self.network != "plain" and not self.network.startswith("timm:"):
            hint = "write network=plain, or network=timm:NAME"
            raise UnknownNameError("network", self.network, ["plain", "timm:resnet18"], hint=hint)
        if "[" in self.network or "." in self.network:
            raise UsageError(
                f"network={self.network} names weights, and sources start from random ones",
                hint=f"give network={self.network.partition('[')[0].partition('.')[0]}, and the weights as --imagenet",
            )
        if self.keep == "best" and (self.tested == 1 or not self.validation):
            raise UsageError(
                "without validation images no epoch is the best", hint="give keep=last, or leave images for validation"
            )

    @classmethod
    def preset(cls, name: str) -> ClassificationRecipe:
        """Return the recipe of that name; UnknownNameError lists them."""
        if name not in PRESETS:
            raise UnknownNameError("preset", name, PRESETS, hint=f"presets are: {', '.join(PRESETS)}")
        return cls(**PRESETS[name])

    def record(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return asdict(self)

    def changed(self, texts: Mapping[str, str]) -> ClassificationRecipe:
        """Return it with settings as the command line gives them; UsageError names a wrong one."""
        settings = {setting.name: setting for setting in SETTINGS}
        for name in texts:
            if name not in settings:
                raise UnknownNameError("setting", name, settings, hint=f"settings are: {', '.join(settings)}")
        return replace(self, **{name: settings[name].parse(text) for name, text in texts.items()})

    def pretraining(self) -> TrainingConfig:
        """Return the settings of training on a source."""
        return self._course(self.pretrain_epochs, self.pretrain_lr)

    def course(self) -> TrainingConfig:
        """Return the settings of training on a target: after a source, or from scratch."""
        return self._course(self.epochs, self.lr)

    def _course(self, epochs: int, lr: float) -> TrainingConfig:
        return TrainingConfig(
            epochs=epochs,
            patience=self.patience,
            lr=named_schedule(self.rate, lr, self.patience),
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
            precision=self.precision,
            keep=self.keep,
        )

"""Settings of a training of SimSearch: which of its steps run, how long, and on how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from dsim.errors import UnknownNameError, UsageError

#: The four trainings that the paper compares: whether patches nobody looked at, and negatives, are used.
STRATEGIES: Mapping[str, Mapping[str, bool]] = {
    "pos": {"self_learning": False, "negatives": False},
    "pos+neg": {"self_learning": False, "negatives": True},
    "pos+selflearn": {"self_learning": True, "negatives": False},
    "all": {"self_learning": True, "negatives": True},
}


@dataclass(frozen=True)
class TrainingSettings:
    """What a detector is trained by; the defaults are those of the paper, and of this text where the paper is silent.

    Parameters
    ----------
    self_learning : whether the network first learns from noisy patches (SimCLR). ``negatives`` : whether negatives are
        used, in the refinement's loss and as background of the classifier.
    negatives_are_background : whether the classifier sees negatives, where they are used, as background.
    refinement : whether the network learns from clean patches (supervised contrast); False leaves it to the classifier.
    self_..., refine_... : epochs, patches of a step, temperature, Adam's learning rate, and its ``factor`` ``every`` so
        many epochs.
    classifier_epochs, classifier_batch, classifier_lr, classifier_decay : of the classifier; decay is Adam's, of its
        weights on standardised features (twice the factor of their squares in the loss).
    whiten : 0: the classifier takes features as they are. Above, up to 1: whitened by this strength, by patches of the
        displayed images, and brought to length 1, as the search compares them.
    turns : whether the classifier learns from patches turned by quarters too; they pass through the network one by one.
    shifted : beside each clean patch of a class so many are added as background, about half a patch away, where no
        clean patch of a class is near: so that what is beside an object is not taken for it.
    hidden, outputs : widths of the projection head's two layers.
    margin : what views show around a patch, as a share of its side at each border.
    bank : 0: each view is new. Else views of a patch that pass the fixed stages once, of which all epochs draw two.
    most_noisy : noisy patches that are used, drawn evenly from all classes; 0: all.

    Raises UsageError for numbers that nothing can be trained by.

    >>> TrainingSettings.preset("quick", "pos+neg").self_learning
    False
    """

    self_learning: bool = True
    negatives: bool = True
    negatives_are_background: bool = True
    refinement: bool = True
    self_epochs: int = 100
    self_batch: int = 128
    self_temperature: float = 0.5
    self_lr: float = 1e-3
    self_factor: float = 0.05
    self_every: int = 50
    refine_epochs: int = 50
    refine_batch: int = 32
    refine_temperature: float = 0.07
    refine_lr: float = 1e-3
    refine_factor: float = 0.1
    refine_every: int = 25
    classifier_epochs: int = 100
    classifier_batch: int = 32
    classifier_lr: float = 1e-2
    classifier_decay: float = 1e-3
    whiten: float = 0.0
    turns: bool = True
    shifted: int = 0
    hidden: int = 256
    outputs: int = 128
    margin: float = 0.15
    bank: int = 0
    most_noisy: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least = getattr(self, field.name), _LEAST.get(field.name, 1 if field.type == "int" else 0)
            if not value >= least or (field.type == "float" and field.name not in _LEAST and value == 0):
                limit = f"at least {least}" if field.type == "int" or field.name in _LEAST else "above 0"
                raise UsageError(f"{field.name} of a training is {value}", hint=f"give a number {limit}")
        if self.bank == 1:
            raise UsageError(
                f"a bank of {self.bank} view is too small: two of a patch are compared", hint="give 0, or 2"
            )

    @staticmethod
    def preset(name: str, strategy: str = "all") -> TrainingSettings:
        """Return the settings of this name, ``paper`` or ``quick``, for one of ``STRATEGIES``.

        Raises UnknownNameError for another name or strategy.
        """
        if name not in PRESETS:
            raise UnknownNameError("preset of trainings", name, PRESETS, hint=f"choose one of: {', '.join(PRESETS)}")
        if strategy not in STRATEGIES:
            hint = f"choose one of: {', '.join(STRATEGIES)}"
            raise UnknownNameError("strategy of training", strategy, STRATEGIES, hint=hint)
        return replace(PRESETS[name], **STRATEGIES[strategy])

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a JSON object.

        >>> TrainingSettings.from_dict(TrainingSettings(bank=8).to_dict()) == TrainingSettings(bank=8)
        True
        """
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> TrainingSettings:
        """Return settings of a JSON object; what it lacks is the default. Raises UnknownNameError for other keys."""
        known = [field.name for field in fields(TrainingSettings)]
        for key in values:
            if key not in known:
                hint = f"choose among: {', '.join(known)}"
                raise UnknownNameError("setting of a training", key, known, hint=hint)
        return TrainingSettings(**values)


#: The smallest allowed values of settings that may be 0.
_LEAST = {"margin": 0.0, "classifier_decay": 0.0, "whiten": 0.0, "shifted": 0, "bank": 0, "most_noisy": 0}

#: Settings by name. ``paper``: epochs, batches, rates and temperatures of the paper. ``quick``, for two cores, differs
#: from it in fewer epochs (their rates fall after half of them, as there), at most 128 noisy patches, a bank of 8 views
#: of each patch that pass the fixed stages once, views without a margin, a classifier of half whitened directions that
#: learns from no turned patches and with a strong decay, and background from beside the patches of classes.
PRESETS: Mapping[str, TrainingSettings] = {
    "paper": TrainingSettings(),
    "quick": TrainingSettings(
        self_epochs=12,
        self_every=6,
        refine_epochs=12,
        refine_every=6,
        margin=0.0,
        bank=8,
        most_noisy=128,
        classifier_decay=0.6,
        whiten=0.5,
        turns=False,
        shifted=4,
    ),
}

from .callbacks import Check, DivergenceCheck, RangeCheck, frozen_copy, share_left, update_teacher
from .config import CHOICES, TrainingConfig, autocast, in_float32, uses_bfloat16
from .loop import TrainingResult, fit
from .objective import Curves, Objective, ParameterGroup
from .schedules import (
    NAMED_SCHEDULES,
    ChainedCosine,
    Constant,
    Cosine,
    Linear,
    Plateau,
    Position,
    Schedule,
    Steps,
    WarmUp,
    named_schedule,
)
from .trainer import TrainedModel, Trainer, train

__all__ = [
    "CHOICES",
    "NAMED_SCHEDULES",
    "ChainedCosine",
    "Check",
    "Constant",
    "Cosine",
    "Curves",
    "DivergenceCheck",
    "Linear",
    "Objective",
    "ParameterGroup",
    "Plateau",
    "Position",
    "RangeCheck",
    "Schedule",
    "Steps",
    "TrainedModel",
    "Trainer",
    "TrainingConfig",
    "TrainingResult",
    "WarmUp",
    "autocast",
    "fit",
    "frozen_copy",
    "in_float32",
    "named_schedule",
    "share_left",
    "train",
    "update_teacher",
    "uses_bfloat16",
]

from .annotation import Annotation, read_annotation
from .candidates import Pool, Standing
from .choice import TIE, Choice, Interval, choose_way
from .result import Adapted, describe_way
from .run import adapt
from .settings import TRAINED, WAYS, Settings
from .trials import Trials

__all__ = [
    "TIE",
    "TRAINED",
    "WAYS",
    "Adapted",
    "Annotation",
    "Choice",
    "Interval",
    "Pool",
    "Settings",
    "Standing",
    "Trials",
    "adapt",
    "choose_way",
    "describe_way",
    "read_annotation",
]

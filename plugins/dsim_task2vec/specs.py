"""Declarations of the Task2Vec measures, and the settings of an embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from dsim.plugin import EXTRACTOR, Direction, MeasureSpec, Need, Parameter

DISTANCES = ("cosine", "normalised-cosine", "raw-cosine", "kl", "jsd")
_PAPER = "Achille et al. 2019, arXiv:1902.03545"
_CODE = "awslabs/aws-cv-task2vec"
_CATS = "van den Brandt et al. 2021, Cats, not CAT scans"

_FISHER = (
    Parameter(
        "probe",
        "extractor",
        EXTRACTOR.default,
        "convolutional network whose filters are judged; its features carry the head",
    ),
    Parameter(
        "fisher",
        "str",
        "exact",
        "exact: expectation over all labels; sample: labels drawn, per image; batch: drawn, squares of batch means; "
        "variational: noise that the filters bear",
        choices=("exact", "sample", "batch", "variational"),
    ),
    Parameter("draws", "int", 1, "labels drawn per image (sample, batch)", minimum=1, maximum=10000),
    Parameter("batch", "int", 64, "images per mean (batch) or per step (variational)", minimum=1, maximum=100000),
    Parameter("batchnorm", "bool", False, "count the weights of BatchNorm layers beside the filters (the reference)"),
    Parameter("steps", "int", 200, "steps of the optimiser (variational)", minimum=1, maximum=1000000),
    Parameter("beta", "float", 1e-7, "weight of the prior (variational, asymmetric)", minimum=1e-30, maximum=1e30),
)
_TASK = (
    Parameter(
        "labels",
        "str",
        "auto",
        "auto: labels where the dataset has them, else clusters; given: labels; clusters: k-means of the features",
        choices=("auto", "given", "clusters"),
    ),
    Parameter("clusters", "int", 5, "classes of a dataset without labels", minimum=2, maximum=10000),
    Parameter("balanced", "bool", False, "weigh all classes alike, however many images they have (the reference)"),
    Parameter("decay", "float", 1e-2, "L2 penalty of the head", minimum=1e-12, maximum=1e12),
)
_SUBSETS = (
    Parameter("subsets", "int", 0, "embed this many random subsets, not the whole (cats study: 100)", minimum=0),
    Parameter("share", "float", 0.01, "images per subset, as a share of the dataset", minimum=0, maximum=0.5),
    Parameter("least", "int", 10, "images per subset at least", minimum=2),
    Parameter("pairs", "int", 5, "random pairs of subsets whose mean is the value; 0 for all", minimum=0),
)

TASK2VEC = MeasureSpec(
    name="task2vec",
    version=1,
    title="Task2Vec",
    summary=(
        "The labels of a dataset pose a task to a fixed network, and it is recorded which parts of the network "
        "matter for solving it. Datasets are near where the same parts matter. Choose it when both datasets have "
        "labels; without, classes are made up from the images, and it says so."
    ),
    factory="dsim_task2vec.measure:Task2Vec",
    needs=frozenset({Need.IMAGES, Need.LABELS}),  # labels with labels=given alone
    direction=Direction.DISTANCE,
    symmetric=True,
    # Of two subsets of one dataset it is not 0, and can exceed that to another dataset (the cats study's own result).
    self_is_optimal=False,
    formula="1 - cos(F_a / (F_a + F_b), F_b / (F_a + F_b)), F the filter-wise Fisher diagonal of a probe's filters",
    cost="n images, C classes: C - 1 backward passes of the probe over n (1 with fisher=sample); nothing per pair",
    references=(_PAPER, _CODE, _CATS),
    bounds=(0.0, float("inf")),
    parameters=(
        *_FISHER,
        *_TASK,
        Parameter(
            "distance",
            "str",
            "cosine",
            "cosine: of both divided by their sum (paper); raw-cosine: as they are (cats); others as in the reference",
            choices=DISTANCES,
        ),
        *_SUBSETS,
    ),
    presets={
        "paper": {"probe": "timm:resnet34.tv_in1k", "fisher": "variational", "batch": 100},
        "reference": {
            "probe": "timm:resnet34.tv_in1k",
            "fisher": "batch",
            "batchnorm": True,
            "balanced": True,
            "decay": 1e-4,
        },
        "cats": {
            "probe": "timm:resnet50.tv_in1k",
            "fisher": "batch",
            "batchnorm": True,
            "balanced": True,
            "decay": 1e-4,
            "distance": "raw-cosine",
            "subsets": 100,
        },
    },
    blind_to=(
        "what the probe's filters do not separate; and unlabelled datasets only through clusters of its features: "
        "which classes these are is chance without groups"
    ),
)

ASYMMETRIC = MeasureSpec(
    name="task2vec-asymmetric",
    version=1,
    title="Task2Vec, asymmetric",
    summary=(
        "It is task2vec with a preference for rich sources: of two sources that are equally like the target, the "
        "one with the more complex task is nearer, since a network learns more from it. Choose it to pick a "
        "source to pre-train on, rather than to ask whether two datasets are alike."
    ),
    factory="dsim_task2vec.measure:AsymmetricTask2Vec",
    needs=frozenset({Need.IMAGES, Need.LABELS}),  # labels with labels=given alone
    direction=Direction.DISTANCE,
    symmetric=False,
    self_is_optimal=False,
    formula="d(a, b) - alpha d(a, trivial), d Task2Vec's cosine of F / (2 beta) + prior, trivial the prior alone",
    cost="as task2vec",
    references=(_PAPER, _CODE),
    bounds=(-1.0, 1.0),
    parameters=(
        *_FISHER,
        *_TASK,
        Parameter("alpha", "float", 0.15, "weight of the source's own complexity", minimum=0, maximum=1),
    ),
    presets={"paper": {"probe": "timm:resnet34.tv_in1k", "fisher": "variational", "batch": 100}},
    blind_to="as task2vec; alpha was chosen by the paper for its probe and its tasks",
)

SPECS = (TASK2VEC, ASYMMETRIC)


@dataclass(frozen=True)
class Settings:
    """How an embedding is made; see the parameters in ``dsim_task2vec.specs``."""

    probe: str
    fisher: str
    draws: int
    batch: int
    batchnorm: bool
    labels: str
    clusters: int
    balanced: bool
    decay: float
    steps: int
    beta: float
    subsets: int = 0
    share: float = 0.0
    least: int = 0

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Settings:
        """Return the settings among a measure's parameters."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in params.items() if name in known})

"""Declarations of the trainer: its parameters and presets."""

from __future__ import annotations

from typing import Any

from dsim.plugin import Parameter, Product, TrainerSpec

#: Networks by the name that the parameter takes, for images of up to ``SMALL`` pixels and for larger ones.
NETWORKS = {"paper": ("resnet18_3x3", "resnet18"), "quick": ("resnet10_w32", "resnet10_w32")}
SMALL = 64
#: Parts of the views that can be left out (Table S1 of the paper).
PARTS = ("crops", "flips", "jitter", "gray")
_QUICK_STEPS = (600.0, 100.0, 300.0)

_NETWORK = (
    Parameter(
        "network",
        "str",
        "quick",
        "paper (ResNet-18, its first layer 3 x 3 and of stride 1 for images of up to 64 pixels), quick (one block a"
        " stage, 32 to 256 channels), or any network of timm",
    ),
    Parameter(
        "start",
        "str",
        "random",
        "weights it starts from: random; imagenet (shipped, for tf_efficientnet_lite0); the folder of an earlier run",
    ),
    Parameter(
        "size",
        "int",
        32,
        "side of the views, and of the images that a map places, pixels; 0: the median of their longest sides",
        minimum=0,
        maximum=1024,
    ),
    Parameter("hidden", "int", 1024, "width of the projector's hidden layer", minimum=2),
    Parameter("outputs", "int", 128, "dimensions of the first stage", minimum=2),
)
_VIEWS = (
    Parameter(
        "rotations",
        "str",
        "auto",
        "any (every angle), quarter (quarter turns), none, or auto: by the modality that the datasets state. Where"
        " images have an upper side, rotations cost accuracy: 13 points on CIFAR-10",
        choices=("auto", "none", "quarter", "any"),
    ),
    Parameter("leave_out", "str", "", f"parts of the views to leave out, joined by +: {', '.join(PARTS)}"),
    Parameter("area", "floats", (0.2, 1.0), "shares of the image's area that crops show", minimum=0.001, maximum=1),
    Parameter(
        "invariant_to",
        "str",
        "none",
        "group: differences of groups (smears, patients) shall not shape the map: batches of whole"
        " groups, colours of stains changed",
        choices=("none", "group"),
    ),
    Parameter(
        "negatives",
        "str",
        "within",
        "of invariant_to=group: compare an image with others of the same group (within), or of other ones (across)",
        choices=("within", "across"),
    ),
    Parameter(
        "bank_side",
        "int",
        0,
        "side in pixels at which images are kept; 0: the median of their longest sides, at least size, at most 256",
        minimum=0,
        maximum=2048,
    ),
)
_COURSE = (
    Parameter("steps", "floats", _QUICK_STEPS, "steps of the three stages", minimum=0),
    Parameter(
        "epochs",
        "floats",
        (0.0, 0.0, 0.0),
        "passes over all images of the three stages, instead of steps: epochs=1000/50/450 steps=0/0/0",
        minimum=0,
    ),
    Parameter("batch", "int", 0, "images of one step; 0: 256, or fewer where there are not so many images", minimum=0),
    Parameter(
        "loss",
        "str",
        "cauchy",
        "of the first stage: cauchy (by distances, as later), or cosine (by angles: SimCLR)",
        choices=("cauchy", "cosine"),
    ),
    Parameter(
        "last_layer",
        "str",
        "pca",
        "of the second stage, at its start: normal (weights of N(0, 1)), or pca (the principal axes of the first"
        " stage's outputs)",
        choices=("normal", "pca"),
    ),
    Parameter(
        "temperature",
        "float",
        0.5,
        "of the loss: 0.5 is that of t-SimCNE (1 / (1 + d^2)) and of SimCLR; the class that its authors released has 1",
        minimum=1e-3,
    ),
    Parameter(
        "optimizer",
        "str",
        "sgd",
        "sgd (with momentum, as published), or adamw, which takes a small rate: lr=0.002",
        choices=("sgd", "adamw"),
    ),
    Parameter("lr", "float", 0.12, "largest learning rate for a batch of 256, and in proportion", minimum=1e-9),
    Parameter("last_lr", "float", 0.1, "learning rate of the third stage, as a share of that", minimum=1e-9),
    Parameter("momentum", "float", 0.9, "of SGD", minimum=0, maximum=0.999),
    Parameter("weight_decay", "float", 5e-4, "of all weights, biases and norms too", minimum=0),
    Parameter(
        "precision",
        "str",
        "auto",
        "of the backbone; projector and loss are float32 always. auto: bfloat16 where the hardware gains by it",
        choices=("float32", "tf32", "bfloat16", "auto"),
    ),
    Parameter(
        "calibration",
        "float",
        0.1,
        "share of the images that is not trained on, at least 20, at most a fifth: they calibrate what is foreign",
        minimum=0,
        maximum=0.5,
    ),
)
_MODEL = (
    Parameter("id", "str", "", "the model's id, ARCHITECTURE.TRAINING.REVISION; empty: NETWORK.t-simcne.r1"),
    Parameter("title", "str", "", "one line that says what it is; empty: made of network and datasets"),
    Parameter("licence", "str", "not stated", "the licence of the weights"),
)

_PAPER: dict[str, Any] = {
    "network": "paper",
    "size": 0,
    "batch": 1024,
    "steps": (0.0, 0.0, 0.0),
    "epochs": (1000.0, 50.0, 450.0),
    "lr": 0.03,
    "last_layer": "normal",
    "last_lr": 1e-3,
    "precision": "float32",
    "calibration": 0.0,
}
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "network": "quick",
        "size": 32,
        "batch": 0,
        "steps": _QUICK_STEPS,
        "lr": 0.12,
        "last_layer": "pca",
        "last_lr": 0.1,
    },
    "paper": _PAPER,
    # -log(1 + 2 d^2), which is not the logarithm of a Cauchy kernel of d.
    "released": {**_PAPER, "temperature": 1.0},
}

TRAINER = TrainerSpec(
    name="t-simcne",
    version=1,
    title="t-SimCNE: a map of images that a network draws in the plane, without labels; it places new images too",
    factory="dsim_tsimcne.trainer:train_t_simcne",
    produces=(Product.MAP, Product.EXTRACTOR),
    cost="minutes on two cores for 7,000 images of 48 pixels with the preset quick; days with the preset paper",
    references=(
        "Böhm, Berens, Kobak 2023, arXiv:2210.09879 (t-SimCNE)",
        "Chen et al. 2020, arXiv:2002.05709 (SimCLR)",
        "Ma et al. 2021, arXiv:2106.02866 (negatives within a group)",
    ),
    parameters=_NETWORK + _VIEWS + _COURSE + _MODEL,
    presets=PRESETS,
    blind_to="labels; what the views make invariant: crops, flips, colours, and rotations where they are chosen",
    example={
        "network": "quick",
        "size": 16,
        "hidden": 16,
        "outputs": 8,
        "batch": 8,
        "steps": (4.0, 2.0, 2.0),
        "rotations": "none",
    },
)

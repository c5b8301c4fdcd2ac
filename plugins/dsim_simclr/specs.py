"""Declarations of the trainer: its parameters and presets."""

from __future__ import annotations

from typing import Any

from dsim.plugin import Parameter, Product, TrainerSpec

_NETWORK = (
    Parameter(
        "network", "str", "resnet18", "backbone, any of timm: resnet18, xcit_nano_12_p16_224, vit_tiny_patch16_224"
    ),
    Parameter(
        "start",
        "str",
        "random",
        "weights it starts from: random; imagenet (shipped, for tf_efficientnet_lite0); the folder of an earlier run",
    ),
    Parameter(
        "token",
        "str",
        "final",
        "feature of an image: final (what the network hands on), cls (class token), mean (of patch tokens or maps)",
        choices=("final", "cls", "mean"),
    ),
    Parameter("head_layers", "int", 2, "linear layers of the projection head", minimum=1, maximum=8),
    Parameter("hidden", "int", 2048, "width of the head's hidden layers", minimum=2),
    Parameter("outputs", "int", 128, "dimension in which views are compared", minimum=2),
)
_VIEWS = (
    Parameter("size", "int", 64, "side of the crops, and of the model's images, pixels", minimum=16, maximum=1024),
    Parameter("area", "floats", (0.08, 1.0), "shares of the image's area that crops show", minimum=0.001, maximum=1),
    Parameter(
        "views",
        "str",
        "simclr",
        "how views are changed: simclr (flips, strong colours, blur), or a policy of dsim train dino",
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
    Parameter("epochs", "int", 100, "passes over all images", minimum=1),
    Parameter("batch", "int", 256, "images of one step; each is told from twice as many views", minimum=2),
    Parameter("temperature", "float", 0.5, "of the loss NT-Xent; small values weigh near views more", minimum=1e-3),
    Parameter("lr", "float", 1e-3, "largest learning rate of AdamW for a batch of 256", minimum=1e-9),
    Parameter("min_lr", "float", 0.0, "learning rate at the end, by a cosine over the steps", minimum=0),
    Parameter("warmup", "float", 10.0, "epochs in which the rate rises from 0, at most a tenth of all", minimum=0),
    Parameter("weight_decay", "float", 1e-4, "of AdamW; biases and norms have none", minimum=0),
    Parameter("clip", "float", 3.0, "largest norm of all gradients together; 0: any", minimum=0),
    Parameter(
        "precision",
        "str",
        "float32",
        "of the networks; the loss is float32 always. bfloat16 is faster where the hardware has it, but not for"
        " networks of depthwise convolutions",
        choices=("float32", "tf32", "bfloat16", "auto"),
    ),
)
_MODEL = (
    Parameter("id", "str", "", "the model's id, ARCHITECTURE.TRAINING.REVISION; empty: NETWORK.simclr.r1"),
    Parameter("title", "str", "", "one line that says what it is; empty: made of network and datasets"),
    Parameter("licence", "str", "not stated", "the licence of the weights"),
    Parameter(
        "dtype",
        "str",
        "float16",
        "precision of the model's file; float32 is taken where half precision changes a feature by more than 2 %",
        choices=("float16", "float32"),
    ),
)

PRESETS: dict[str, dict[str, Any]] = {
    "small": {"batch": 64, "area": (0.2, 1.0), "temperature": 0.5},
    # The paper's optimiser is LARS with lr 0.3 x batch/256 and decay 1e-6; AdamW with the root of the batch is not it.
    "paper": {
        "network": "resnet50",
        "size": 224,
        "batch": 4096,
        "epochs": 1000,
        "temperature": 0.5,
        "lr": 5e-4,
        "weight_decay": 1e-6,
        "clip": 0.0,
    },
}

TRAINER = TrainerSpec(
    name="simclr",
    version=1,
    title="SimCLR: a backbone that learns from images without labels, by telling views of one image from all others",
    factory="dsim_simclr.trainer:train_simclr",
    produces=(Product.EXTRACTOR,),
    cost="two crops an image and epoch; about half of dsim train dino with 2 + 5 crops. Wants large batches",
    references=(
        "Chen et al. 2020, arXiv:2002.05709 (SimCLR). Preset paper differs from it in the optimiser: AdamW with a"
        " rate of 5e-4 x (batch/256)^1/2 instead of LARS, which few images do not need",
        "Malladi et al. 2022, arXiv:2205.10287 (root scaling of Adam's rate)",
    ),
    parameters=_NETWORK + _VIEWS + _COURSE + _MODEL,
    presets=PRESETS,
    blind_to="labels and masks; what the views make invariant: crops, flips, colours, blur",
    example={"network": "test_resnet", "epochs": 2, "size": 16, "batch": 8, "hidden": 16, "outputs": 8},
)

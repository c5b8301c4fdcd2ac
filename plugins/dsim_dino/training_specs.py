"""Declarations of the trainer: its parameters, its presets, and what each setting is in plain words."""

from __future__ import annotations

from typing import Any

from dsim.plugin import Parameter, Product, TrainerSpec

#: Images below which the settings that are left automatic are those of ``small``.
SMALL = 20_000
RECIPES = ("automatic", "small", "paper", "original")

_MODEL = (
    Parameter("id", "str", "", "the model's id, ARCHITECTURE.TRAINING.REVISION; empty: NETWORK-dino.local.r1"),
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
_NETWORK = (
    Parameter(
        "network", "str", "resnet18", "backbone, any of timm: resnet18, xcit_nano_12_p16_224, vit_tiny_patch16_224"
    ),
    Parameter(
        "start",
        "str",
        "random",
        "weights it starts from: random; imagenet (shipped, for tf_efficientnet_lite0); published (DINO's own for that"
        " network, else timm's; downloaded); or a path: the folder of an earlier run (--from RUN), a checkpoint",
    ),
    Parameter(
        "token",
        "str",
        "final",
        "feature of an image: final (what the network hands on), cls (class token), mean (of patch tokens or maps)",
        choices=("final", "cls", "mean"),
    ),
    Parameter("drop_path", "float", 0.0, "share of residual branches left out of the student", minimum=0, maximum=0.9),
    Parameter(
        "head_layers", "int", 3, "linear layers of the head's MLP: 3 (original), 4 (paper)", minimum=1, maximum=8
    ),
    Parameter("hidden", "int", 2048, "width of the head's hidden layers", minimum=2),
    Parameter("bottleneck", "int", 256, "width of the head's last hidden result", minimum=2),
    Parameter("outputs", "int", 0, "K, the head's outputs, at least 2; 0: 1024 for small, else 65536", minimum=0),
    Parameter("norm_last", "bool", True, "keep the weights of the head's last layer at unit length"),
    Parameter("freeze_last", "int", 1, "epochs in which the head's last layer does not learn", minimum=0),
)
_VIEWS = (
    Parameter("size", "int", 64, "side of global crops, and of the model's images, pixels", minimum=16, maximum=1024),
    Parameter("local_size", "int", 32, "side of local crops, pixels", minimum=8, maximum=1024),
    Parameter("global_crops", "int", 2, "global crops of an image: the teacher's, and the student's", minimum=1),
    Parameter("local_crops", "int", 5, "local crops of an image: the student's alone", minimum=0),
    Parameter(
        "global_area",
        "floats",
        (0.5, 1.0),
        "shares of the image's area that global crops show (original: 0.4/1.0)",
        minimum=0.001,
        maximum=1,
    ),
    Parameter(
        "local_area",
        "floats",
        (0.1, 0.5),
        "shares of the image's area that local crops show (original: 0.05/0.4, made for photographs of 500 px; in an"
        " image of one cell a tenth is a square of a third of its side, which still shows a part of the cell)",
        minimum=0.001,
        maximum=1,
    ),
    Parameter(
        "views",
        "str",
        "original",
        "how views are changed: original (flips, colours, blur); paper (any rotation and perspective too); upright"
        " (paper for images that have an upper side); turned (original, turned by any angle); simclr",
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
    Parameter(
        "recipe",
        "str",
        "automatic",
        "whose values settings take that are left automatic; automatic: small below 20,000 images, else paper",
        choices=RECIPES,
    ),
    Parameter(
        "epochs",
        "int",
        0,
        "passes over all images; 0: for small so many that at least 12,000 images are seen, from 20 to 100; paper 250,"
        " original 100",
        minimum=0,
    ),
    Parameter("batch", "int", 64, "images of one step", minimum=2),
    Parameter(
        "lr",
        "float",
        0.0,
        "largest learning rate, for a batch of 256; 0: 1e-3 for small, else 5e-4",
        minimum=0,
    ),
    Parameter(
        "lr_scaling",
        "str",
        "automatic",
        "how the rate follows the batch: linear, lr x batch/256; root, lr x (batch/256)^1/2, which suits Adam;"
        " automatic: root for small, else linear",
        choices=("automatic", "linear", "root"),
    ),
    Parameter(
        "backbone_lr",
        "float",
        0.0,
        "share of the learning rate that the backbone takes; 0: 1, but from trained weights 0.2 for small",
        minimum=0,
        maximum=1,
    ),
    Parameter("min_lr", "float", 1e-6, "learning rate at the end, by a cosine over the steps", minimum=0),
    Parameter(
        "warmup",
        "float",
        -1.0,
        "epochs in which the learning rate rises from 0; -1: a tenth of all steps but at most 10 epochs for small,"
        " 2 epochs for paper, 10 for original",
        minimum=-1,
    ),
    Parameter("weight_decay", "float", 0.04, "at the beginning; biases and norms have none", minimum=0),
    Parameter("final_weight_decay", "float", 0.4, "at the end, by a cosine over the steps", minimum=0),
    Parameter("clip", "float", 3.0, "largest gradient, as clipping measures it; 0: any", minimum=0),
    Parameter(
        "clipping",
        "str",
        "tensor",
        "what clip limits: tensor, the norm of each parameter's gradient (original); norm, that of all together;"
        " adaptive, each unit's relative to its weights (paper, arXiv:2102.06171)",
        choices=("tensor", "norm", "adaptive"),
    ),
    Parameter("student_temperature", "float", 0.1, "temperature of the student's softmax", minimum=1e-3),
    Parameter("teacher_temperature", "float", 0.0, "the teacher's, at first; 0: 0.02, original 0.04", minimum=0),
    Parameter(
        "final_teacher_temperature",
        "float",
        0.0,
        "after teacher_warmup epochs; 0: 0.02 for small, else 0.04",
        minimum=0,
    ),
    Parameter("teacher_warmup", "int", 10, "epochs in which the teacher's temperature rises", minimum=0),
    Parameter(
        "momentum",
        "float",
        0.0,
        "share m of itself that the teacher keeps at a step, rising to 1 by a cosine; 0: for small 1 - 2 ln(100)/steps,"
        " between 0.99 and 0.996, so that exp(-(1-m) steps/2) = 1 % of the initial teacher is left; paper 0.9995,"
        " original 0.996",
        minimum=0,
        maximum=1,
    ),
    Parameter("centre_momentum", "float", 0.9, "share of itself that the centre keeps at a step", minimum=0, maximum=1),
    Parameter(
        "precision",
        "str",
        "float32",
        "of the networks; loss and centre are float32 always. bfloat16 is faster where the hardware has it, but not"
        " for networks of depthwise convolutions",
        choices=("float32", "tf32", "bfloat16", "auto"),
    ),
)

#: What the recipes give to settings that are left automatic; the momentum of ``small`` depends on the steps.
AUTOMATIC: dict[str, dict[str, Any]] = {
    "small": {
        "outputs": 1024,
        "lr": 1e-3,
        "lr_scaling": "root",
        "teacher_temperature": 0.02,
        "final_teacher_temperature": 0.02,
    },
    "paper": {
        "outputs": 65536,
        "lr": 5e-4,
        "lr_scaling": "linear",
        "epochs": 250,
        "warmup": 2.0,
        "teacher_temperature": 0.02,
        "final_teacher_temperature": 0.04,
        "momentum": 0.9995,
    },
    "original": {
        "outputs": 65536,
        "lr": 5e-4,
        "lr_scaling": "linear",
        "epochs": 100,
        "warmup": 10.0,
        "teacher_temperature": 0.04,
        "final_teacher_temperature": 0.04,
        "momentum": 0.996,
    },
}
_LARGE = {"network": "xcit_small_12_p8_224", "size": 224, "local_size": 96, "drop_path": 0.1}
PRESETS: dict[str, dict[str, Any]] = {
    "small": {"recipe": "small", **AUTOMATIC["small"], "momentum": 0.0, "warmup": -1.0, "epochs": 0},
    "paper": {
        "recipe": "paper",
        **_LARGE,
        "network": "xcit_small_12_p8_224.fb_dist_in1k",
        "start": "published",
        **AUTOMATIC["paper"],
        "drop_path": 0.0,
        "head_layers": 4,
        "views": "paper",
        "global_area": (0.5, 1.0),
        "local_area": (0.1, 0.5),
        "batch": 256,
        "min_lr": 0.0,
        "clip": 0.32,
        "clipping": "adaptive",
    },
    "original": {
        "recipe": "original",
        **_LARGE,
        **AUTOMATIC["original"],
        "network": "vit_small_patch16_224",
        "local_crops": 8,
        "views": "original",
        "global_area": (0.4, 1.0),
        "local_area": (0.05, 0.4),
        "teacher_warmup": 0,
    },
}

TRAINER = TrainerSpec(
    name="dino",
    version=1,
    title="DINO: a backbone that learns from images without labels, by self-distillation",
    factory="dsim_dino.trainer:train_dino",
    produces=(Product.EXTRACTOR,),
    cost="ResNet-18 at 64 px: 37 ms an image and epoch on two cores, so 20 epochs of 600 images take 7 to 8 minutes",
    references=(
        "Caron et al. 2021, arXiv:2104.14294 (DINO)",
        "Nielsen et al. 2023, arXiv:2304.05163 (classifiers with few labels on it)",
        "Malladi et al. 2022, arXiv:2205.10287 (root scaling of Adam's rate)",
    ),
    parameters=_NETWORK + _VIEWS + _COURSE + _MODEL,
    presets=PRESETS,
    blind_to="labels and masks; what the views make invariant: crops, flips, colours, blur; for views=paper rotations",
    example={
        "network": "test_resnet",
        "epochs": 2,
        "size": 16,
        "local_size": 8,
        "local_crops": 2,
        "batch": 8,
        "outputs": 16,
        "hidden": 16,
        "bottleneck": 8,
    },
)

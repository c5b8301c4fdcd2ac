"""Declarations of ASAP: measure and trainer, parameters, presets for paper and reference code, and the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from dsim.plugin import Direction, MeasureSpec, Need, Parameter, Product, TrainerSpec, format_bracketed

ZOO_MODEL = "zoo:asap-resnet18.biomed16.r1"

_CHOICE = (
    Parameter(
        "fit",
        "str",
        "zoo",
        "zoo: use a trained model; pool: train on the given sources, as the paper does",
        choices=("zoo", "pool"),
        attribute="fitted_on",
    ),
    Parameter("model", "extractor", ZOO_MODEL, "the trained encoder that fit=zoo uses"),
)

_NETWORK = (
    Parameter("backbone", "str", "resnet18", "encoder: any timm network that gives feature maps"),
    Parameter("n_emb", "int", 2, "dimension of the latent space", minimum=1, maximum=1024),
    Parameter("size", "int", 64, "side of the square images, pixels; the aspect is ignored", minimum=32, maximum=1024),
    Parameter("minmax", "bool", True, "stretch each image to [0, 1] first (paper); the reference only divides by 255"),
    Parameter(
        "maps",
        "str",
        "stages",
        "maps whose style counts: stages, strides 4 to 32 (paper); stem, strides 2 to 16 (reference)",
        choices=("stages", "stem"),
    ),
)

_LOSS = (
    Parameter("alpha", "float", 0.5, "share of the reconstruction losses (Eq. 7)", minimum=0, maximum=1),
    Parameter("beta", "float", 0.6, "share of the losses without style (Eq. 7)", minimum=0, maximum=1),
    Parameter("w", "floats", (0.2, 0.2, 0.3, 0.3), "weight of each style map, shallow first (Eq. 4, 6)", minimum=0),
    Parameter("margin", "float", 1.0, "margin of both triplet losses (Eq. 5, 6)", minimum=0),
    Parameter(
        "gram_norm",
        "str",
        "size",
        "what Gram matrices are divided by: size, H*W*K; channels, K (reference); none (Eq. 1 to the letter)",
        choices=("size", "channels", "none"),
    ),
    Parameter("mse_reduction", "str", "mean", "Eq. 3 over an image's pixels: mean or sum", choices=("mean", "sum")),
    Parameter(
        "style_reduction",
        "str",
        "sum",
        "Eq. 4 over a Gram matrix: sum, its squared norm; mean (reference)",
        choices=("sum", "mean"),
    ),
    Parameter(
        "triplet_distance",
        "str",
        "squared",
        "distances in the triplet losses: squared (paper), euclidean (reference)",
        choices=("squared", "euclidean"),
    ),
    Parameter(
        "style_triplet",
        "str",
        "matrix",
        "Eq. 6 on whole Gram matrices (paper), or on each of their rows (reference)",
        choices=("matrix", "rows"),
    ),
    Parameter(
        "positive",
        "str",
        "distinct",
        "a positive is another image than its anchor; any: it can be the anchor (reference)",
        choices=("distinct", "any"),
    ),
    Parameter(
        "draws",
        "int",
        16,
        "triplets drawn per anchor and pass (paper: 1); more estimate the same loss with less noise",
        minimum=1,
        maximum=256,
    ),
)

_TRAINING = (
    Parameter(
        "augment",
        "str",
        "full",
        "full: flip, crop, intensity, rotate, shift, scale, noise, blur (paper); reference: the first three",
        choices=("full", "reference", "none"),
    ),
    Parameter("epochs", "int", 120, "epochs at most", minimum=1),
    Parameter("batch", "int", 64, "images per step", minimum=4),
    Parameter("optimizer", "str", "adam", "adam (paper) or sgd with momentum 0.9 (reference)", choices=("adam", "sgd")),
    Parameter("lr", "float", 1e-3, "learning rate at the start", minimum=0),
    Parameter("weight_decay", "float", 0.0, "weight decay", minimum=0),
    Parameter(
        "schedule",
        "str",
        "cosine",
        "learning rate: cosine; plateau, halved when validation stands still; step, halved every 10 epochs (reference)",
        choices=("cosine", "plateau", "step"),
    ),
    Parameter("patience", "int", 40, "epochs without a better validation loss before it stops; 0: never", minimum=0),
    Parameter(
        "split", "float", 0.2, "share of each dataset that validates; 0: none (reference)", minimum=0, maximum=0.5
    ),
    Parameter(
        "keep", "str", "best", "which weights: best on validation, or last (reference)", choices=("best", "last")
    ),
    Parameter(
        "precision",
        "str",
        "auto",
        "of the forward pass: auto takes bfloat16 where the hardware multiplies matrices in it",
        choices=("auto", "float32", "bfloat16"),
    ),
)

#: Version of the style of an image: bumped when the same options give other numbers.
_STYLE_VERSION = 1
#: Every parameter that only a training reads.
TRAINING = _NETWORK + _LOSS + _TRAINING

#: The defaults follow the paper where it is definite; these are its choices where the defaults go further.
PAPER = {
    "fit": "pool",
    "draws": 1,
    "epochs": 200,
    "schedule": "plateau",
}

#: The authors' code, in every respect in which it differs from the paper and can be followed.
REFERENCE = {
    "fit": "pool",
    "minmax": False,
    "maps": "stem",
    "gram_norm": "channels",
    "style_reduction": "mean",
    "triplet_distance": "euclidean",
    "style_triplet": "rows",
    "positive": "any",
    "draws": 1,
    "augment": "reference",
    "epochs": 100,
    "batch": 8,
    "optimizer": "sgd",
    "lr": 1e-3,
    "weight_decay": 5e-4,
    "schedule": "step",
    "patience": 0,
    "split": 0.0,
    "keep": "last",
    "precision": "float32",
}

SPEC = MeasureSpec(
    name="asap",
    version=1,
    title="ASAP: mean distance in a style-aware latent space",
    summary=(
        "A small autoencoder is trained on the sources so that images of one dataset fall close together on a "
        "map, by what they show and by how they look (their style). Two datasets are as near as their images on "
        "that map. Choose it to pick a source for segmentation when you have images only, and want a picture of "
        "where all datasets lie; train it on your own sources when they differ much from those of the shipped "
        "model."
    ),
    factory="dsim_asap.measure:Asap",
    needs=frozenset({Need.IMAGES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=False,
    formula="mean over all pairs of |z_i - z_j|, where z is an image's point in the autoencoder's latent space",
    cost="one forward pass per image (0.15 GMAC at 64 px); a pair of datasets costs n m distances in the plane",
    references=(
        "M. Molina-Moreno, M. P. Schilling, M. Reischl, R. Mikut: ASAP: Automated Style-Aware Similarity Measurement"
        " for Selection of Annotated Pre-training Datasets in 2D Biomedical Imaging. IEEE Access, 2024.",
        "https://github.com/miguel55/ASAP",
    ),
    min_samples=1,
    bounds=(0.0, float("inf")),
    unit="",
    resamples=True,
    two_sample=True,
    embeds=True,
    fits_pool=True,
    parameters=_CHOICE + TRAINING,
    presets={"paper": PAPER, "reference": REFERENCE},
    blind_to="what is annotated; anything smaller than a 64th of the image's side; aspect; how broad a dataset is by"
    " itself, since a broad one lies far even from its own kind",
)

#: Parameters of a run of the trainer besides those of the training itself.
_MODEL = (
    Parameter("id", "str", "asap-resnet18.local.r1", "the model's id, ARCHITECTURE.TRAINING.REVISION"),
    Parameter("title", "str", "ASAP, trained by dsim train", "one line that says what it is"),
    Parameter("licence", "str", "not stated", "the licence of the weights"),
    Parameter(
        "holdout",
        "float",
        0.2,
        "share of each dataset that is never trained on, and judges the model",
        minimum=0,
        maximum=0.9,
    ),
    Parameter(
        "blocks",
        "int",
        10,
        "runs of neighbouring images that stay together where a dataset has no groups; 0: images alone",
        minimum=0,
    ),
)

TRAINER = TrainerSpec(
    name="asap",
    version=1,
    title="ASAP: an encoder in whose latent space alike datasets lie near each other",
    factory="dsim_asap.trainer:train_model",
    produces=(Product.MEASURE_MODEL, Product.EXTRACTOR),
    cost="half an hour for 16 datasets of 60 images at 64 px on two cores",
    references=SPEC.references,
    min_datasets=2,
    parameters=_MODEL + TRAINING,
    presets={
        name: {key: value for key, value in values.items() if key != "fit"} for name, values in SPEC.presets.items()
    },
    blind_to=SPEC.blind_to,
    example={"epochs": 2, "draws": 1, "size": 32, "batch": 8, "augment": "none", "holdout": 0.25, "blocks": 4},
)


@dataclass(frozen=True)
class AsapRecipe:
    """All that a training depends on besides images and seed; the fields are the parameters of a training."""

    backbone: str
    n_emb: int
    size: int
    minmax: bool
    maps: str
    alpha: float
    beta: float
    w: tuple[float, ...]
    margin: float
    gram_norm: str
    mse_reduction: str
    style_reduction: str
    triplet_distance: str
    style_triplet: str
    positive: str
    draws: int
    augment: str
    epochs: int
    batch: int
    optimizer: str
    lr: float
    weight_decay: float
    schedule: str
    patience: int
    split: float
    keep: str
    precision: str

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Return the recipe among the parameters of a measure."""
        return cls(**{field.name: params[field.name] for field in fields(cls)})

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values, for a manifest."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Style:
    """The style taken of feature maps: its form, dimensions of a sketch (0: none), and how the model was trained.

    ``norm`` is what its Gram matrices are divided by, ``weights`` w_p of Eq. 4 and 6, a number for each map.
    """

    form: str
    dims: int
    norm: str
    weights: tuple[float, ...]

    @property
    def id(self) -> str:
        """Canonical text, the part of a recipe's key.

        >>> Style("moments", 0, "size", (0.5, 0.5)).id
        'style@1[dims=0,form=moments,norm=size,w=0.5+0.5]'
        """
        w = "+".join(format(weight, "g") for weight in self.weights)
        options = {"form": self.form, "dims": str(self.dims), "norm": self.norm, "w": w}
        return format_bracketed(f"style@{_STYLE_VERSION}", options)

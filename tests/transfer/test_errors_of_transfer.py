"""The errors of training and pre-labelling that no other test holds, word for word: the thing, the cause, the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dsim.data import from_arrays
from dsim.data.splits import target_folds
from dsim.errors import DsimError
from dsim.learning import TrainingConfig, named_schedule
from dsim.models import SegmentationRecipe, as_rgb, open_segmenter
from dsim.prelabel import Model, Settings, prelabel
from dsim.recommend.pool import write
from dsim.runtime import Runtime
from dsim.transfer.classification import objective as classifiers
from dsim.transfer.classification.experiment import unseen_images as unseen_classes
from dsim.transfer.classification.objective import check_labels
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.transfer.segmentation import experiment
from dsim.transfer.segmentation.experiment import Scenario
from dsim.transfer.segmentation.measurement import _check_target, check_experiment
from dsim.zoo import find
from dsim.zoo.manifest import read_manifest

PIXELS = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8)
MODEL = "asap-resnet18.biomed16.r1"


def cells(**more: Any) -> Any:
    return from_arrays(PIXELS, name="cells", **more)


def scored() -> object:
    """A target that is the source: nothing of it is unseen."""
    seen = tuple({"image_digests": (digest,)} for digest in cells().image_digests)
    return experiment._unseen(SimpleNamespace(trained_on=seen), cells(), [0, 1])  # type: ignore[arg-type]


def refusing(message: str) -> Callable[..., Any]:
    def refuse(*args: object, **options: object) -> None:
        raise ValueError(message)

    return refuse


def manifest() -> object:
    Path("manifest.toml").write_text("id =")
    return read_manifest(Path())


def keys() -> object:
    Path("manifest.toml").write_text('id = "mine"')
    return read_manifest(Path())


def threshold() -> object:
    model = Model("mine", "digest", lambda pixels: pixels[..., 0])  # type: ignore[arg-type, return-value]
    return prelabel(cells(), model, Path("out"), settings=Settings(threshold=2.0))


WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "unknown preset": (
        lambda: ClassificationRecipe.preset("cat"),
        "no preset named 'cat'. Did you mean 'cats'?\n  fix: presets are: cats",
    ),
    "unknown network": (
        lambda: ClassificationRecipe(network="resnet18"),
        "no network named 'resnet18'.",
    ),
    "unknown encoder": (lambda: SegmentationRecipe(encoder="resnet18"), "no encoder named 'resnet18'."),
    "unknown rate": (
        lambda: named_schedule("cosinus", 0.1),
        "no schedule named 'cosinus'. Did you mean 'cosine'?\n  fix: choose one of: ",
    ),
    "no epochs": (
        lambda: TrainingConfig(0),
        "nothing can be trained with epochs=0, patience=0, lr=0.001, clip=0\n  fix: epochs and lr must be positive",
    ),
    "random weights as published ones": (
        lambda: classifiers.find_published("timm:resnet18[init=random:0]", ClassificationRecipe(), Runtime()),
        "'timm:resnet18[init=random:0]' asks for random weights\n  fix: that is the baseline; leave --imagenet away",
    ),
    "no repetitions": (
        lambda: check_experiment(None, 0),  # type: ignore[arg-type]
        "0 repetitions measure nothing\n  fix: give 3 or more",
    ),
    "a target of one image": (
        lambda: _check_target(None, cells().subset([0])),  # type: ignore[arg-type]
        "target 'cells' has one image, which says nothing of the others\n  fix: give a target of several",
    ),
    "deep images in the zoo": (
        lambda: write(from_arrays(PIXELS.astype(np.uint16), name="deep"), Path(), Runtime()),
        "'deep' has images that are not known to have 8 bits\n  fix: convert them to 8 bits first",
    ),
    "unknown scenario": (
        lambda: Scenario.parse("finetune:0"),
        "there is no scenario 'finetune:0': K is a number of annotated images\n"
        "  fix: give prelabel, finetune:5 or scratch:5",
    ),
    "no annotated images": (
        lambda: Scenario.parse("prelabel:5"),
        "there is no scenario 'prelabel:5': prelabel annotates no image\n  fix: give prelabel, finetune:5 or scratch:5",
    ),
    "channels": (
        lambda: as_rgb(np.zeros((4, 4, 5)), "image 'a' of 'cells'"),
        "image 'a' of 'cells' has 5 channels, and the networks take gray or RGB images\n"
        "  fix: write the channels to use as gray or RGB images",
    ),
    "an image without a label": (
        lambda: check_labels(cells(labels=["a", "", "b", ""]), "this"),
        "2 images of 'cells' have no label, the first '1'\n  fix: label them, or leave them out",
    ),
    "a fold of one class": (
        lambda: target_folds(cells(labels=["a", "a", "a", "b"]), 2, tested=0.5, neighbours=1, seed=0),
        " images of one class\n  fix: give fewer folds (--folds), more images, or smaller groups (--set neighbours=1)",
    ),
    "all classes seen": (
        lambda: unseen_classes(
            SimpleNamespace(source=cells()),  # type: ignore[arg-type]
            cells(labels=list("abab")),
            [0, 1],
        ),
        "2 of 2 images to be scored are in the source too, and the others are not of two classes\n"
        "  fix: give sources and targets that share fewer images",
    ),
    "all images seen": (
        scored,
        "the model was trained on every image of 'cells' that could be scored\n"
        "  fix: give the target images that no source holds",
    ),
    "a model that does not segment": (
        lambda: open_segmenter(find(MODEL), Runtime(device="cpu")),
        f"zoo model '{MODEL}' does not segment\n  fix: choose a segmentation model: dsim zoo list",
    ),
    "a manifest that is no TOML": (manifest, "manifest.toml is not TOML: "),
    "a manifest without keys": (keys, "is missing\n  fix: the keys of a manifest are listed in docs/features.md"),
    "a threshold that tells nothing": (
        threshold,
        "by a threshold of 2\n  fix: give 0.5",
    ),
}


def message_of(act: Callable[[], object]) -> str:
    with pytest.raises(DsimError) as caught:
        act()
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize(("act", "expected"), WORDING.values(), ids=WORDING)
def test_wording_of_transfer(
    act: Callable[[], object], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in message_of(act)


def test_wording_of_networks_that_cannot_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    network = ClassificationRecipe(network="timm:resnet18")
    assert message_of(
        lambda: classifiers.build_classifier(ClassificationRecipe(network="timm:resnet181"), 2, 0)
    ).startswith("no network of timm named 'resnet181'. Did you mean 'resnet18'?\n  fix: timm.list_models() lists them")
    monkeypatch.setattr("dsim.models.timm_body", refusing("no head"))
    assert message_of(lambda: classifiers.build_classifier(network, 2, 0)) == (
        "timm's 'resnet18' cannot be a classifier here: no head\n"
        "  fix: give network=plain, or another network of timm, such as timm:resnet18"
    )
    blueprint = SimpleNamespace(recipe=SimpleNamespace(network="timm:resnet50", weights="a1"))
    monkeypatch.setattr(classifiers, "_prepared", lambda reference, runtime: blueprint)
    assert message_of(lambda: classifiers.find_published("timm:resnet50.a1", network, Runtime())) == (
        "timm:resnet50.a1 holds weights of timm:resnet50, and the recipe's network is timm:resnet18\n"
        "  fix: give --set network=timm:resnet50, so that all sources have the same network"
    )
    encoder = SegmentationRecipe(encoder="timm:resnet18")
    monkeypatch.setattr("dsim.models.unet.timm_encoder", lambda name: (None, {}))
    monkeypatch.setattr("dsim.models.unet.EncoderUNet", lambda encoder: SimpleNamespace(stride=7))
    assert message_of(lambda: encoder.build(0)).startswith("timm's 'resnet18' makes sides 7 times smaller\n  fix: ")

"""The errors of the built-in measures that no other test holds, word for word: the thing, the cause, the fix."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data.splits import exchange_images
from dsim.embeddings import LatentModel
from dsim.errors import DsimError
from dsim.features import recipe
from dsim.learning.images import _validates, gather_pool
from dsim.runtime import Runtime
from dsim.stats.c2st import HeldOut
from dsim_asap.extension import Order, _recipe, open_parent
from dsim_asap.model import _backbone, _check_size, _chosen_maps
from dsim_asap.studies import coherence, placement
from dsim_asap.studies.ablation import read_variants
from dsim_asap.studies.robustness import read_shares
from dsim_asap.studies.search import Search, parse_over
from dsim_asap.trainer import choose_or_fit
from dsim_dino.extractor import _transform
from dsim_dino.measure import _defined
from dsim_distributions.overlap import _value
from dsim_expert.commands import _observer
from dsim_kld.commands import fingerprint
from dsim_task2vec import fisher as variational
from dsim_task2vec.embedding import find_task
from dsim_task2vec.probe import Head, Probe, fit_head
from dsim_transferability.cc_fv import Cells

SEGMENTER = "unet8.drive.r1"
ASAP = "zoo:asap-resnet18.biomed16.r1"
CPU = Runtime(device="cpu")


def extension(**changed: Any) -> object:
    return _recipe(SimpleNamespace(recipe_with=lambda settings: None), Order(**changed))  # type: ignore[arg-type]


def architecture(**changed: Any) -> Any:
    return SimpleNamespace(**{"backbone": "resnet18", "size": 32, "n_maps": 3, "maps": "stem", **changed})


def search(count: int, split: float = 0.2) -> object:
    return Search((), {"split": split}, ({},) * count, 0, 1).check()


def flat_target() -> object:
    cells = Cells(np.ones((8, 2), np.float32), np.arange(8) // 4, np.arange(8) % 2, np.zeros((2, 0)), np.zeros(0), 2, 2)
    return dsim.build_measure("cc-fv").compare(cells, cells)


def one_class() -> Any:
    from dsim.measures import DatasetView
    from dsim.registry import Need

    given = dsim.from_arrays(features=np.zeros((2, 3)), labels=["a", "a"], name="cells")
    return DatasetView(given, frozenset({Need.FEATURES, Need.LABELS}), "task2vec", CPU)


ASAP_WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "a variant": (lambda: read_variants("ae,vea"), "no variant named 'vea'."),
    "shares": (
        lambda: read_shares("half"),
        "--shares half are not shares of images\n  fix: write --shares 0.05,0.1,0.2,0.5",
    ),
    "a share": (
        lambda: exchange_images([], 2.0, 0),
        "a share of 2 of the images cannot be exchanged\n  fix: give one above 0",
    ),
    "wrong membership of one": (
        lambda: exchange_images([dsim.from_arrays(np.zeros((2, 4, 4), np.uint8))], 0.5, 0),
        "wrong membership needs two datasets at least\n  fix: give more --sources",
    ),
    "a pool of one": (
        lambda: gather_pool([("cells", "abcd")], None, 0.5, None),  # type: ignore[arg-type]
        "a training on a pool takes two datasets at least\n  fix: give more, or use a trained model",
    ),
    "nothing to place": (
        lambda: placement._check([], ["a"], None),
        "give images to place, or --dataset to look through\n  fix: one of both; --help shows how",
    ),
    "no model for style": (
        lambda: recipe("asap-style:resnet18", CPU),
        "asap-style takes a trained model, not 'resnet18'\n  fix: ",
    ),
    "a method": (
        lambda: extension(method="memory"),
        "no method of extension named 'memory'.\n  fix: use distillation or rehearsal",
    ),
    "one image": (
        lambda: extension(images=1),
        "1 images of a new dataset make no pair\n  fix: give 2 at least",
    ),
    "alpha of nothing": (
        lambda: extension(method="rehearsal", settings={"alpha": "0.5"}),
        "alpha is the share of what is held, and rehearsal holds nothing\n  fix: leave alpha out",
    ),
    "a parent of another kind": (
        lambda: open_parent(f"zoo:{SEGMENTER}"),
        f"{SEGMENTER} is not an ASAP model, so it cannot be extended\n  fix: give one: dsim zoo list",
    ),
    "points of another kind": (
        lambda: LatentModel(f"zoo:{SEGMENTER}", "mine").model,
        f"zoo:{SEGMENTER} gives segmentation, not points of a latent space\n"
        "  fix: choose a model whose output is latent: dsim zoo list",
    ),
    "a model to train": (
        lambda: choose_or_fit(ASAP, [], True, [], 0, CPU),
        "--fit trains a model, so it does not take one\n  fix: leave out --model, or --fit",
    ),
    "a model to fit": (
        lambda: dsim.build_measure("asap:fit=pool,model=zoo:mine"),
        "asap:fit=pool trains a model, so it takes none\n  fix: leave model out, or fit=pool",
    ),
    "a size": (
        lambda: _check_size(architecture(size=33), 32),
        "size 33 cannot be rebuilt: it is not a multiple of 32\n"
        "  fix: backbone 'resnet18' halves an image down to 1/32;",
    ),
    "maps": (
        lambda: _chosen_maps(architecture(n_maps=9), 5),
        "backbone 'resnet18' gives 5 feature maps, but 9 style weights are given\n"
        "  fix: give one weight w per map, or another backbone",
    ),
    "a backbone": (
        lambda: _backbone("resnet"),
        "backbone 'resnet' is not a timm network with feature maps: ",
    ),
    "few images": (
        lambda: _validates("cells", "ab", 0.5, None),  # type: ignore[arg-type]
        "dataset 'cells' leaves fewer than two images to train on\n  fix: give more images, or leave it out",
    ),
    "nothing held out": (
        lambda: coherence._trial(0, None, [SimpleNamespace(held=None)], [], CPU),  # type: ignore[arg-type, list-item]
        "no image of these datasets was held out\n  fix: give more images, or a larger --holdout",
    ),
    "nothing to search": (lambda: parse_over(""), "nothing to search over\n  fix: give --over "),
    "a parameter to search": (
        lambda: parse_over("alfa"),
        "no parameter to search over named 'alfa'. Did you mean 'alpha'?\n  fix: choose from ",
    ),
    "shares to search": (
        lambda: parse_over("w=1"),
        "w is searched over all its shares\n  fix: write --over w, and --set w=... for fixed ones",
    ),
    "one setting": (
        lambda: search(1),
        "one setting is not a search\n  fix: give more --trials, or more values in --over",
    ),
    "a form of style": (
        lambda: recipe(f"asap-style:{ASAP}[form=gramm]", CPU),
        "no form named 'gramm'. Did you mean 'gram'?\n  fix: choose one of: gram, moments",
    ),
    "a folder with style": (
        lambda: recipe("asap-style:file:nowhere", CPU),
        "there is no folder nowhere\n  fix: ",
    ),
    "a model without style": (
        lambda: recipe(f"asap-style:zoo:{SEGMENTER}", CPU),
        f"zoo:{SEGMENTER} is not an ASAP model, so it has no style of it\n  fix: ",
    ),
    "dims of moments": (
        lambda: recipe(f"asap-style:{ASAP}[form=moments,dims=8]", CPU),
        "dims=8 is of form=gram; form=moments is not a sketch\n  fix: leave dims out",
    ),
    "dims": (
        lambda: recipe(f"asap-style:{ASAP}[dims=many]", CPU),
        "dims cannot be 'many'\n  fix: give a whole number from 1 to 65536: dims=512",
    ),
}

OTHER_WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "a transform of one channel": (
        lambda: _transform("xcit", {"transform": "square@1[side=8,channels=1]"}),
        "gives images of one channel, and xcit takes three\n  fix: write transform=square@1[side=224,channels=3]",
    ),
    "no nearest image": (
        lambda: _defined(float("nan")),
        "all images of a dataset have the same features: none has a nearest other image\n  fix: give images",
    ),
    "no fold of both": (
        lambda: _value(HeldOut(np.ones(2), np.ones(2), np.array([0, 0]), np.array([1, 1]))),
        "no fold holds images of both datasets\n  fix: give more images, or fewer folds",
    ),
    "a fingerprint's file": (
        lambda: fingerprint.main(["write", "phantoms:xray", "--out", "x.npz"], standalone_mode=False),
        "cannot write a fingerprint to x.npz\n  fix: end its name in .json",
    ),
    "features that are alike": (
        lambda: fit_head(np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]), np.full(4, 0.25), 0.1),
        "the features of all 4 images are alike\n  fix: give images that differ",
    ),
    "a target that does not vary": (
        flat_target,
        "the target's features do not vary as the source's head sees them\n  fix: give target images that differ",
    ),
    "a table of ratings": (
        lambda: _observer("ann", Path("x.json")),
        "cannot write ratings to x.json: they are a table\n  fix: end its name in .csv",
    ),
    "a probe that is no network": (
        lambda: Probe("pixels:", CPU, batchnorm=True),
        "'pixels:' is not a network, so it has no filters\n  fix: give a probe such as timm:...",
    ),
    "an ensemble of one source": (
        lambda: dsim.build_measure("ensemble").fit([None], np.random.default_rng(0)),  # type: ignore[list-item]
        "an ensemble ranks sources among each other, and there are 1\n  fix: give at least ",
    ),
    "a task of one class": (
        lambda: find_task(
            one_class(),
            np.zeros((2, 3), np.float32),
            "given",
            2,
            np.random.default_rng(0),
        ),
        "all 2 images of 'cells' have the label 'a', and a task needs two classes\n"
        "  fix: use clusters of the features as classes: task2vec:labels=clusters",
    ),
}


@pytest.mark.parametrize(
    ("act", "expected"), [*ASAP_WORDING.values(), *OTHER_WORDING.values()], ids=[*ASAP_WORDING, *OTHER_WORDING]
)
def test_wording_of_plugins(
    act: Callable[[], object], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DsimError) as caught:
        act()
    assert expected in str(caught.value)
    assert caught.value.hint


def test_wording_of_an_optimisation_that_diverged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variational._Noise, "precisions", lambda noise: (np.array([np.nan]), np.ones(1)))
    probe: Any = SimpleNamespace(network=SimpleNamespace(device="cpu"), layers=(), tapped=lambda tap: nullcontext())
    settings: Any = SimpleNamespace(steps=0)
    codes = np.array([0, 1])
    with pytest.raises(DsimError) as caught:
        variational.variational_precision(
            probe,
            None,
            codes,
            codes,
            np.ones(2),
            Head(np.ones((2, 3)), np.zeros(2)),
            settings,
            np.random.default_rng(0),  # type: ignore[arg-type]
        )
    assert str(caught.value) == "the variational optimisation diverged\n  fix: use fisher=exact"

"""Declarations of the measures of what models do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsim.plugin import Direction, MeasureSpec, Need, Parameter

IMAGES = Parameter("images", "int", 32, "images of the target that are looked at, spread evenly", minimum=1)

_COMMON: dict[str, Any] = {
    "version": 1,
    "needs": frozenset({Need.IMAGES}),
    "source_needs": frozenset({Need.MODEL}),
    "direction": Direction.SIMILARITY,
    "symmetric": False,
    "self_is_optimal": False,
    "bounds": (0.0, 1.0),
    "min_samples": 1,
    "resamples": True,
    "fits_pool": True,
}

#: Each is looked at nine times.
FEWER_IMAGES = replace(IMAGES, default=16)

CONSISTENCY = MeasureSpec(
    name="consistency",
    title="Agreement of a model's masks before and after the image is perturbed",
    summary=(
        "The segmentation model of each source is applied to the target's images, and again to the same images "
        "flipped, turned, brightened, blurred and so on; a model that fits gives the same masks. It asks for no "
        "annotation and no image of the source. Alone it is a trap: a model that marks the wrong thing firmly is "
        "consistent too. Choose it beside other signals, or among models that were trained for one task."
    ),
    factory="dsim_models.consistency:Consistency",
    formula="mean over images and perturbations of |A and B| / |A or B| (agree=dice: Dice), "
    "A the mask of the image and B that of the perturbed one, put back; 0 where A marks nothing or everything",
    cost="nine passes of each source's model over the images that are looked at",
    references=("Talks and Kreshuk 2025, arXiv:2503.00450",),
    parameters=(
        FEWER_IMAGES,
        Parameter(
            "perturb",
            "str",
            "input",
            "input: eight changes of the image; dropout: channels of the network's coarsest features are dropped",
            choices=("input", "dropout"),
        ),
        Parameter(
            "strength", "float", 0.5, "how far gamma, contrast, noise, blur and dropout go", minimum=0.0, maximum=1.0
        ),
        Parameter(
            "agree",
            "str",
            "hamming",
            "hamming: share of agreeing pixels among those that either mask marks (paper); dice",
            choices=("hamming", "dice"),
        ),
    ),
    blind_to="whether the model segments what you want: it assumes that all candidates do",
    **_COMMON,
)

CONSENSUS = MeasureSpec(
    name="consensus",
    title="Agreement of a model's masks with those of the other sources' models",
    summary=(
        "The segmentation models of all sources are applied to the target's images; a source is as similar as its "
        "model's masks agree with those of the others. Right masks look alike, wrong ones are wrong in many ways. "
        "Choose it beside other signals, with at least two models that were not trained on the target, and where the "
        "majority is not at fault in the same way."
    ),
    factory="dsim_models.consensus:Consensus",
    formula="mean over images and other models of the Dice of both masks, 2 |A and B| / (|A| + |B|); "
    "0 where the model marks nothing or everything",
    cost="one pass of each source's model over the images that are looked at",
    references=(
        "consensus as a prior of active model selection: CODA, arXiv:2507.23771",
        "Dice 1945, doi:10.2307/1932409",
    ),
    parameters=(IMAGES,),
    blind_to="errors that most candidates share; its value depends on which other sources are compared",
    **_COMMON,
)

EDGE_AGREEMENT = MeasureSpec(
    name="edge-agreement",
    title="Whether the outlines of a model's masks follow the image's edges",
    summary=(
        "The segmentation model of each source is applied to the target's images; a source is similar where the "
        "outlines that its model draws run along edges of the image. Choose it for objects with visible borders, "
        "beside other signals; textures have edges everywhere."
    ),
    factory="dsim_models.edges:EdgeAgreement",
    formula="mean over images of r / (1 + r), r the mean gradient magnitude at the mask's outline "
    "over that of the whole image; 0 where the model marks nothing or everything",
    cost="one pass of each source's model over the images that are looked at",
    references=(
        "this plugin; of the kind of unsupervised criteria of Zhang et al. 2008, doi:10.1016/j.cviu.2007.08.003",
    ),
    parameters=(IMAGES,),
    blind_to="objects without visible borders; a model that outlines edges which you do not want",
    **_COMMON,
)

REVERSE_ACCURACY = MeasureSpec(
    name="reverse-accuracy",
    title="Whether the target's predicted masks teach how to segment the source",
    summary=(
        "A small network is trained, quickly, on the target's images with the masks that a source's model predicts "
        "there, and scored on the source's own annotated images. Where the predicted masks were right, it has learnt "
        "something of use. Choose it where sources have images and masks besides their models, and time allows."
    ),
    factory="dsim_models.reverse:ReverseAccuracy",
    formula="mean Dice on the source's annotated images of a U-Net that was trained on the target's images with the "
    "masks that the source's model predicts; 0 where these mark nothing or everything",
    cost="a training of some seconds for each source and target",
    references=("Valindria et al. 2017, doi:10.1109/TMI.2017.2665165",),
    parameters=(
        IMAGES,
        Parameter("steps", "int", 40, "training steps of eight images", minimum=1, maximum=10000),
        Parameter("width", "int", 8, "channels of the U-Net at full resolution", minimum=2, maximum=64),
        Parameter("side", "int", 48, "side that images are scaled to, pixels", minimum=16, maximum=512),
    ),
    blind_to="a source's model that is right where the target's images look quite unlike the source's",
    **_COMMON,
)

SPECS = (CONSISTENCY, CONSENSUS, EDGE_AGREEMENT, REVERSE_ACCURACY)

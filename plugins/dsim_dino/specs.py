"""Declarations of the plugin: a kind of extractor, and a measure on its features."""

from __future__ import annotations

from dataclasses import replace

from dsim.plugin import EXTRACTOR, Direction, ExtractorSpec, Law, MeasureSpec, Need, Parameter

EXTRACTORS = (
    ExtractorSpec(
        kind="dino",
        title="a backbone trained by DINO, as dino:vit_small_patch16_224, or dino:xcit_small_12_p8_224[weights=FILE]",
        factory="dsim_dino.extractor:prepare",
    ),
)

#: Networks that DINO trains at once: either may be taken from a checkpoint.
BRANCHES = ("teacher", "student")
STATISTICS = ("energy", "mmd", "frechet", "nearest")

_PAIRS = "pairs of different images only, so that one population gives 0: copies of an image are not such a pair"

DINO = MeasureSpec(
    name="dino",
    version=1,
    title="Distance of self-supervised features (DINO)",
    summary=(
        "Images pass a network that has learned to see without labels, and the two clouds of its features are "
        "compared. Choose it when you have images only, and do not want labels of photographs, on which most "
        "networks were trained, to decide what is alike. The network is downloaded once."
    ),
    factory="dsim_dino.measure:Dino",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="energy: 2 E|x - y| - E|x - x'| - E|y - y'|; mmd: E k(x, x') + E k(y, y') - 2 E k(x, y); "
    "frechet: |m - m'|^2 + tr(S + S' - 2 (S S')^1/2); nearest: share of images nearest to one of their own dataset",
    cost="one forward pass per image (784 patches of 8 px by default); a pair of datasets costs n m d, "
    "with frechet min(n, m, d)^3",
    references=(
        "Caron et al. 2021, arXiv:2104.14294 (DINO)",
        "El-Nouby et al. 2021, arXiv:2106.09681 (XCiT)",
        "Lopez-Paz and Oquab 2017, arXiv:1610.06545 (nearest)",
    ),
    min_samples=2,
    resamples=True,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_EQUIVARIANT}),
    parameters=(
        replace(EXTRACTOR, default="dino:xcit_small_12_p8_224"),
        Parameter(
            "statistic",
            "str",
            "energy",
            "distance of the two clouds of features; energy and mmd are 0 on average for one population at any n",
            choices=STATISTICS,
        ),
    ),
    blind_to="what the backbone's training made invariant: crops, flips, colour jitter, blur; labels and masks; details"
    " smaller than a patch of the resized image",
    expected_failures={"duplication": _PAIRS, "resampling": _PAIRS},
)

MEASURES = (DINO,)

"""Declaration of the divergence of task fingerprints."""

from __future__ import annotations

import math

from dsim.plugin import EXTRACTOR, Direction, MeasureSpec, Need, Parameter

MEAN, BINNED, BKLD = "mean", "binned", "bkld"
TARGET, ALIKE = "target", "none"

KLD_TF = MeasureSpec(
    name="kld-tf",
    version=1,
    title="Kullback-Leibler divergence of task fingerprints",
    summary=(
        "Each dataset is reduced to a fingerprint: the mean and the histogram of each feature of a network. "
        "Fingerprints are compared. Choose it when images may not leave a hospital: a fingerprint is a small file "
        "that holds no image (dsim fingerprint write)."
    ),
    factory="dsim_kld.measure:FingerprintDivergence",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=False,
    # True of mean and binned, where it is 0; the softmax of bkld makes a dataset differ from itself.
    self_is_optimal=False,
    formula=(
        "binned: mean over features of KL(source || target) of smoothed histograms over bins that all datasets share; "
        "mean: KL(source || target) of the mean features, divided by their sum; "
        "bkld: weighted mean over features of KL(target || softmax(source)) of the histograms"
    ),
    cost="n images of d features, b bins: n d log b to summarise, in memory that does not grow with n; d b per pair",
    references=(
        "Godau and Maier-Hein 2021, arXiv:2107.03949, doi:10.1007/978-3-030-87202-1_42",
        "Godau et al. 2024, arXiv:2412.08763",
        "Bhattacharjee et al. 2020 (P2L), arXiv:1908.07630",
    ),
    bounds=(0.0, math.inf),
    unit="nats",
    resamples=True,
    two_sample=True,
    parameters=(
        EXTRACTOR,
        Parameter(
            "variant",
            "str",
            BINNED,
            "binned: histograms, finite for any features; mean: the paper's mean features, which must not be negative; "
            "bkld: the weighted histograms of arXiv:2412.08763",
            choices=(BINNED, MEAN, BKLD),
        ),
        Parameter("bins", "int", 50, "bins per feature (binned, bkld)", minimum=2, maximum=1000),
        Parameter(
            "scale", "float", 0.1, "where bins pass from equal to proportional width (binned, bkld)", minimum=1e-9
        ),
        Parameter(
            "smoothing",
            "float",
            0.1,
            "share of the uniform distribution in each histogram (binned)",
            minimum=1e-6,
            maximum=1.0,
        ),
        Parameter(
            "weights",
            "str",
            TARGET,
            "target: features count by the softmax of the target's mean features; none: all alike (bkld)",
            choices=(TARGET, ALIKE),
        ),
    ),
    presets={
        "paper": {"variant": MEAN, "extractor": "timm:resnet34.a1_in1k"},
        "bkld": {"variant": BKLD, "bins": 100, "extractor": "timm:resnet34.a1_in1k"},
        "bkld-large": {"variant": BKLD, "bins": 1000, "weights": ALIKE, "extractor": "timm:resnet34.a1_in1k"},
    },
    blind_to=(
        "labels and masks; how features occur together: every feature is looked at alone. mean sees nothing but the "
        "proportions of the mean features, not even their common factor"
    ),
)

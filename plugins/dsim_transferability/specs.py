"""Declarations of the transferability measures."""

from __future__ import annotations

import math

from dsim.plugin import EXTRACTOR, Direction, Law, MeasureSpec, Need, Parameter
from dsim_transferability.descriptions import DESCRIPTIONS

_REPRESENTATION = Parameter(
    "representation",
    "str",
    "probe",
    "what the target is seen through: probe, the source's labels' head on the extractor; extractor, no source at all",
    choices=("probe", "extractor"),
)
_PENALTY = Parameter(
    "penalty", "float", 10.0, "penalty on squared weights of the source's head; larger is smoother", minimum=1e-6
)
_NEEDS = frozenset({Need.FEATURES, Need.LABELS})
_BLIND = (
    "what fine-tuning can still change: the source is a linear head on one fixed extractor; and, for a source with few "
    "classes, all but as many directions less one"
)

#: Why checks of the conformance kit are failed by intent. Its ladder moves all classes alike; ladders that these scores
#: follow, of labels that mean ever less, are in tests/plugins/dsim_transferability.
_SAME_TASK = "every rung teaches the same directions: a shift of all classes does not change the task"
_ONE_PRIOR = "the penalty of the source's head is one prior for any n: twice the images teach sharper posteriors"
_EXPECTED = {
    "logme": {"direction": _SAME_TASK, "monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "leep": {"direction": _SAME_TASK, "monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "nleep": {"monotone": _SAME_TASK},
    "h-score": {"monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "gbc": {"direction": _SAME_TASK, "monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "parc": {"monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "cc-fv": {"duplication": _ONE_PRIOR},
}


def _spec(
    name: str,
    title: str,
    measure: str,
    formula: str,
    cost: str,
    references: tuple[str, ...],
    bounds: tuple[float, float],
    *parameters: Parameter,
    blind_to: str = _BLIND,
) -> MeasureSpec:
    return MeasureSpec(
        name=name,
        version=1,
        title=title,
        summary=DESCRIPTIONS[name],
        factory=f"dsim_transferability.scores:{measure}",
        needs=_NEEDS,
        direction=Direction.SIMILARITY,
        symmetric=False,
        self_is_optimal=False,
        formula=formula,
        cost=f"n images of d features, C classes: one head per dataset, tens of n d C; {cost}",
        references=references,
        min_samples=4,
        bounds=bounds,
        laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_INVARIANT}),
        resamples=True,
        replicates=0,
        parameters=(EXTRACTOR, *parameters, _PENALTY),
        blind_to=blind_to,
        expected_failures=_EXPECTED[name],
    )


LOGME = _spec(
    "logme",
    "Logarithm of maximum evidence",
    "LogMe",
    "mean over target classes c of max over alpha, beta of log p(y_c | F, alpha, beta) / n, F = the target through the "
    "source's head",
    "n k^2 per pair, k <= the source's classes",
    ("You, Liu, Wang and Long 2021, arXiv:2102.11005",),
    (-math.inf, math.inf),
    _REPRESENTATION,
)

LEEP = _spec(
    "leep",
    "Log expected empirical prediction",
    "Leep",
    "mean over target images of log sum_z P(y | z) theta(x)_z, theta = the source head's posteriors of its classes z",
    "n d C per pair",
    ("Nguyen, Hassner, Seeger and Archambeau 2020, arXiv:2002.12462",),
    (-math.inf, 0.0),
    Parameter(
        "centre",
        "str",
        "target",
        "where the head takes the target's mean to be: target, at the source's own mean; source, where it is",
        choices=("target", "source"),
    ),
    blind_to=_BLIND
    + "; with centre=source, targets so far away that the head gives all images one class: the score is "
    "then minus the entropy of the target's labels",
)

NLEEP = _spec(
    "nleep",
    "Log expected empirical prediction of a Gaussian mixture",
    "Nleep",
    "LEEP of the posteriors of a Gaussian mixture of 5 C components, fitted to the target through the source's head",
    "a mixture of 5 C Gaussians per pair",
    ("Li et al. 2021, arXiv:2011.11200",),
    (-math.inf, 0.0),
    _REPRESENTATION,
    Parameter("components", "int", 5, "Gaussians per class of the target", minimum=1, maximum=100),
)

H_SCORE = _spec(
    "h-score",
    "H-score",
    "HScore",
    "tr(cov_a(f)^-1 (1 - a) cov(E[f | y])), f = the target through the source's head, cov_a the Ledoit-Wolf covariance "
    "(plain: a = 0)",
    "n k^2 per pair, k <= the source's classes",
    (
        "Bao et al. 2019, doi:10.1109/ICIP.2019.8803726",
        "Ibrahim, Ponomareva and Mazumder 2021, arXiv:2110.06893",
        "Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4",
    ),
    (0.0, math.inf),
    _REPRESENTATION,
    Parameter("plain", "bool", False, "the sample covariance and its pseudo-inverse, as in 2019, without shrinkage"),
)

GBC = _spec(
    "gbc",
    "Gaussian Bhattacharyya coefficient",
    "Gbc",
    "- sum over ordered pairs of target classes of exp(-D_B), D_B the Bhattacharyya distance of Gaussians fitted to "
    "the target through the source's head",
    "n k + C^2 k per pair, k <= the source's classes",
    ("Pandy et al. 2022, arXiv:2111.12780",),
    (-math.inf, 0.0),
    _REPRESENTATION,
    Parameter("gaussian", "str", "spherical", "variances of each class", choices=("spherical", "diagonal")),
)

PARC = _spec(
    "parc",
    "Pairwise annotation representation comparison",
    "Parc",
    "Spearman correlation over pairs of target images of 1 - Pearson(source head's logits) and 1 - Pearson(labels)",
    "n^2 log n per pair",
    ("Bolya, Mittapalli and Hoffman 2021, arXiv:2111.06977",),
    (-1.0, 1.0),
    _REPRESENTATION,
    Parameter("images", "int", 2000, "at most this many images of the target, drawn from it", minimum=4),
)

CC_FV = MeasureSpec(
    name="cc-fv",
    version=1,
    title="Class consistency and feature variety",
    summary=DESCRIPTIONS["cc-fv"],
    factory="dsim_transferability.cc_fv:CcFv",
    needs=frozenset({Need.IMAGES, Need.MASKS}),
    direction=Direction.SIMILARITY,
    symmetric=False,
    self_is_optimal=False,
    formula="log(F_v / C_cons) at one layer, through the source's pixel head; C_cons: mean Wasserstein distance of the "
    "foreground between two target images; F_v: mean harmonic distance of pixels within one",
    cost="n images of p map cells, d channels: n p d to summarise; n^2 k^3 + n p^2 k per pair, k <= classes of masks",
    references=("Yang et al. 2023, arXiv:2307.11958", "Liu et al. 2018, arXiv:1805.09298"),
    min_samples=2,
    parameters=(
        Parameter(
            "extractor",
            "extractor",
            "zoo:asap-resnet18.biomed16.r1[layer=backbone.layer1]",
            "network and the layer whose maps are used; it must be named: [layer=NAME]",
        ),
        _REPRESENTATION,
        Parameter(
            "classes",
            "str",
            "foreground",
            "any mask value above 0 is one class, or each value is one",
            choices=("foreground", "values"),
        ),
        Parameter("pixels", "int", 256, "at most this many map cells of each class and image, drawn", minimum=2),
        _PENALTY,
    ),
    blind_to="objects smaller than half a map cell; images without foreground; what fine-tuning can still change",
    expected_failures=_EXPECTED["cc-fv"],
)

SPECS = (LOGME, LEEP, NLEEP, H_SCORE, GBC, PARC, CC_FV)

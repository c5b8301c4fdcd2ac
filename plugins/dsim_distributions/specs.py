"""Declarations of the measures of feature distributions."""

from __future__ import annotations

from dsim.plugin import EXTRACTOR, Direction, Law, MeasureSpec, Need, Parameter
from dsim_distributions.descriptions import DESCRIPTIONS

FRECHET = MeasureSpec(
    name="frechet",
    version=1,
    title="Fréchet distance",
    summary=DESCRIPTIONS["frechet"],
    factory="dsim_distributions.frechet:FrechetDistance",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="|mu - mu'|^2 + tr S + tr S' - 2 tr (S^1/2 S' S^1/2)^1/2, means mu and covariances S of the features",
    cost="n images, d features: n d^2 + d^3 to summarise, flat in memory; d^3 per pair of datasets, n n' d if n < d",
    references=(
        "Fréchet 1957; Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X",
        "Heusel et al. 2017 (FID), arXiv:1706.08500",
        "Chong and Forsyth 2020 (unbiased=extrapolate), arXiv:1911.07023",
    ),
    unit="squared feature units",
    resamples=True,
    replicates=100,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_SQUARED}),
    parameters=(
        EXTRACTOR,
        Parameter(
            "unbiased",
            "str",
            "none",
            "extrapolate: what the value tends to as n grows, from both datasets and their halves; may be negative",
            choices=("none", "extrapolate"),
        ),
    ),
    presets={"paper": {"extractor": "timm:inception_v3.tf_in1k"}},
    blind_to=(
        "all but mean and covariance of the features: clusters, tails, rare images; and it grows as n falls below a "
        "few times d, so values at different n do not compare"
    ),
    expected_failures={"duplication": "covariances are unbiased, divided by the images less one"},
)


_FEATURES = frozenset({Need.FEATURES})
_INFINITE = float("inf")
#: FID's network with the weights of its TensorFlow original.
_INCEPTION = "timm:inception_v3.tf_in1k"
#: Up to its last hidden layer, 4096 numbers, as in both papers.
_VGG = "torchvision:vgg16.IMAGENET1K_V1"

_ESTIMATOR = Parameter(
    "estimator",
    "str",
    "unbiased",
    "unbiased: 0 on average for two samples of one population, so sometimes negative; biased: never negative, and more "
    "for fewer images",
    choices=("unbiased", "biased"),
)
_ORDER = "p of W_p: with 1 costs are distances, with 2 squared distances; the value is the root"
_SEED = "of the random draw, which is one for all datasets whatever the run's seed"

#: Why a check of the conformance kit is failed by intent.
_PAIRS = "pairs of different images only, so that one population gives 0: copies of an image are not such a pair"
_FLOOR = "replicates are moved to the value: resamples hold fewer different images, which raises the noise floor"

KID = MeasureSpec(
    name="kid",
    version=1,
    title="Kernel inception distance",
    summary=DESCRIPTIONS["kid"],
    factory="dsim_distributions.discrepancies:KernelInceptionDistance",
    needs=_FEATURES,
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=False,
    formula="E k(x, x') + E k(y, y') - 2 E k(x, y), k(x, y) = (x.y / d + 1)^3, pairs of different images",
    cost="n images of d features: n^2 d to summarise and per pair of datasets; with block=N: N n d per pair",
    references=(
        "Bińkowski et al. 2018, arXiv:1801.01401",
        "Gretton et al. 2012 (MMD), Journal of Machine Learning Research 13, 723-773",
        "Zaremba, Gretton and Blaschko 2013 (block=N), arXiv:1307.1954",
    ),
    unit="squared feature units, cubed",
    resamples=True,
    two_sample=True,
    parameters=(
        EXTRACTOR,
        Parameter(
            "block",
            "int",
            0,
            "0: all pairs of images; N: the mean over disjoint random blocks of at least N images, for huge datasets",
            minimum=0,
        ),
    ),
    presets={"paper": {"extractor": _INCEPTION}},
    blind_to=(
        "all but the first three moments of the features: clusters and tails that leave them alone; rare images; and "
        "it follows the scale of the features, so values of different extractors do not compare"
    ),
    expected_failures={"duplication": _PAIRS, "resampling": _PAIRS},
)

MMD = MeasureSpec(
    name="mmd",
    version=1,
    title="Maximum mean discrepancy",
    summary=DESCRIPTIONS["mmd"],
    factory="dsim_distributions.discrepancies:MaximumMeanDiscrepancy",
    needs=_FEATURES,
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=False,
    formula="E k(x, x') + E k(y, y') - 2 E k(x, y), pairs of different images (squared MMD)",
    cost="n images of d features: n^2 d per pair of datasets",
    references=("Gretton et al. 2012, Journal of Machine Learning Research 13, 723-773",),
    resamples=True,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_INVARIANT}),
    parameters=(
        EXTRACTOR,
        Parameter(
            "kernel",
            "str",
            "gaussian",
            "gaussian exp(-r^2 / 2 s^2), cauchy 1 / (1 + r^2 / s^2), polynomial (x.y / d + 1)^3, or linear x.y",
            choices=("gaussian", "cauchy", "polynomial", "linear"),
            attribute="kernel_name",
        ),
        Parameter(
            "bandwidth",
            "float",
            0.0,
            "s of gaussian and cauchy, in units of the features; 0: the median distance of both datasets' images",
            minimum=0.0,
        ),
        _ESTIMATOR,
    ),
    blind_to=(
        "how far apart two datasets lie that are farther than a few bandwidths: gaussian and cauchy saturate; with the "
        "median as bandwidth every pair has its own yardstick"
    ),
    expected_failures={"duplication": _PAIRS, "resampling": _PAIRS},
)

ENERGY = MeasureSpec(
    name="energy",
    version=1,
    title="Energy distance",
    summary=DESCRIPTIONS["energy"],
    factory="dsim_distributions.discrepancies:EnergyDistance",
    needs=_FEATURES,
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=False,
    formula="2 E|x - y| - E|x - x'| - E|y - y'|, pairs of different images",
    cost="n images of d features: n^2 d to summarise and per pair of datasets",
    references=(
        "Székely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018",
        "Sejdinovic et al. 2013 (as an MMD), doi:10.1214/13-AOS1140",
    ),
    unit="feature units",
    resamples=True,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_EQUIVARIANT}),
    parameters=(EXTRACTOR, _ESTIMATOR),
    blind_to=(
        "nothing in principle: it is 0 in population only for equal distributions; in practice means and spreads "
        "outweigh all finer differences, and features of large variance the others"
    ),
    expected_failures={"duplication": _PAIRS, "resampling": _PAIRS},
)

WASSERSTEIN = MeasureSpec(
    name="wasserstein",
    version=1,
    title="Wasserstein distance",
    summary=DESCRIPTIONS["wasserstein"],
    factory="dsim_distributions.transport:WassersteinDistance",
    needs=_FEATURES,
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="(min over plans P of sum P_ij |x_i - y_j|^p)^(1/p), P with row sums 1/n and column sums 1/m",
    cost="n images of d features: n^2 d + n^3 per pair of datasets, n^2 memory",
    references=(
        "Bonneel et al. 2011 (network simplex), doi:10.1145/2070781.2024192",
        "Cuturi 2013 (method=sinkhorn), arXiv:1306.0895",
        "Feydy et al. 2019 (method=divergence), arXiv:1810.08278",
    ),
    min_samples=1,
    bounds=(0.0, _INFINITE),
    unit="feature units",
    resamples=True,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_EQUIVARIANT}),
    parameters=(
        EXTRACTOR,
        Parameter("order", "int", 2, _ORDER, choices=(1, 2)),
        Parameter(
            "method",
            "str",
            "exact",
            "exact; sinkhorn: cost of the entropic plan; divergence: entropic value less those of the datasets with "
            "themselves",
            choices=("exact", "sinkhorn", "divergence"),
        ),
        Parameter(
            "epsilon",
            "float",
            0.05,
            "entropic regularisation as a share of the mean cost of a pair; only for sinkhorn and divergence",
            minimum=1e-4,
            maximum=100.0,
        ),
    ),
    blind_to=(
        "differences smaller than its noise floor, which in hundreds of dimensions is most of the value and falls with "
        "n very slowly: values at different n do not compare"
    ),
    expected_failures={"resampling": _FLOOR},
)

SLICED_WASSERSTEIN = MeasureSpec(
    name="sliced-wasserstein",
    version=1,
    title="Sliced Wasserstein distance",
    summary=DESCRIPTIONS["sliced-wasserstein"],
    factory="dsim_distributions.transport:SlicedWasserstein",
    needs=_FEATURES,
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="(mean over directions of integral |quantile - quantile'|^p)^(1/p), of the features projected onto each",
    cost="n images, d features, L directions: L n (d + log n) to summarise, L n per pair of datasets; memory L n",
    references=(
        "Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3",
        "Ramdas, García Trillos and Cuturi 2017 (one dimension), doi:10.3390/e19020047",
    ),
    min_samples=1,
    bounds=(0.0, _INFINITE),
    unit="feature units",
    resamples=True,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_EQUIVARIANT}),
    parameters=(
        EXTRACTOR,
        Parameter("order", "int", 2, _ORDER, choices=(1, 2)),
        Parameter("projections", "int", 128, "random directions, the same for all datasets", minimum=1, maximum=65536),
        Parameter("seed", "int", 0, _SEED, minimum=0),
    ),
    blind_to=(
        "in many dimensions nearly all but mean and spread: a random projection of many features is nearly Gaussian "
        "whatever they are"
    ),
    expected_failures={"resampling": _FLOOR},
)

MARGINAL_WASSERSTEIN = MeasureSpec(
    name="marginal-wasserstein",
    version=1,
    title="Marginal Wasserstein distance",
    summary=DESCRIPTIONS["marginal-wasserstein"],
    factory="dsim_distributions.transport:MarginalWasserstein",
    needs=_FEATURES,
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="mean over features of (integral |quantile - quantile'|^p)^(1/p), each neuron's values on a line",
    cost="n images of d features: d n log n to summarise, d n per pair of datasets",
    references=("Ramdas, García Trillos and Cuturi 2017, doi:10.3390/e19020047",),
    min_samples=1,
    bounds=(0.0, _INFINITE),
    unit="feature units",
    resamples=True,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_EQUIVARIANT}),
    parameters=(EXTRACTOR, Parameter("order", "int", 1, _ORDER, choices=(1, 2))),
    blind_to="how features go together: datasets whose single features are distributed alike are at distance 0",
    expected_failures={"resampling": _FLOOR},
)

PRDC = MeasureSpec(
    name="prdc",
    version=1,
    title="Precision, recall, density and coverage",
    summary=DESCRIPTIONS["prdc"],
    factory="dsim_distributions.overlap:PrecisionRecallDensityCoverage",
    needs=_FEATURES,
    direction=Direction.SIMILARITY,
    symmetric=False,
    self_is_optimal=True,
    formula="coverage: share of target images with a source image no farther than their k-th target neighbour",
    cost="n images of d features: n^2 d to summarise and per pair of datasets",
    references=(
        "Naeem et al. 2020 (density, coverage), arXiv:2002.09797",
        "Kynkäänniemi et al. 2019 (precision, recall), arXiv:1904.06991",
    ),
    bounds=(0.0, _INFINITE),
    replicates=0,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_INVARIANT}),
    parameters=(
        EXTRACTOR,
        Parameter(
            "statistic",
            "str",
            "coverage",
            "coverage, recall: how much of the target the source has; precision, density: how much of the source is "
            "like the target; density alone can exceed 1",
            choices=("precision", "recall", "density", "coverage"),
        ),
        Parameter("k", "int", 5, "neighbours within an image's ball; datasets need more images than this", minimum=1),
    ),
    presets={
        "paper": {"extractor": _VGG},
        "precision": {"extractor": _VGG, "statistic": "precision", "k": 3},
        "recall": {"extractor": _VGG, "statistic": "recall", "k": 3},
    },
    blind_to=(
        "how far apart datasets lie that do not overlap: all are at 0; and it rises with the number of source images, "
        "so sources of different size do not compare"
    ),
)

C2ST = MeasureSpec(
    name="c2st",
    version=1,
    title="Classifier two-sample AUC",
    summary=DESCRIPTIONS["c2st"],
    factory="dsim_distributions.overlap:ClassifierTwoSample",
    needs=_FEATURES,
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=False,
    formula="P(score of a target image > score of a source image), scores by classifiers that saw neither's group",
    cost="n images of d features: a classifier per fold and pair of datasets, n d per step",
    references=(
        "Lopez-Paz and Oquab 2017, arXiv:1610.06545",
        "DeLong, DeLong and Clarke-Pearson 1988 (AUC), doi:10.2307/2531595",
    ),
    bounds=(0.0, 1.0),
    resamples=True,
    two_sample=True,
    laws=frozenset({Law.SHIFT_INVARIANT, Law.SCALE_INVARIANT}),
    parameters=(
        EXTRACTOR,
        Parameter(
            "classifier",
            "str",
            "logistic",
            "logistic regression, or knn: share of the target among the nearest images",
            choices=("logistic", "knn"),
        ),
        Parameter("penalty", "float", 0.1, "of logistic: mean loss + penalty |w|^2 / 2", minimum=1e-6, maximum=1e6),
        Parameter("k", "int", 10, "neighbours of knn", minimum=1),
        Parameter("folds", "int", 5, "parts, each scored by a classifier that learned from the others", minimum=2),
        Parameter("seed", "int", 0, _SEED, minimum=0),
    ),
    blind_to=("how far apart datasets lie that a classifier separates without error: all are at 1, as most real sets"),
    expected_failures={
        "duplication": "another number of images is dealt to other folds: other classifiers, within the noise"
    },
)

SPECS = (FRECHET, KID, MMD, ENERGY, WASSERSTEIN, SLICED_WASSERSTEIN, MARGINAL_WASSERSTEIN, PRDC, C2ST)

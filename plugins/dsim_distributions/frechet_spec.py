"""What the Fréchet distance declares."""

from __future__ import annotations

from dsim.plugin import EXTRACTOR, Direction, MeasureSpec, Need, Parameter

FRECHET = MeasureSpec(
    name="frechet",
    version=1,
    title="Fréchet distance",
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

"""Declaration of the ensemble."""

from __future__ import annotations

from dsim.plugin import Direction, MeasureSpec, Need, Parameter

#: Chosen on the phantoms, whose right order is known: docs/measures/ensemble.md gives the table and the reason.
MEMBERS = "energy+frechet+kld-tf+wasserstein"

ENSEMBLE = MeasureSpec(
    name="ensemble",
    version=1,
    title="Ensemble: several measures as one, by ranks or by standardised distances",
    summary=(
        "Several measures of different kinds rank the sources, and their ranks are put together, so that the "
        "blind spot of one counts less. Choose it when you have images only and no reason to prefer one measure: "
        "it is what dsim recommend asks by default. Its value depends on which other sources are compared."
    ),
    factory="dsim_ensemble.measure:Ensemble",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=False,
    self_is_optimal=False,
    formula=(
        "rank: median over the members of 1 + the number of pool sources nearer to the target; "
        "standard: mean over the members of (d(S, T) - m) / s, mean and deviation of d over the pool for this target"
    ),
    cost="that of its members, once per source of the pool and dataset",
    references=(
        "Median ranks: Dwork et al. 2001, doi:10.1145/371920.372165",
        "Agreement of measures over scenarios: arXiv:2604.12327",
    ),
    min_samples=2,
    fits_pool=True,
    parameters=(
        Parameter("of", "str", MEMBERS, "the members, joined by +; parameters in brackets: cc[size=32]+kid"),
        Parameter(
            "how",
            "str",
            "rank",
            "rank: median rank among the pool, robust to one odd member; standard: mean standardised distance",
            choices=("rank", "standard"),
        ),
    ),
    blind_to="whatever all of its members are blind to; with how=rank, how much farther one source lies than the next",
    expected_failures={"duplication": "its members frechet and energy are unbiased"},
)

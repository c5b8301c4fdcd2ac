"""Declarations of the two measures of expert judgement."""

from __future__ import annotations

import math

from dsim.plugin import Direction, MeasureSpec, Need, Parameter

REFUSE, DIFFER, SKIP = "refuse", "differ", "skip"

EXPERT = MeasureSpec(
    name="expert",
    version=1,
    title="Hamming distance of experts' properties",
    summary=(
        "People describe each dataset by a few properties, such as modality, organ and colour; two datasets "
        "differ by the number of properties that differ. Choose it when no image may be shared, or to ask whether "
        "a measure of images knows more than what everybody can say. It needs a table of answers (dsim expert "
        "rate)."
    ),
    factory="dsim_expert.measures:ExpertHamming",
    needs=frozenset({Need.ATTRIBUTES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=True,
    formula="number of properties in which the datasets differ, each the majority's answer of all observers",
    cost="a few words per dataset; the observers' time",
    references=("van den Brandt et al. 2021, arXiv:2107.05940", "Hamming 1950, doi:10.1002/j.1538-7305.1950.tb00463.x"),
    min_samples=1,
    bounds=(0.0, math.inf),
    parameters=(
        Parameter("normalised", "bool", False, "divide by the number of properties that are compared: 0 to 1"),
        Parameter(
            "missing",
            "str",
            REFUSE,
            "a property that only one dataset has: refuse (no value), differ (counts as different), skip (is left out)",
            choices=(REFUSE, DIFFER, SKIP),
        ),
        Parameter("properties", "str", "", "names of the properties that count, a/b/c; empty: all but name and choice"),
    ),
    blind_to=(
        "everything that the observers were not asked; how far two answers lie apart: gray and colour differ as 2 and "
        "1000 classes do"
    ),
)

CHOICE = MeasureSpec(
    name="expert-choice",
    version=1,
    title="Share of experts who hold the source most similar",
    summary=(
        "People name, for each target, the source that they hold most similar; the value of a source is the share "
        "of people who named it. Choose it to compare the judgement of experts with that of measures. It needs a "
        "table of answers (dsim expert rate)."
    ),
    factory="dsim_expert.measures:ExpertChoice",
    needs=frozenset({Need.ATTRIBUTES}),
    direction=Direction.SIMILARITY,
    symmetric=False,
    self_is_optimal=False,
    formula="experts who named the source as the target's most similar / experts who were asked about the target",
    cost="a few words per dataset; the experts' time",
    references=("the group of experts in the ASAP paper, section IV-B",),
    min_samples=1,
    bounds=(0.0, 1.0),
    blind_to="all sources but each expert's first: sources that nobody named are tied at 0",
)

SPECS = (EXPERT, CHOICE)

"""Checks of the properties that a measure declares of its values: order, symmetry, direction, bounds."""

from __future__ import annotations

from dsim.testing.report import Failure, NotApplicable
from dsim.testing.subject import ROUNDING, Subject

#: The least rank correlation of values with the known order of the ladder.
LEAST_SPEARMAN = 0.8


def bounds(subject: Subject) -> str:
    """Every value lies within the declared bounds."""
    for value in subject.values.ravel().tolist():
        if not subject.within_bounds(value):
            raise Failure(f"{value} lies outside {subject.spec.bounds}", "declare the true bounds, or mend the value")
    return f"{subject.values.min():.6g} to {subject.values.max():.6g} in {subject.spec.bounds}"


def self_comparison(subject: Subject) -> str:
    """As declared by self_is_optimal: no other dataset is nearer to a dataset than itself."""
    if not subject.spec.self_is_optimal:
        raise NotApplicable("self_is_optimal is declared False")
    pool = subject.specimens.pool
    distances = subject.spec.direction.sign * subject.values
    for column, target in enumerate(pool):
        nearest = int(distances[:, column].argmin())
        if distances[column, column] - distances[nearest, column] > ROUNDING * subject.scale:
            raise Failure(
                f"{target.name} is nearer to {pool[nearest].name} ({subject.values[nearest, column]:.6g}) "
                f"than to itself ({subject.values[column, column]:.6g})",
                "declare self_is_optimal=False, or subtract what a dataset's distance to itself is",
            )
    return f"{len(pool)} datasets"


def symmetry(subject: Subject) -> str:
    """As declared by symmetric: d(a, b) = d(b, a) for all pairs; if declared asymmetric, some pair differs."""
    values, pool = subject.values, subject.specimens.pool
    pairs = [(i, j) for i in range(len(pool)) for j in range(i) if subject.differ(values[i, j], values[j, i])]
    if subject.spec.symmetric and pairs:
        i, j = pairs[0]
        told = f"{pool[i].name} against {pool[j].name} is {values[i, j]!r}, reversed {values[j, i]!r}"
        raise Failure(told, "declare symmetric=False, or make it symmetric")
    if not subject.spec.symmetric and not pairs:
        raise Failure("declared asymmetric, but all pairs are symmetric", "declare symmetric=True")
    return "symmetric" if subject.spec.symmetric else f"{len(pairs)} pairs are asymmetric, as declared"


def direction(subject: Subject) -> str:
    """As declared by direction: on the ladder, the nearest rung ranks before the farthest."""
    start, near, *_, far = subject.specimens.ladder
    values = subject.value(near, start), subject.value(far, start)
    told = f"the near dataset has {values[0]:.6g}, the far one {values[1]:.6g}"
    if not subject.as_distance(values[0]) < subject.as_distance(values[1]):
        raise Failure(f"declared a {subject.spec.direction}, but {told}", "declare the other direction")
    return told


def monotone(subject: Subject) -> str:
    """Values follow the ladder's known order, whatever their sign: rank correlation at least 0.8 over five steps."""
    start, *rungs = subject.specimens.ladder
    values = [subject.value(rung, start) for rung in rungs]
    told = "values along the ladder: " + ", ".join(f"{value:.6g}" for value in values)
    if values in (ascending := sorted(set(values)), ascending[::-1]):
        return f"strictly monotone; {told}"
    rank = _spearman(values)
    if abs(rank) < LEAST_SPEARMAN:
        raise Failure(f"Spearman {rank:.2f} with the ladder's order; {told}", "a measure must see a growing difference")
    return f"Spearman {abs(rank):.2f}; {told}"


def _spearman(values: list[float]) -> float:
    """Rank correlation of values with their order; 0 where all are equal."""
    from scipy.stats import spearmanr

    return 0.0 if len(set(values)) == 1 else float(spearmanr(range(len(values)), values).statistic)


CHECKS = (bounds, self_comparison, symmetry, direction, monotone)

"""OTDD as pure functions: the reference code's values, an independent computation, closed forms, invariances."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from dsim.stats import entropic, transport
from dsim.stats import otdd as module
from dsim.stats.otdd import (
    Ground,
    GroundCost,
    NoTransportError,
    Sample,
    Transported,
    label_distances,
    otdd,
    stratified,
    transport_between,
    transport_within,
)

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "otdd.json").read_text("utf-8"))


def labelled_pair(n: int, **options: Any) -> tuple[np.ndarray, ...]:
    """The recipe that stands beside the values, run as it stands."""
    recipe: dict[str, Any] = {}
    exec("\n".join(REFERENCE["recipe"]), recipe)
    pair: tuple[np.ndarray, ...] = recipe["labelled_pair"](n, **options)
    return pair


def value_of(pair: tuple[np.ndarray, ...], **parameters: Any) -> float:
    outer = parameters.pop("outer", "debiased")
    names = {"lambda_x": "feature_weight", "lambda_y": "label_weight"}
    ground = Ground(**{names.get(k, k): v for k, v in parameters.items()})
    return otdd(*samples(pair, ground), outer=outer).value


def samples(pair: tuple[np.ndarray, ...], ground: Ground) -> tuple[Sample, Sample]:
    return Sample(pair[0], pair[1], ground), Sample(pair[2], pair[3], ground)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{case['n']}-{case['parameters']}", marks=[pytest.mark.slow] if case["n"] > 1000 else [])
        for case in REFERENCE["values"]
    ],
)
def test_equals_the_reference_code(case: dict[str, Any]) -> None:
    assert value_of(labelled_pair(case["n"]), **case["parameters"]) == pytest.approx(
        case["value"], rel=REFERENCE["tolerance"]
    )


def independent(x: np.ndarray, x_codes: np.ndarray, y: np.ndarray, y_codes: np.ndarray, eps: float) -> float:
    """Debiased OTDD in float64: covariances by numpy, roots by eigh, Sinkhorn by scipy's logsumexp to 1e-11."""

    def root(s: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(s)
        result: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        return result

    def classes(points: np.ndarray, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        groups = [points[codes == code].astype(np.float64) for code in range(codes.max() + 1)]
        return [(group.mean(axis=0), np.cov(group.T)) for group in groups]

    def table(p: np.ndarray, p_codes: np.ndarray, q: np.ndarray, q_codes: np.ndarray) -> np.ndarray:
        labels = np.zeros((p_codes.max() + 1, q_codes.max() + 1))
        for i, (m, s) in enumerate(classes(p, p_codes)):
            for j, (k, t) in enumerate(classes(q, q_codes)):
                cross = np.linalg.svd(root(s) @ root(t), compute_uv=False).sum()
                labels[i, j] = ((m - k) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * cross
        squares = ((p[:, None].astype(np.float64) - q[None]) ** 2).sum(axis=-1)
        return (squares + labels[p_codes][:, q_codes]) / 2

    def entropic(costs: np.ndarray, same: bool) -> float:
        n, m = costs.shape
        f, g = np.zeros(n), np.zeros(m)
        for _ in range(20_000):
            before = g
            f_new = -eps * (logsumexp((g - costs) / eps, axis=1) - np.log(m))
            f = (f + f_new) / 2 if same else f_new
            g = f if same else -eps * (logsumexp((f[:, None] - costs) / eps, axis=0) - np.log(n))
            if np.abs(g - before).max() < 1e-11:
                break
        return float(f.mean() + g.mean())

    between = entropic(table(x, x_codes, y, y_codes), False)
    return between - sum(entropic(table(p, c, p, c), True) for p, c in ((x, x_codes), (y, y_codes))) / 2


@pytest.mark.parametrize(("n", "d", "eps"), [(60, 24, 1.0), (80, 8, 1.0)])
def test_equals_an_independent_computation_in_float64(n: int, d: int, eps: float) -> None:
    """Classes of fewer and of more samples than dimensions: nuclear norms of factors and of what QR leaves."""
    pair = labelled_pair(n, d=d, C=4)
    assert value_of(pair, eps=eps) == pytest.approx(independent(*pair, eps), rel=1e-6)


def test_equals_the_float64_value_of_the_reference_problem() -> None:
    """n = 200, d = 512: computed once by the function above, in half a minute."""
    assert value_of(labelled_pair(200)) == pytest.approx(2.58374055, rel=1e-6)


@pytest.mark.parametrize("inner", ["gaussian", "diagonal", "means", "exact"])
def test_a_shift_moves_points_and_classes_alike(inner: str) -> None:
    x, codes, _, _ = labelled_pair(40, d=6, C=3)
    shift = np.full(6, 10.0)
    found = otdd(*samples((x, codes, x + shift, codes), Ground(inner=inner)), outer="exact")
    assert found.value == pytest.approx(600.0, rel=1e-5)
    assert found.plain == pytest.approx(1200.0, rel=1e-5)
    assert value_of((x, codes, x + shift, codes), inner=inner) == pytest.approx(600.0, rel=1e-5)


def test_scaling_features_scales_the_exact_value_by_its_square() -> None:
    x, codes, y, others = labelled_pair(40, d=6, C=3)
    values = [value_of((x * s, codes, y * s, others), outer="exact") for s in (1.0, 3.0)]
    assert values[1] == pytest.approx(9 * values[0], rel=1e-5)


def test_distances_between_not_squared() -> None:
    """p = 1 reaches the cost: a shift by (3, 4) is a distance of 5 for points and for classes."""
    x, codes, _, _ = labelled_pair(40, d=2, C=3)
    for inner in ("means", "exact"):
        pair = x, codes, x + np.array([30, 40]), codes
        found = otdd(*samples(pair, Ground(inner=inner, p=1)), outer="exact")
        assert found.value == pytest.approx(100.0, rel=1e-5)


def test_weights_and_labels() -> None:
    pair = labelled_pair(50, d=6, C=3)
    table = label_distances(Sample(*pair[:2], Ground()), Sample(*pair[2:], Ground()))
    only_labels = value_of(pair, lambda_x=0.0, outer="exact")
    assert table.min() / 2 <= only_labels <= table.max() / 2
    assert value_of(pair, lambda_y=0.0) == pytest.approx(value_of(pair, labelled=False), rel=1e-9)
    assert value_of(pair, lambda_x=2.0, lambda_y=2.0, eps=0.2) == pytest.approx(2 * value_of(pair), rel=1e-8)


@pytest.mark.parametrize("outer", ["sinkhorn", "exact"])
def test_the_coupling_sums_to_one_and_costs_what_is_said(outer: str) -> None:
    ground = Ground()
    source, target = samples(labelled_pair(40, d=6, C=3), ground)
    cost = GroundCost(source, target, label_distances(source, target))
    uniform = np.full(40, 1 / 40)
    if outer == "exact":
        plan = transport.exact_transport(cost.rows(0, 40))[1]
    else:
        plan = transport.coupling(cost, transport_between(source, target, outer), ground.eps, uniform, uniform)
    assert plan.sum() == pytest.approx(1, abs=1e-9)
    assert np.abs(plan.sum(axis=0) - 1 / 40).max() < 1e-9
    plain = otdd(source, target, outer=outer).plain
    assert plain == pytest.approx(2 * float((cost.rows(0, 40) * plan).sum()), rel=1e-8)


def test_what_debiasing_takes_off_may_be_known() -> None:
    source, target = samples(labelled_pair(40, d=6, C=3), Ground())
    within = tuple(Transported(found.value, found.cost) for found in map(transport_within, (source, target)))
    assert otdd(source, target, within=(within[0], within[1])) == otdd(source, target)


@pytest.mark.parametrize("inner", ["gaussian", "diagonal", "means", "exact", "sinkhorn"])
def test_a_sample_is_at_distance_zero_of_itself_and_the_distance_is_symmetric(inner: str) -> None:
    x, codes, y, others = labelled_pair(30, d=6, C=3)
    assert value_of((x, codes, x, codes), inner=inner) == pytest.approx(0, abs=0.2 if inner == "sinkhorn" else 1e-6)
    forth, back = value_of((x, codes, y, others), inner=inner), value_of((y, others, x, codes), inner=inner)
    assert forth == pytest.approx(back, rel=1e-8)


def test_names_of_classes_and_order_of_samples_do_not_matter() -> None:
    x, codes, y, others = labelled_pair(30, d=6, C=3)
    order = np.random.default_rng(0).permutation(30)
    expected = value_of((x, codes, y, others))
    assert value_of((x[order], 2 - codes[order], y, others)) == pytest.approx(expected, rel=1e-9)


def test_different_numbers_of_classes_one_class_and_a_class_of_one_have_a_value() -> None:
    x, codes, y, _ = labelled_pair(31, d=6, C=3)
    one_class, lonely = np.zeros(31, dtype=int), np.r_[np.zeros(30, dtype=int), 1]
    assert np.isfinite([value_of((x, codes, y, other)) for other in (one_class, lonely)]).all()
    plain = value_of((x, one_class, y, one_class), labelled=False)
    moved = label_distances(Sample(x, one_class, Ground()), Sample(y, one_class, Ground()))[0, 0]
    assert value_of((x, one_class, y, one_class)) == pytest.approx(plain + moved / 2, rel=1e-9)


def test_costs_that_are_not_held_and_kernels_in_float32_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = labelled_pair(80, d=16, C=4)
    expected = value_of(pair), value_of(pair, p=1, inner="means")
    monkeypatch.setattr(module, "_HELD", 0)
    monkeypatch.setattr(entropic, "_BLOCK", 500)
    monkeypatch.setattr(entropic, "LARGE", 0)
    assert value_of(pair) == pytest.approx(expected[0], rel=1e-6)
    assert value_of(pair, p=1, inner="means") == pytest.approx(expected[1], rel=1e-6)


def test_values_fall_with_n() -> None:
    """Why values at different n are not comparable: covariances of few samples differ from each other."""
    values = [value_of(labelled_pair(n, d=64, C=4)) for n in (40, 400)]
    assert values[0] > 1.2 * values[1]


def test_what_was_not_solved_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_levels", lambda largest, eps: iter([eps]))
    monkeypatch.setattr(transport, "balance", lambda kernel, tolerance, products: None)
    with pytest.raises(NoTransportError, match=r"between the datasets did not converge: after 0 products .* miss by"):
        value_of(labelled_pair(30, d=6, C=3), outer="sinkhorn")


def test_stratified_samples_keep_the_shares_of_classes() -> None:
    codes = np.repeat([0, 1, 2], [70, 20, 10])
    chosen = stratified(codes, 30, np.random.default_rng(0))
    assert np.bincount(codes[chosen]).tolist() == [21, 6, 3]
    assert len(set(chosen.tolist())) == 30
    assert (stratified(codes, 100, np.random.default_rng(0)) == np.arange(100)).all()
    assert (chosen == stratified(codes, 30, np.random.default_rng(0))).all()
    assert (chosen != stratified(codes, 30, np.random.default_rng(1))).any()


@pytest.mark.slow
def test_ten_thousand_points_take_less_than_one_and_a_half_gigabytes() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "timing" / "otdd.py"
    done = subprocess.run([sys.executable, script, "--memory", "10000"], capture_output=True, text=True, check=True)
    assert float(done.stdout.split("peak ")[1].split(" GB")[0]) < 1.5

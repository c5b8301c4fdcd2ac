"""Several measures beside each other: votes, rank correlations and orders, counted by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from dsim import compare
from dsim.comparison import Agreement, compare_rankings
from dsim.errors import UsageError
from dsim.measures import SimilarityMatrix, Verdict
from dsim.plots import draw_agreement
from dsim.plugin import Direction

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "dsim.agreement.1.schema.json"
SOURCES, TARGETS = ("a", "b", "c", "d"), ("t", "u")


def matrix(name: str, columns: list[list[float]], direction: Direction = Direction.DISTANCE) -> SimilarityMatrix:
    values = np.array(columns, dtype=float).T
    best = {t: SOURCES[np.nanargmin(direction.sign * column)] for t, column in zip(TARGETS, values.T, strict=True)}
    return SimilarityMatrix(
        measure=name, direction=direction, unit="", sources=SOURCES, targets=TARGETS, values=values,
        notes=tuple(tuple("broken" if np.isnan(value) else "" for value in row) for row in values),
        same=np.zeros(values.shape, dtype=bool), provenance={},
        verdicts={t: Verdict(t, source, None, None, np.nan, np.nan, "") for t, source in best.items()},
    )  # fmt: skip


@pytest.fixture
def found() -> Agreement:
    return compare_rankings(
        [
            matrix("one@1", [[1, 2, 3, 4], [1, 2, 3, 4]]),
            matrix("two@1", [[-1, -3, -2, -4], [4, 3, 2, 1]], Direction.SIMILARITY),
            matrix("three@1", [[10, 20, 30, np.nan], [40, 30, 20, 10]]),
        ],
        seconds={"one@1": 2.5},
        failed={"four@1": "WeightsError: lost"},
    )


def test_votes_name_the_source_that_each_measure_ranks_first(found):
    assert found.nearest("t") == {"one@1": "a", "two@1": "a", "three@1": "a"}
    assert found.unanimous("t") == "a"
    assert found.votes("u") == {"a": 2, "d": 1}
    assert found.unanimous("u") is None


def test_a_measure_that_ranks_several_sources_first_has_no_vote():
    found = compare_rankings([matrix("one@1", [[1, 2, 3, 4]] * 2), matrix("flat@1", [[1, 1, 1, 1], [0, 1, 1, 1]])])
    assert found.nearest("t") == {"one@1": "a", "flat@1": None}
    assert found.votes("t") == {"a": 1}
    assert found.unanimous("t") is None
    assert found.unanimous("u") == "a"


def test_orders_count_pairs_of_sources_that_all_measures_rank_alike(found):
    # Of a, b, c: a before b and a before c by all; b and c are turned by the second. d failed in the third.
    assert found.orders("t") == (2, 3)
    assert found.agreed("t") == [("a", "b"), ("a", "c")]
    assert found.orders("u") == (0, 6)


def test_rank_correlations_are_means_over_targets_of_signed_distances(found):
    first = kendalltau([1, 2, 3, 4], [1, 3, 2, 4]).statistic
    assert found.kendall[0, 1] == pytest.approx((first + 1.0) / 2)
    assert found.kendall[0, 2] == pytest.approx((1.0 - 1.0) / 2)
    assert found.spearman[0, 1] == pytest.approx((spearmanr([1, 2, 3, 4], [1, 3, 2, 4]).statistic + 1.0) / 2)
    np.testing.assert_allclose(np.diag(found.kendall), 1)
    np.testing.assert_array_equal(found.kendall, found.kendall.T)
    assert found.kendall_for("u") == pytest.approx((1 - 1 - 1) / 3)


def test_a_measure_whose_values_are_all_equal_has_no_correlation():
    flat = compare_rankings([matrix("one@1", [[1, 2, 3, 4]] * 2), matrix("flat@1", [[5, 5, 5, 5]] * 2)])
    assert np.isnan(flat.kendall[0, 1])
    assert np.isnan(flat.kendall_for("t"))
    assert flat.orders("t") == (0, 6)


def test_a_target_that_is_a_source_does_not_vote_for_itself():
    pool = [dataset.renamed(f"p{i}") for i, dataset in enumerate(_phantoms())]
    found = compare_rankings([compare(pool, measure=name, floor=False) for name in ("cc:size=32", "frc:size=32")])
    assert all(found.nearest(target)[m] != target for target in found.targets for m in found.measures)
    assert found.orders("p0")[1] == 3


def _phantoms():
    from dsim.data.phantoms import open_phantom

    return [open_phantom(name, count=4, size=32) for name in ("xray", "relief", "fundus", "endoscopy")]


def test_the_document_holds_to_the_published_schema(found, tmp_path):
    found.to_json(tmp_path / "agreement.json")
    document = json.loads((tmp_path / "agreement.json").read_text())
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert document["targets"][0]["unanimous"] == "a"
    assert document["measures"][0]["seconds"] == 2.5
    assert document["measures"][2]["failed_cells"] == 1
    assert document["failed"] == [{"measure": "four@1", "reason": "WeightsError: lost"}]


def test_what_cannot_be_put_side_by_side_is_refused(found):
    one, two, _ = found.matrices
    for matrices, told in (
        ([one], "agrees with nobody"),
        ([one, one], "one@1: given more than once"),
        ([one, replace(two, sources=("a", "b", "c", "x"))], "not of the same sources"),
    ):
        with pytest.raises(UsageError, match=told):
            compare_rankings(matrices)


def test_the_picture_is_drawn_whatever_failed(found, tmp_path):
    from PIL import Image

    nothing = replace(
        found.matrices[0],
        measure="none@1",
        values=np.full((4, 2), np.nan),
        verdicts={t: Verdict(t, None, None, None, np.nan, np.nan, "no source could be compared") for t in TARGETS},
    )
    draw_agreement(compare_rankings([*found.matrices, nothing]), tmp_path / "agreement.png", note="seed 0")
    with Image.open(tmp_path / "agreement.png") as picture:
        assert min(picture.size) > 200
    with pytest.raises(UsageError, match="png"):
        draw_agreement(found, tmp_path / "agreement.jpg")


def test_names_of_nearest_sources_are_whole_in_their_cells_where_targets_are_few(found):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    name = "a_name_of_a_source"
    renamed = [replace(one, sources=(name, *one.sources[1:])) for one in found.matrices]
    some = [
        replace(one, targets=one.targets[:1], values=one.values[:, :1], same=one.same[:, :1],
                notes=tuple(row[:1] for row in one.notes),
                verdicts={TARGETS[0]: replace(one.verdicts[TARGETS[0]], best=name)})
        for one in [replace(one, measure=f"{one.measure}{i}") for i in range(3) for one in renamed]
    ]  # fmt: skip
    figure = draw_agreement(compare_rankings(some), None)
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    names = [text for text in axes.texts if text.get_text() == name]
    assert names
    assert all(text.get_window_extent().width < axes.get_window_extent().width for text in names)

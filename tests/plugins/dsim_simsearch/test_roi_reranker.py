"""Correction of the similarity by what was judged: ridge regression by another way, and which way scores move."""

from __future__ import annotations

import numpy as np
import pytest
from roi_scenes import CROSSES, DISCS, SIDE, around, open_search
from sklearn.linear_model import Ridge

from dsim_simsearch.reranker import fit_reranker, ridge
from dsim_simsearch.selection import RoiClass, find_background


@pytest.fixture(scope="module")
def search():
    return open_search()


def scores_at(similarity, search, index, centres):
    grid = search.grid(index)
    rows = [round((y - grid.y) / grid.stride) for _, y in centres]
    cols = [round((x - grid.x) / grid.stride) for x, _ in centres]
    return similarity[rows, cols]


@pytest.mark.parametrize("shape", [(5, 12), (40, 12)])
@pytest.mark.parametrize("penalty", [0.1, 1, 10])
def test_ridge_is_that_of_scikit_learn(shape, penalty):
    generator = np.random.default_rng(0)
    points, goals = generator.normal(size=shape), generator.normal(size=shape[0])
    theirs = Ridge(alpha=penalty, fit_intercept=False, solver="svd").fit(points, goals).coef_
    assert np.allclose(ridge(points, goals, penalty), theirs, atol=1e-5)


def test_nothing_judged_changes_nothing(search):
    one = RoiClass("disc", (around(0, DISCS[0][0]),), 0.6)
    reranker = fit_reranker(search, (0, 1), [one])
    assert np.array_equal(reranker.similarity(2, 0), search.similarity(2, search.vectors(one.prototypes)))


def test_flags_lower_what_resembles_them_in_other_images(search):
    """Crosses flagged as no discs: in an image without a flag, crosses lose more than discs."""
    one = RoiClass("disc", (around(0, DISCS[0][0]),), 0.9, tuple(around(0, centre) for centre in CROSSES[0]))
    before = search.similarity(2, search.vectors(one.prototypes))
    after = fit_reranker(search, (0, 1), [one], penalty=1).similarity(2, 0)
    change = after - before
    assert scores_at(change, search, 2, CROSSES[2]).max() < -0.1
    assert scores_at(change, search, 2, DISCS[2]).min() > scores_at(change, search, 2, CROSSES[2]).max() + 0.1


def test_another_class_counts_as_what_it_is_not(search):
    classes = [RoiClass("disc", (around(0, DISCS[0][0]),), 0.9), RoiClass("cross", (around(0, CROSSES[0][0]),), 0.9)]
    reranker = fit_reranker(search, (0, 1), classes)
    for at, (own, other) in enumerate(((DISCS, CROSSES), (CROSSES, DISCS))):
        before = search.similarity(2, search.vectors(classes[at].prototypes))
        gaps = [
            scores_at(some, search, 2, own[2]).min() - scores_at(some, search, 2, other[2]).max()
            for some in (before, reranker.similarity(2, at))
        ]
        assert gaps[1] > gaps[0]


def test_a_flag_moves_itself_half_of_the_way_at_penalty_1(search):
    """One judged patch far from all others, in closed form; no correction at a very large penalty."""
    one = RoiClass("disc", (around(0, DISCS[0][0]),), 2.0, (around(1, CROSSES[1][0]),))
    vectors = search.vectors(one.prototypes)
    features = search.features(1, np.array([CROSSES[1][0]], float))
    before = float(search.compare(search.units(features), vectors)[0])
    usual = np.mean([search.similarity(index, vectors).mean() for index in (0, 1)])
    mutual = float((search.units(features) @ search.units(search.features(0, np.array([DISCS[0][0]], float))).T)[0, 0])
    move = float((search.units(features) @ fit_reranker(search, (0, 1), [one], penalty=1).corrections[0])[0])
    # Of two judged patches the prototype is where it belongs: the flag's weight is its lack over 2 - mutual² / 2.
    assert move == pytest.approx((usual - before) * (1 - mutual**2 / 2) / (2 - mutual**2 / 2), abs=1e-4)
    firm = fit_reranker(search, (0, 1), [one], penalty=1e9)
    assert np.allclose(firm.corrections, 0, atol=1e-6)


def test_candidates_are_those_of_the_corrected_similarity(search):
    one = RoiClass("disc", (around(0, DISCS[0][0]),), 0.9, (around(0, CROSSES[0][0]),))
    reranker = fit_reranker(search, (0, 1), [one], find_background(search, (0, 1), [one]))
    candidates = reranker.candidates(2, 0)
    similarity = reranker.similarity(2, 0)
    assert np.allclose(candidates.score, scores_at(similarity, search, 2, candidates.centres.tolist()))
    apart = np.linalg.norm(candidates.centres[:2, None] - np.array(DISCS[2]), axis=2)
    assert (apart.min(axis=0) < 0.3 * SIDE).all()

"""Agreement of two embeddings, beside scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.embeddings import agreement as module
from dsim.embeddings import align, neighbour_overlap, procrustes_disparity, trustworthiness

Floats = NDArray[np.float64]


def pair(n: int = 40, d: int = 3, noise: float = 0.4) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((n, d))
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return a, 2 * a @ turn + 7 + noise * rng.standard_normal((n, d))


def test_disparity_is_scipys() -> None:
    from scipy.spatial import procrustes

    a, b = pair()
    assert procrustes_disparity(a, b) == pytest.approx(procrustes(a, b)[2], rel=1e-12)
    assert procrustes_disparity(b, a) == pytest.approx(procrustes_disparity(a, b), rel=1e-12)


def test_alignment_is_that_of_scipys_standardised_shapes() -> None:
    from scipy.spatial import procrustes

    a, b = pair()
    standard, moved, _ = procrustes(b, a)
    scale = np.linalg.norm(b - b.mean(axis=0))
    np.testing.assert_allclose(align(a, b), moved * scale + b.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(b, standard * scale + b.mean(axis=0), rtol=1e-12)


def test_a_moved_turned_scaled_and_mirrored_map_is_the_same_map() -> None:
    a, b = pair(noise=0)
    assert procrustes_disparity(a, b * [1, 1, -1]) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(align(a, b), b, atol=1e-12)


def test_a_narrower_map_is_one_in_a_plane() -> None:
    a, _ = pair()
    flat = np.pad(a[:, :2], ((0, 0), (0, 1)))
    assert procrustes_disparity(a, a[:, :2]) == pytest.approx(procrustes_disparity(a, flat), rel=1e-12)


def test_overlap_is_that_of_sorted_distances() -> None:
    from scipy.spatial.distance import cdist

    a, b = pair()
    near = [np.argsort(cdist(x, x) + np.diag(np.full(len(x), np.inf)), axis=1)[:, :5] for x in (a, b)]
    expected = [len(set(one) & set(other)) / 5 for one, other in zip(*near, strict=True)]
    assert neighbour_overlap(a, b, 5).tolist() == expected
    assert neighbour_overlap(a, a, 5).tolist() == [1.0] * len(a)


@pytest.mark.parametrize("held", [40, 10**6])
def test_trustworthiness_is_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    from sklearn.manifold import trustworthiness as theirs

    monkeypatch.setattr(module, "_HELD", held)
    a, b = pair(noise=2)
    for k in (1, 5, 19):
        assert trustworthiness(a, b[:, :2], k) == pytest.approx(theirs(a, b[:, :2], n_neighbors=k), rel=1e-12)
    assert trustworthiness(a, a, 5) == 1


def test_wrong_input_is_refused() -> None:
    a, b = pair()
    with pytest.raises(ValueError, match="40 and 39"):
        procrustes_disparity(a, b[1:])
    with pytest.raises(ValueError, match="two different points"):
        align(a, np.ones_like(b))
    with pytest.raises(ValueError, match="20 neighbours of 40"):
        trustworthiness(a, b, 20)

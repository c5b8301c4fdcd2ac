"""Similarity: cosines by hand at every place, objects that are known, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from roi_scenes import CROSSES, DISCS, SIDE, around, draw_scene, open_search, prepare_scenes

from dsim.errors import UnknownNameError, UsageError
from dsim_simsearch import dense

PROTOTYPES = [around(0, DISCS[0][0]), around(0, DISCS[0][2]), around(1, DISCS[1][1])]


@pytest.fixture(scope="module")
def images():
    return prepare_scenes()


@pytest.fixture(scope="module")
def search(images):
    return open_search(images)


def by_hand(search, index, vectors, over):
    """Whitened features at every place, and their cosines with every prototype and turn, in float64."""
    points = search.maps[index].at(search.grid(index).centres()).astype(float)
    turns = vectors.astype(float)
    if search.whitening is not None:
        points, turns = ((some - search.whitening.mean) @ search.whitening.matrix for some in (points, turns))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    turns /= np.linalg.norm(turns, axis=2, keepdims=True)
    cosines = np.einsum("nd,ptd->npt", points, turns).max(axis=2)
    joined = cosines.max(axis=1) if over == "max" else cosines.mean(axis=1)
    return joined.reshape(search.grid(index).rows, search.grid(index).cols)


@pytest.mark.parametrize(("whiten", "over"), [(0, "max"), (0.5, "mean"), (1, "max")])
def test_similarity_is_the_cosine_at_every_place(images, whiten, over):
    search = open_search(images, whiten=whiten, over=over)
    vectors = search.vectors(PROTOTYPES)
    assert vectors.shape == (3, 4, search.blocks.width)
    for index in (0, 2):
        similarity = search.similarity(index, vectors)
        assert similarity.dtype == np.float32
        assert np.allclose(similarity, by_hand(search, index, vectors, over), atol=1e-5)


def test_strips_of_an_image_are_the_whole(images, search, monkeypatch):
    """Large images are compared some rows at a time, and are not held."""
    vectors = search.vectors(PROTOTYPES)
    whole = search.similarity(0, vectors)
    cells = search.maps[0].cells
    monkeypatch.setattr(dense, "_STRIP", 3 * cells[0].nbytes)
    monkeypatch.setattr(dense, "_HELD", cells.nbytes // 2)
    strips = open_search(images)
    assert len([*strips._features[1.0].cosines(0, strips.units(vectors[0]))]) > 5
    assert np.allclose(strips.similarity(0, vectors), whole, atol=1e-6)


def test_one_more_prototype_gives_what_all_together_give(images, search):
    """Similarities to single prototypes are held, and joined anew."""
    vectors = search.vectors(PROTOTYPES)
    search.similarity(1, vectors[:1])
    search.similarity(1, vectors[1:])
    assert np.array_equal(search.similarity(1, vectors), open_search(images).similarity(1, vectors))


def test_held_similarities_stay_within_their_bytes(images, monkeypatch):
    from dsim_simsearch import similarity

    search = open_search(images)
    vectors = search.vectors(PROTOTYPES)
    whole = search.similarity(0, vectors)
    monkeypatch.setattr(similarity, "_HELD", 2 * whole.nbytes)
    search.similarity(1, vectors)
    assert len(search._single) == 2
    assert np.array_equal(search.similarity(0, vectors), whole)


def test_the_most_similar_candidates_are_the_objects(search):
    """As many of the first candidates as there are discs in a scene lie on discs; so do crosses of crosses."""
    for objects in (DISCS, CROSSES):
        vectors = search.vectors([around(0, centre) for centre in objects[0][:2]])
        for index in range(3):
            first = search.candidates(index, vectors).centres[: len(objects[index])]
            apart = np.linalg.norm(first[:, None] - np.array(objects[index]), axis=2)
            assert (apart.min(axis=0) < 0.3 * SIDE).all()


def test_candidates_fall_are_apart_and_have_the_size_of_the_patch(search):
    candidates = search.candidates(2, search.vectors(PROTOTYPES))
    apart = np.linalg.norm(candidates.centres[:, None] - candidates.centres, axis=2)
    assert (np.diff(candidates.score) <= 0).all()
    assert apart[np.triu_indices(len(candidates), 1)].min() > 0.35 * SIDE
    assert {*candidates.width.tolist(), *candidates.height.tolist()} == {SIDE}
    assert candidates.image == "s2"


def test_a_threshold_takes_the_first_candidates(search):
    candidates = search.candidates(0, search.vectors(PROTOTYPES))
    threshold = float(candidates.score[4])
    above = candidates.above(threshold)
    assert len(above) == 5
    assert np.array_equal(above.x, candidates.x[:5])
    region = above.regions("disc")[4]
    assert (region.centre, region.label) == ((above.x[4], above.y[4]), "disc")
    assert region.score == pytest.approx(threshold)


@pytest.mark.parametrize("turns", [1, 3])
def test_an_object_is_as_similar_when_it_lies_turned(turns):
    """An object that differs from itself turned by a quarter, in the middle of a scene and of the turned scene."""
    rows, cols = np.mgrid[:80, :80] + 0.5
    scene = draw_scene((), (), (80, 80))
    scene[((cols - 36) ** 2 + (rows - 38) ** 2 < 20) | ((abs(rows - 42) < 2) & (cols > 36) & (cols < 47))] += 120
    search = open_search(prepare_scenes([scene, np.ascontiguousarray(np.rot90(scene, turns))]))
    vectors = search.vectors([around(0, (40, 40))])
    middle = search.units(np.stack([search.features(index, np.array([[40.0, 40.0]]))[0] for index in (0, 1)]))
    with_turns, without = (search.compare(middle, some) for some in (vectors, vectors[:, :1]))
    assert with_turns[1] > 0.85  # its features lie between cells of the map, those of the turned prototype do not
    assert without[1] < 0.6


def test_larger_objects_are_found_at_their_scale():
    """A scene at twice the size: candidates of scale 2 are as similar as those of scale 1 were, with boxes so large."""
    small = draw_scene(DISCS[0], ())
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    search = open_search(prepare_scenes([small, large]), displayed=(0,), scales=(1, 2))
    vectors = search.vectors([around(0, DISCS[0][0])])
    first = search.candidates(1, vectors).take(np.arange(3))
    apart = np.linalg.norm(first.centres[:, None] - 2 * np.array(DISCS[0]), axis=2)
    assert (apart.min(axis=0) < 0.3 * 2 * SIDE).all()
    assert first.width.tolist() == [2 * SIDE] * 3
    alone = open_search(search.images, displayed=(0,))
    assert first.score[0] > alone.candidates(1, vectors).score[0] + 0.1


def test_blank_images_have_no_similarity_but_numbers():
    blank = np.full((64, 64, 3), 90, np.uint8)
    search = open_search(prepare_scenes([draw_scene(DISCS[0], ()), blank]), displayed=(1,))
    vectors = search.vectors([around(0, DISCS[0][0])])
    for index in (0, 1):
        assert np.isfinite(search.similarity(index, vectors)).all()


@pytest.mark.parametrize("pixels", [np.uint16, np.float32])
def test_other_depths_and_one_channel_are_searched(pixels):
    gray = draw_scene(DISCS[0], ())[:, :, :1].astype(np.float64) * 130
    search = open_search(prepare_scenes([gray.astype(pixels)]), displayed=(0,))
    candidates = search.candidates(0, search.vectors([around(0, DISCS[0][0])]))
    apart = np.linalg.norm(candidates.centres[:3, None] - np.array(DISCS[0]), axis=2)
    assert (apart.min(axis=0) < 0.3 * SIDE).all()


def test_what_cannot_be_searched_is_refused_by_name(images, search):
    with pytest.raises(UsageError, match="displayed"):
        open_search(images, displayed=())
    with pytest.raises(UsageError, match="beyond"):
        search.vectors([around(0, (3, 3))])
    with pytest.raises((UsageError, UnknownNameError), match="s9"):
        search.vectors([around(9, (40, 40))])
    with pytest.raises(UsageError, match="prototype"):
        search.similarity(0, np.zeros((0, 4, search.blocks.width), np.float32))


# The publication's mode ----------------------------------------------------------------------------------------------

PAPER = {"mode": "paper", "whiten": 0, "over": "max", "region": None}


def test_windows_one_by_one_are_the_network_on_each_window(images):
    """Features of every window by its pixels, the network and the Gaussian of .25 of the side, by hand."""
    import torch

    search = open_search(images, patch=(16, 24), **PAPER)
    prototype = around(0, DISCS[0][0])._replace(x=18, width=24)
    similarity = search.similarity(0, search.vectors([prototype]))
    grid = search.grid(0)
    assert similarity.shape == (grid.rows, grid.cols) == (31, 41)

    def feature(window):
        with torch.inference_mode():
            cells = search.blocks(torch.from_numpy(np.ascontiguousarray(window))[None])[0].double().numpy()
        down, across = (np.exp(-(((np.arange(n) - (n - 1) / 2) / (0.25 * n)) ** 2) / 2) for n in cells.shape[1:])
        weights = np.outer(down, across)
        return (cells * weights / weights.sum()).sum(axis=(1, 2))

    turns = [feature(np.rot90(images.window(0, 18, 16, 24, 16), turn, (1, 2))) for turn in range(4)]
    for row, col in ((0, 0), (5, 9), (30, 40), (14, 3)):
        x, y = round(2.4 * col), round(2.4 * row)
        own = feature(images.window(0, x, y, 24, 16))
        cosines = [own @ turn / np.linalg.norm(own) / np.linalg.norm(turn) for turn in turns]
        assert similarity[row, col] == pytest.approx(max(cosines), abs=1e-5)


def test_windows_one_by_one_find_the_objects(images):
    search = open_search(images, **{**PAPER, "region": 48})
    candidates = search.candidates(2, search.vectors(PROTOTYPES))
    apart = np.linalg.norm(candidates.centres[:2, None] - np.array(DISCS[2]), axis=2)
    assert (apart.min(axis=0) < 0.3 * SIDE).all()
    regions = candidates.regions()
    assert min(region.x for region in regions) >= 0
    assert max(region.x + region.width for region in regions) <= 120


def test_an_image_smaller_than_a_window_has_no_candidates(images):
    search = open_search(prepare_scenes([draw_scene(DISCS[0], ()), draw_scene((), (), (12, 60))]), (0,), **PAPER)
    assert len(search.candidates(1, search.vectors([around(0, DISCS[0][0])]))) == 0

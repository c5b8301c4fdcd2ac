"""Patches to train on: what is of a class, what was flagged, what is background; and requests that cannot be met."""

from __future__ import annotations

import numpy as np
import pytest
from roi_scenes import CROSSES, DISCS, SIDE, around, draw_scene, open_search, prepare_scenes

from dsim.annotations import Region
from dsim.errors import UsageError
from dsim_simsearch.selection import (
    BACKGROUND,
    NO_CLASS,
    RoiClass,
    find_background,
    select_clean,
    select_noisy,
)

DISC = RoiClass("disc", (around(0, DISCS[0][0]), around(1, DISCS[1][0])), 0.5)
CROSS = RoiClass("cross", (around(0, CROSSES[0][0]),), 0.5)


@pytest.fixture(scope="module")
def search():
    return open_search()


def threshold_below(search, one, count, indices=(0, 1)):
    """The class with a threshold that exactly its ``count`` most similar candidates pass, and these candidates."""
    vectors = search.vectors(one.prototypes)
    found = [region for index in indices for region in search.candidates(index, vectors).regions(one.name)]
    found.sort(key=lambda region: -region.score)
    return RoiClass(one.name, one.prototypes, (found[count - 1].score + found[count].score) / 2), found[:count]


def distance(one, other):
    return np.hypot(*np.subtract(one.centre, other.centre)) if one.image == other.image else np.inf


def least_distance(regions, others):
    return min(distance(one, other) for one in regions for other in others)


def test_a_class_has_its_prototypes_and_the_candidates_above_its_threshold(search):
    one, above = threshold_below(search, DISC, 6)
    background = find_background(search, (0, 1), [one])
    clean = select_clean(search, (0, 1), [one], background)
    own = [region for region, label in zip(clean.regions, clean.labels, strict=True) if label == 0]
    assert own[:2] == list(one.prototypes)
    # Each candidate that is not where a prototype lies.
    expected = [region for region in above if least_distance([region], one.prototypes) > 0.35 * SIDE]
    assert own[2:] == expected
    assert clean.classes == ("disc",)
    assert clean.count(clean.background) == len(background) == 10
    assert (clean.negative_of == NO_CLASS).all()


def test_flagged_candidates_become_negatives_of_their_class(search):
    one, above = threshold_below(search, DISC, 9)
    flagged = tuple(region for region in above if least_distance([region], one.prototypes) > SIDE)[-3:]
    judged = RoiClass(one.name, one.prototypes, one.threshold, flagged)
    clean = select_clean(search, (0, 1), [judged], [around(0, (10, 10))])
    negatives = [region for region, of in zip(clean.regions, clean.negative_of, strict=True) if of == 0]
    own = [region for region, label in zip(clean.regions, clean.labels, strict=True) if label == 0]
    assert negatives == list(flagged)
    assert (clean.labels[clean.negative_of == 0] == NO_CLASS).all()
    assert least_distance(own, flagged) > 0.35 * SIDE
    without = select_clean(search, (0, 1), [one], [around(0, (10, 10))])
    assert without.count(0) - clean.count(0) == 3


def test_a_patch_flagged_for_one_class_and_of_another_is_both(search):
    """It has one entry, so that no patch is an example and a counterexample of the background at once."""
    disc, cross = (threshold_below(search, one, 5)[0] for one in (DISC, CROSS))
    flag = around(1, CROSSES[1][0])._replace(x=CROSSES[1][0][0] - SIDE / 2 + 1)
    judged = RoiClass("disc", disc.prototypes, disc.threshold, (flag,))
    clean = select_clean(search, (0, 1), [judged, cross], [around(0, (10, 10))])
    (at,) = np.flatnonzero(clean.negative_of == 0)
    assert clean.labels[at] == 1
    assert distance(clean.regions[at], flag) < 0.35 * SIDE


def test_a_place_belongs_to_a_prototype_else_to_the_most_similar_candidate(search):
    """With thresholds that let everything pass: from the best candidate down, each takes the places around it."""
    classes = [RoiClass(one.name, one.prototypes, -1.0) for one in (DISC, CROSS)]
    clean = select_clean(search, (0, 1), classes, [around(0, (10, 10))])
    own = [[one for one, label in zip(clean.regions, clean.labels, strict=True) if label == k] for k in (0, 1)]
    ranked = [
        region
        for one in classes
        for index in (0, 1)
        for region in search.candidates(index, search.vectors(one.prototypes)).regions(one.name)
    ]
    taken = [*DISC.prototypes, *CROSS.prototypes]
    for region in sorted(ranked, key=lambda region: -region.score):
        if least_distance([region], taken) > 0.35 * SIDE:
            taken.append(region)
    for one, prototypes, regions in ((DISC, DISC.prototypes, own[0]), (CROSS, CROSS.prototypes, own[1])):
        assert regions == [*prototypes, *(region for region in taken if region.label == one.name)]


def test_noisy_patches_are_of_the_other_images(search):
    disc, cross = (threshold_below(search, one, 5)[0] for one in (DISC, CROSS))
    noisy = select_noisy(search, [2], [disc, cross], background=3)
    assert {region.image for region in noisy.regions} == {"s2"}
    own = [[one for one, label in zip(noisy.regions, noisy.labels, strict=True) if label == k] for k in (0, 1, 2)]
    for regions, objects in ((own[0], DISCS[2]), (own[1], CROSSES[2])):
        assert all(least_distance(regions, [around(2, centre)]) < 0.3 * SIDE for centre in objects)
    assert len(own[2]) == 6
    assert least_distance(own[2], own[0] + own[1]) > 0.35 * SIDE
    assert (noisy.negative_of == NO_CLASS).all()


def test_so_many_noisy_patches_at_most_are_drawn_by_the_seed(search):
    one = RoiClass("disc", DISC.prototypes, 0.0)
    every = select_noisy(search, [1, 2], [one])
    some, again, other = (select_noisy(search, [1, 2], [one], most=4, seed=seed) for seed in (0, 0, 1))
    assert some.count(0) == some.count(1) == 4 < every.count(0)
    assert some.regions == again.regions != other.regions
    assert set(some.regions) <= set(every.regions)


# Background ----------------------------------------------------------------------------------------------------------


def by_hand(search, index, classes, marked):
    """Algorithm 1 by scikit-image: the sum of similarities to all prototypes, its extremes, marked regions masked."""
    from skimage.feature import peak_local_max

    total = sum(search.similarity(index, search.vectors([one])) for c in classes for one in c.prototypes)
    grid = search.grid(index)
    found = []
    for sign in (1, -1):
        places = peak_local_max(sign * total, min_distance=1, exclude_border=False)
        centres = [(grid.x + grid.stride * col, grid.y + grid.stride * row) for row, col in places.tolist()]
        free = [
            (x, y) for x, y in centres if not any(r.x < x < r.x + r.width and r.y < y < r.y + r.height for r in marked)
        ]
        found.append(free)
    return found


def test_background_is_that_of_algorithm_1(search):
    """Without suppression; the most similar one first, then the least similar one."""
    alone = open_search(search.images, suppression=0)
    classes = [RoiClass(one.name, one.prototypes, 0.99) for one in (DISC, CROSS)]
    marked = [around(0, centre) for centre in (*DISCS[0], *CROSSES[0])]
    ours = find_background(alone, [0], classes, marked, count=4)
    maxima, minima = by_hand(
        alone, 0, classes, [*marked, *(p for c in classes for p in c.prototypes if p.image == "s0")]
    )
    assert [one.centre for one in ours] == pytest.approx(np.array([*maxima[:4], *minima[:4]]))
    assert {(one.image, one.label, one.width) for one in ours} == {("s0", BACKGROUND, SIDE)}
    assert ours[0].score > ours[3].score > ours[7].score > ours[4].score


def test_marked_regions_are_no_background_though_their_similarity_is_lowest():
    """Set to 0, as the publication says, marked objects would be the minima of similarities that are all above 0."""
    search = open_search(whiten=0)
    classes = [RoiClass("disc", DISC.prototypes, 0.99)]
    similarity = search.similarity(0, search.vectors(DISC.prototypes))
    assert similarity.min() > 0
    marked = [around(0, centre) for centre in (*DISCS[0], *CROSSES[0])]
    found = find_background(search, [0], classes, marked, count=8)
    assert least_distance(found, marked) >= SIDE / 2


def test_what_was_flagged_or_is_a_candidate_is_no_background(search):
    one, above = threshold_below(search, DISC, 6)
    flagged = (around(0, CROSSES[0][1]),)
    found = find_background(search, (0, 1), [RoiClass("disc", one.prototypes, one.threshold, flagged)], count=50)
    assert least_distance(found, [*above, *flagged]) >= SIDE / 2


def test_background_comes_from_all_images_in_turn(search):
    found = find_background(search, (0, 1, 2), [DISC], count=4)
    assert [one.image for one in found[:4]].count("s0") >= 1
    assert {one.image for one in found[:3]} == {one.image for one in found[4:7]} == {"s0", "s1", "s2"}


def test_flagged_background_goes_and_nothing_unseen_takes_its_place(search):
    shown = find_background(search, (0, 1), [DISC])
    wrong = [shown[1], shown[7]]
    assert find_background(search, (0, 1), [DISC], flagged=wrong) == [one for one in shown if one not in wrong]


# Requests that cannot be met -----------------------------------------------------------------------------------------


def test_classes_that_cannot_be_are_refused_by_name(search):
    some = [around(0, (10, 10))]
    for classes, culprit in (
        ([], "0 classes"),
        ([RoiClass("ring", (), 0.5)], "'ring'"),
        ([DISC, DISC], "'disc'"),
        ([RoiClass(BACKGROUND, DISC.prototypes, 0.5)], "'background'"),
        ([RoiClass("disc", (around(0, (2, 2)),), 0.5)], "beyond"),
        ([RoiClass("disc", (DISC.prototypes[0], around(0, (40, 40), side=20)), 0.5)], "20 x 20"),
    ):
        for ask in (
            lambda classes: select_clean(search, (0, 1), classes, some),
            lambda classes: select_noisy(search, [2], classes),
            lambda classes: find_background(search, (0, 1), classes),
        ):
            with pytest.raises(UsageError, match=culprit) as caught:
                ask(classes)
            assert caught.value.hint


def test_all_candidates_flagged_is_refused(search):
    one, above = threshold_below(search, DISC, 4)
    with pytest.raises(UsageError, match="'disc'"):
        select_clean(
            search, (0, 1), [RoiClass("disc", one.prototypes, one.threshold, tuple(above))], [around(0, (9, 9))]
        )


def test_a_flagged_prototype_is_refused(search):
    one, _ = threshold_below(search, DISC, 6)
    flagged = (one.prototypes[0]._replace(x=one.prototypes[0].x + 0.4),)
    with pytest.raises(UsageError, match="flagged"):
        select_clean(search, (0, 1), [RoiClass("disc", one.prototypes, one.threshold, flagged)], [around(0, (9, 9))])


def test_no_background_left_is_refused(search):
    shown = find_background(search, (0, 1), [DISC])
    left = find_background(search, (0, 1), [DISC], flagged=shown)
    with pytest.raises(UsageError, match="background"):
        select_clean(search, (0, 1), [DISC], left)


def test_an_image_without_free_places_gives_no_background():
    images = prepare_scenes([draw_scene(((20, 20),), (), (40, 40))])
    search = open_search(images, displayed=(0,))
    one = RoiClass("disc", (around(0, (20, 20)),), 0.9)
    assert find_background(search, [0], [one], [Region("s0", -5, -5, 60, 60)]) == []

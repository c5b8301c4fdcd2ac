"""The truths that phantoms are made for: the order on a ladder, and the nearest source of a target."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.data.phantoms import TRUE_SOURCE, content_ladder, sources, style_ladder, targets
from dsim.data.phantoms.catalogue import names, phantom, source_names
from dsim.errors import UnknownNameError, UsageError

modalities = pytest.mark.parametrize("name", source_names())


def statistics(data):
    """Plain statistics (n, 12) that know nothing of the generator: tones, spreads, colourfulness, gradient, shadow."""
    return np.stack([_statistics(data.native(i) / 255) for i in range(len(data))])


def _statistics(image):
    image = np.broadcast_to(image, (*image.shape[:2], 3))
    gray = image.mean(2)
    gradient = np.hypot(*np.gradient(gray)).mean()
    tail = np.percentile(gray, (5, 95))
    asymmetry = np.abs(gray - gray[:, ::-1]).mean()
    colourfulness = np.ptp(image, axis=2).mean()
    tones = [*image.mean((0, 1)), *image.std((0, 1)), colourfulness, *tail]
    return np.array([*tones, gradient, asymmetry, (gray < 0.05).mean()])


def distances_to_first(ladder):
    found = [statistics(data) for data in ladder]
    spread = np.concatenate(found).std(0) + 1e-9
    return [float(np.linalg.norm((step.mean(0) - found[0].mean(0)) / spread)) for step in found]


@modalities
def test_plain_statistics_recover_the_style_ladder(name):
    distances = distances_to_first(style_ladder(5, base=name, count=12, size=64))
    assert distances[0] == 0
    assert all(np.diff(distances) > 0)


@modalities
def test_plain_statistics_recover_the_content_ladder(name):
    """Content moves less than style and counts are whole numbers, so three steps and more images are looked at."""
    distances = distances_to_first(content_ladder(3, base=name, count=20, size=64))
    assert distances[0] == 0
    assert all(np.diff(distances) > 0)


def test_steps_of_a_style_ladder_show_the_same_scenes():
    ladder = style_ladder(3, base="ultrasound", count=3, size=32)
    assert len({data.labels for data in ladder}) == 1
    assert all(np.array_equal(data.mask(i), ladder[0].mask(i)) for data in ladder for i in range(3))


def test_knob_distance_grows_evenly_along_a_ladder():
    for ladder, kind in ((style_ladder(5), "style"), (content_ladder(5), "content")):
        knobs = [getattr(data.backing.recipe, kind) for data in ladder]
        assert np.diff([knobs[0].distance(knob) for knob in knobs]) == pytest.approx([knobs[0].distance(knobs[1])] * 4)


def test_a_ladder_may_move_one_knob_only():
    ladder = style_ladder(2, base="xray", goal={"noise": 1.0})
    assert ladder[1].backing.recipe.style == phantom("xray").style.turned({"noise": 1.0})


def test_a_ladder_refuses_one_step_unknown_knobs_and_wrong_options():
    with pytest.raises(UsageError, match="'size' must lie in"):
        style_ladder(size=3)
    with pytest.raises(UsageError, match="at least 2 steps"):
        style_ladder(1)
    with pytest.raises(UnknownNameError, match="Did you mean 'noise'"):
        style_ladder(goal={"nose": 1})


@pytest.mark.parametrize("seed", range(3))
def test_plain_statistics_find_the_true_source_of_every_target(seed):
    pool = {data.name: statistics(data) for data in sources(seed=seed, count=16)}
    asked = {data.name: statistics(data) for data in targets(seed=seed, count=16)}
    spread = np.concatenate([*pool.values(), *asked.values()]).std(0)
    for target, found in asked.items():
        distance = {name: np.linalg.norm((found.mean(0) - known.mean(0)) / spread) for name, known in pool.items()}
        assert min(distance, key=distance.get) == TRUE_SOURCE[target]


def test_the_catalogue_holds_nine_sources_and_six_variants():
    assert len(sources()) == 9
    assert len(targets()) == 6
    assert names() == [data.name for data in (*sources(), *targets())]
    assert set(TRUE_SOURCE.values()) <= set(source_names())
    assert len({phantom(name).draw for name in source_names()}) == 9


@pytest.mark.parametrize("target", list(TRUE_SOURCE))
def test_a_target_differs_from_its_source_in_style_and_content_only(target):
    variant, source = phantom(target), phantom(TRUE_SOURCE[target])
    assert variant.draw is source.draw
    assert variant.classes == source.classes
    assert variant.style != source.style
    assert variant.content != source.content

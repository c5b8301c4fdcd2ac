"""Each knob does what its documentation says, in every modality, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.data.phantoms import Content, Style, open_phantom
from dsim.data.phantoms.catalogue import source_names
from dsim.errors import UnknownNameError, UsageError

SIZE, COUNT = 64, 4
modalities = pytest.mark.parametrize("name", source_names())


def images(name, count=COUNT, **knobs):
    """Intensities (n, H, W, C) in [0, 1]."""
    data = open_phantom(name, count=count, size=SIZE, **knobs)
    return np.stack([data.native(i) for i in range(count)]) / 255


def masks(name, count=COUNT, **knobs):
    data = open_phantom(name, count=count, size=SIZE, **knobs)
    return np.stack([data.mask(i) for i in range(count)]) > 0


def laplacian(stack):
    """What lies at the highest frequencies, (n, H - 2, W - 2, C)."""
    around = stack[:, :-2, 1:-1] + stack[:, 2:, 1:-1] + stack[:, 1:-1, :-2] + stack[:, 1:-1, 2:]
    return 4 * stack[:, 1:-1, 1:-1] - around


def fine_detail(stack):
    return float(np.mean(laplacian(stack) ** 2))


def detail_where_smooth(stacks):
    """Fine detail of each stack in the half of the pixels where the first is smoothest: edges do not drown it."""
    strength = np.abs(laplacian(stacks[0]))
    smooth = strength < np.quantile(strength[strength > 0], 0.5)
    return [float(np.mean(laplacian(stack)[smooth] ** 2)) for stack in stacks]


def regions(stack):
    from skimage.measure import label, regionprops

    return [region for mask in stack for region in regionprops(label(mask)) if region.area >= 6]


def strictly_growing(values):
    return all(np.diff(values) > 0)


@modalities
def test_noise_adds_fine_detail(name):
    assert strictly_growing([fine_detail(images(name, noise=level)) for level in (0, 0.25, 0.5, 1)])


@modalities
def test_blur_takes_fine_detail_away(name):
    assert strictly_growing([fine_detail(images(name, noise=0, blur=level)) for level in (1, 0.6, 0.3, 0)])


@modalities
def test_texture_adds_fine_detail(name):
    stacks = [images(name, noise=0, blur=0, texture=level) for level in (0, 0.5, 1)]
    assert strictly_growing(detail_where_smooth(stacks))


@modalities
def test_contrast_widens_the_histogram(name):
    spreads = [images(name, noise=0, contrast=level).std((1, 2)).mean() for level in (-1, -0.5, 0, 0.5, 1)]
    assert strictly_growing(spreads)


@modalities
def test_colour_warms_colour_images_and_lightens_gray_ones(name):
    def tone(level):
        stack = images(name, noise=0, colour=level)
        return float((stack[..., 0] - stack[..., 2]).mean() if stack.shape[3] == 3 else stack.mean())

    assert strictly_growing([tone(level) for level in (-1, -0.5, 0, 0.5, 1)])


@modalities
def test_illumination_makes_the_light_ever_less_even(name):
    even = images(name, noise=0, illumination=0)
    uneven = [np.abs(images(name, noise=0, illumination=level) - even).mean() for level in (0, 0.3, 0.6, 1)]
    assert strictly_growing(uneven)


@modalities
def test_style_changes_neither_masks_nor_labels(name):
    plain = open_phantom(name, count=6, size=SIZE)
    other = open_phantom(
        name, count=6, size=SIZE, colour=-0.7, contrast=0.6, texture=1, noise=0.8, blur=0.7, illumination=0.9
    )
    assert plain.labels == other.labels
    assert all(np.array_equal(plain.mask(i), other.mask(i)) for i in range(6))
    assert not any(np.array_equal(plain.native(i), other.native(i)) for i in range(6))


@modalities
def test_scale_grows_the_area_of_the_masks(name):
    assert strictly_growing([masks(name, scale=level).mean() for level in (0, 0.25, 0.5, 0.75, 1)])


@modalities
def test_shape_elongates_the_objects(name):
    def eccentricity(level):
        return np.mean([region.eccentricity for region in regions(masks(name, 8, shape=level, scale=0.25, density=0))])

    assert strictly_growing([eccentricity(level) for level in (0, 0.5, 1)])


@pytest.mark.parametrize("name", ["fluorescence", "histology", "phase-contrast", "relief", "ultrasound", "endoscopy"])
def test_density_grows_the_number_of_objects(name):
    counts = [len(regions(masks(name, 8, density=level, scale=0.1))) for level in (0, 0.5, 1)]
    assert strictly_growing(counts)


@pytest.mark.parametrize("name", ["xray", "dermoscopy", "fundus"])
def test_density_adds_structures_where_there_is_one_object(name):
    """Vessels, hairs, lung markings: the object that the mask marks stays."""
    stacks = [images(name, 8, noise=0, blur=0, density=level) for level in (0, 0.5, 1)]
    assert strictly_growing(detail_where_smooth(stacks))


@pytest.mark.parametrize("value", [1.01, -0.01, float("nan"), float("inf")])
def test_a_knob_refuses_a_value_out_of_its_range(value):
    with pytest.raises(UsageError, match=r"knob 'noise' must lie in \[0, 1\]"):
        Style(noise=value)


def test_signed_knobs_have_two_directions():
    assert Style(colour=-1, contrast=-1).colour == -1
    with pytest.raises(UsageError, match=r"knob 'colour' must lie in \[-1, 1\]"):
        Style(colour=-1.5)


def test_an_unknown_knob_is_refused_with_the_nearest_known():
    with pytest.raises(UnknownNameError, match="Did you mean 'texture'"):
        Style().turned({"textur": 1})


def test_moving_is_straight_and_distance_grows_evenly():
    start, goal = Content(shape=0, scale=0, density=0), Content(shape=1, scale=1, density=1)
    distances = [start.distance(start.moved(goal, share)) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert distances == pytest.approx([share * 3**0.5 for share in (0, 0.25, 0.5, 0.75, 1)])

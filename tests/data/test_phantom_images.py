"""Phantoms are reproducible, independent image by image, and their masks and labels tell the truth."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from dsim.data.phantoms import names, open_phantom
from dsim.data.phantoms.catalogue import phantom, source_names
from dsim.data.phantoms.opener import GROUP_SIZE, Recipe, _remembered

everyone = pytest.mark.parametrize("name", names())
modalities = pytest.mark.parametrize("name", source_names())

HASHES = """
import hashlib
from dsim.data.phantoms import names, open_phantom
for name in names():
    data = open_phantom(name, count=2, size=48, seed=3)
    print(name, hashlib.sha256(data.native(1).tobytes() + data.mask(1).tobytes()).hexdigest())
"""


def test_another_process_renders_the_same_bytes():
    printed = subprocess.run([sys.executable, "-c", HASHES], check=True, capture_output=True, text=True).stdout
    theirs = dict(line.split() for line in printed.splitlines())
    for name in names():
        data = open_phantom(name, count=2, size=48, seed=3)
        assert theirs[name] == hashlib.sha256(data.native(1).tobytes() + data.mask(1).tobytes()).hexdigest(), name


@modalities
def test_an_image_depends_on_no_other_image(name):
    """Neither on the order of rendering, nor on how many there are, nor on what was remembered."""
    many = open_phantom(name, count=9, size=40)
    backwards = {i: many.native(i) for i in reversed(range(9))}
    _remembered.cache_clear()
    few = open_phantom(name, count=6, size=40)
    assert all(np.array_equal(few.native(i), backwards[i]) for i in range(6))
    assert few.labels == many.labels[:6]


@modalities
def test_images_differ_between_indices_and_seeds(name):
    first, second = open_phantom(name, count=2, size=40), open_phantom(name, count=2, size=40, seed=1)
    assert not np.array_equal(first.native(0), first.native(1))
    assert not np.array_equal(first.native(0), second.native(0))


def test_the_global_random_state_is_left_alone():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for name in names():
        Recipe(name, 32, 0, 8, phantom(name).style, phantom(name).content).render(0)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_what_a_caller_does_to_an_image_stays_with_the_caller():
    data = open_phantom("fundus", count=1, size=32)
    untouched = data.native(0)
    data.native(0)[:] = 0
    data.mask(0)[:] = 0
    assert np.array_equal(data.native(0), untouched)
    assert data.mask(0).any()


@modalities
def test_the_size_in_pixels_does_not_change_the_scene(name):
    small = open_phantom(name, count=2, size=64, noise=0).native(1)
    large = open_phantom(name, count=2, size=192, noise=0).native(1)
    reduced = large.reshape(64, 3, 64, 3, -1).mean((1, 3))
    assert np.corrcoef(small.ravel(), reduced.ravel())[0, 1] > 0.9


@everyone
def test_shapes_types_and_values(name):
    data = open_phantom(name, count=3, size=50)
    channels = 3 if phantom(name).modality in ("histology", "dermoscopy", "fundus", "endoscopy") else 1
    for i in range(3):
        image, mask = data.native(i), data.mask(i)
        assert image.dtype == np.uint8
        assert image.shape == (50, 50, channels)
        assert mask.dtype == np.uint8
        assert mask.shape == (50, 50)
        assert set(np.unique(mask)) <= {0, 255}


@everyone
def test_every_image_has_objects_and_ground(name):
    data = open_phantom(name, count=24, size=48)
    shares = [(data.mask(i) > 0).mean() for i in range(24)]
    assert min(shares) > 0.002
    assert max(shares) < 0.9


def separation(image, mask):
    """How well a channel or the gradient tells inside from a ring around: distance of an AUC from 1/2, the best."""
    from scipy.ndimage import binary_dilation

    inside = mask > 0
    ring = binary_dilation(inside, iterations=6) & ~inside
    fields = [*np.moveaxis(image.astype(float), 2, 0), np.hypot(*np.gradient(image.astype(float).mean(2)))]
    return max(abs(auc(field[inside], field[ring]) - 0.5) for field in fields)


def auc(inside, outside):
    from scipy.stats import mannwhitneyu

    return mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside))


@modalities
def test_masks_lie_on_their_objects(name):
    """Inside differs from outside, and less so when the same mask is moved away."""
    data = open_phantom(name, count=8, size=64, noise=0)
    there = [separation(data.native(i), data.mask(i)) for i in range(8)]
    moved = [separation(data.native(i), np.roll(data.mask(i), (21, 27), (0, 1))) for i in range(8)]
    assert np.mean(there) > 0.15
    assert np.mean(there) > 1.5 * np.mean(moved)


@everyone
def test_labels_are_balanced_and_of_at_least_two_classes(name):
    data = open_phantom(name, count=24, size=16)
    assert data.classes == phantom(name).classes
    assert len(data.classes) >= 2
    counts = [data.labels.count(label) for label in data.classes]
    assert max(counts) == min(counts)


@modalities
def test_labels_can_be_seen_in_the_images(name):
    """Nearest class mean of plain statistics, learned on one seed, is right on another far more often than chance."""
    train, test = (open_phantom(name, count=36, size=64, seed=seed) for seed in (0, 1))
    known, asked = (np.stack([appearance(data, i) for i in range(36)]) for data in (train, test))
    centre, spread = known.mean(0), known.std(0) + 1e-9
    known, asked = (known - centre) / spread, (asked - centre) / spread
    means = np.stack([known[np.array(train.labels) == label].mean(0) for label in train.classes])
    found = np.linalg.norm(asked[:, None] - means[None], axis=2).argmin(1)
    right = np.mean([train.classes[k] == label for k, label in zip(found, test.labels, strict=True)])
    assert right > 0.5 + 0.5 / len(train.classes)


def appearance(data, index):
    """Colours within and around the objects, their number, size and roundness."""
    from skimage.measure import label, regionprops

    image, mask = data.native(index) / 255, data.mask(index) > 0
    found = regionprops(label(mask))
    inside, outside = image[mask], image[~mask]
    gradient = np.hypot(*np.gradient(image.mean(2)))
    shape = [len(found), np.mean([r.area for r in found]), np.mean([r.eccentricity for r in found])]
    tones = [*inside.mean(0), *inside.std(0), *np.percentile(inside, (5, 95)), *outside.mean(0)]
    spots = np.percentile(local_contrast(image)[far_from(mask)], (1, 99))
    return np.array([*tones, *spots, *shape, gradient[mask].mean(), gradient[~mask].mean()])


def local_contrast(image):
    from scipy.ndimage import gaussian_filter

    gray = image.mean(2)
    return gray - gaussian_filter(gray, 3)


def far_from(mask):
    """Pixels at some distance from the objects' centre, and from the image's edge."""
    row, column = np.indices(mask.shape)
    away = np.hypot(row - np.nonzero(mask)[0].mean(), column - np.nonzero(mask)[1].mean()) > 0.15 * len(mask)
    return away & (np.hypot(row - len(mask) / 2, column - len(mask) / 2) < 0.4 * len(mask))


def test_consecutive_images_share_a_group_and_its_light():
    data = open_phantom("histology", count=24, size=64, noise=0, blur=0, illumination=1)
    assert data.groups[:GROUP_SIZE] == ("slide-000",) * GROUP_SIZE
    assert len(set(data.groups)) == 24 // GROUP_SIZE
    tones = np.stack([np.median(data.native(i), (0, 1)) for i in range(24)]).reshape(6, GROUP_SIZE, 3)
    between = tones.mean(1).var(0).mean()
    assert between > tones.var(1).mean() / GROUP_SIZE


@everyone
def test_a_phantom_survives_pickling(name):
    data = open_phantom(name, count=2, size=32)
    again = pickle.loads(pickle.dumps(data))
    assert again == data
    assert np.array_equal(again.native(1), data.native(1))


def test_fingerprints_need_no_rendering_and_tell_recipes_apart(monkeypatch):
    def refuse(*args):
        raise AssertionError("rendered")

    monkeypatch.setattr(Recipe, "render", refuse)
    variants = [{}, {"noise": 0.5}, {"scale": 0.9}, {"seed": 1}, {"size": 97}, {"depth": 16}]
    found = [open_phantom("xray", count=3, **options) for options in variants]
    assert len({data.images_fingerprint for data in found}) == len(variants)
    assert len({data.masks_fingerprint for data in found} | {data.images_fingerprint for data in found}) == 12
    assert open_phantom("xray", count=3).images_fingerprint == found[0].images_fingerprint
    assert found[0].renamed("other").images_fingerprint == found[0].images_fingerprint


def test_deep_images_show_the_same_scene_in_16_bits():
    shallow, deep = (open_phantom("fluorescence", count=1, depth=depth).native(0) for depth in (8, 16))
    assert deep.dtype == np.uint16
    assert deep.min() >= 200
    assert 255 < deep.max() < 2**15
    assert np.abs((deep.astype(float) - 200) / 16000 * 255 - shallow).max() <= 0.51

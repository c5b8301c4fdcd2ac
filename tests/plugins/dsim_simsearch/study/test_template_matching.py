"""Template matching equals scikit-image's with one channel, and its definition with several."""

from __future__ import annotations

import numpy as np
from skimage.feature import match_template

from dsim_simsearch.study.template_matching import correlate_templates

RNG = np.random.default_rng(0)


def test_one_channel_equals_scikit_image() -> None:
    image = RNG.random((1, 60, 50)).astype(np.float32)
    templates = RNG.random((2, 1, 12, 9)).astype(np.float32)
    found = correlate_templates(image, templates)
    for template, values in zip(templates, found, strict=True):
        np.testing.assert_allclose(values, match_template(image[0], template[0]), atol=1e-4)


def test_several_channels_have_means_of_their_own_and_one_norm() -> None:
    image, template = (RNG.random((3, side, side)).astype(np.float32) for side in (20, 6))
    found = correlate_templates(image, template[None])[0]
    window = image[:, 5:11, 8:14].astype(np.float64)
    parts = [each - each.mean(axis=(1, 2), keepdims=True) for each in (window, template.astype(np.float64))]
    expected = (parts[0] * parts[1]).sum() / np.sqrt((parts[0] ** 2).sum() * (parts[1] ** 2).sum())
    np.testing.assert_allclose(found[5, 8], expected, atol=1e-5)


def test_brightness_and_contrast_change_nothing_and_flat_windows_match_nothing() -> None:
    image = RNG.random((2, 30, 30)).astype(np.float32)
    image[:, 20:] = 0.5
    template = image[:, 4:12, 4:12]
    found = correlate_templates(image, template[None])
    np.testing.assert_allclose(correlate_templates(0.4 * image + 0.3, template[None]), found, atol=1e-4)
    assert found[0, 4, 4] > 0.999
    assert (found[0, 20:] == 0).all()
    assert (correlate_templates(image, np.full((1, 2, 5, 5), 0.2, np.float32)) == 0).all()

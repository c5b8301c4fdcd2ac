"""The linear layer: what it learns, when it stops, and that each draw is trained by itself."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.efficiency.linear_layer import LinearSettings, choose_validation, predict_linear

rng = np.random.default_rng(0)
CLASSES = np.arange(60) % 3
FEATURES = (rng.normal(size=(60, 8)) + 2 * np.eye(8)[CLASSES]).astype(np.float32)
TEST = (rng.normal(size=(90, 8)) + 2 * np.eye(8)[np.arange(90) % 3]).astype(np.float32)
DRAWS = [np.sort(rng.permutation(60)[:24]) for _ in range(4)]
KEYS = [*"abcd"]


def test_it_is_the_layer_that_torch_trains() -> None:
    import torch

    # One image of each class: no validation, and a fixed number of steps.
    settings, draw = LinearSettings(fixed=40), np.array([3, 7, 11])
    found = predict_linear(FEATURES, CLASSES, [draw], TEST, ["a"], settings)[0]
    rows, labels = FEATURES[draw], torch.from_numpy(CLASSES[draw])
    mean, scale = rows.mean(axis=0), np.sqrt(rows.var(axis=0).mean())
    weight, bias = (torch.zeros(shape, requires_grad=True) for shape in ((3, 8), (3,)))
    adam = torch.optim.Adam([weight, bias], lr=settings.rate)
    for _ in range(settings.fixed):
        adam.zero_grad()
        logits = torch.nn.functional.linear(torch.from_numpy((rows - mean) / scale), weight, bias)
        torch.nn.functional.cross_entropy(logits, labels).backward()
        adam.step()
    expected = torch.nn.functional.linear(torch.from_numpy((TEST - mean) / scale), weight, bias).argmax(dim=1)
    assert (found == expected.numpy()).mean() > 0.98  # float32: single images on a boundary may differ


def test_it_learns() -> None:
    found = predict_linear(FEATURES, CLASSES, DRAWS, TEST, KEYS)
    assert found.shape == (4, 90)
    assert (found == np.arange(90) % 3).mean() > 0.6


def test_draws_are_trained_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    together = predict_linear(FEATURES, CLASSES, DRAWS, TEST, KEYS)
    alone = np.concatenate(
        [predict_linear(FEATURES, CLASSES, [d], TEST, [k]) for d, k in zip(DRAWS, KEYS, strict=True)]
    )
    assert (together == alone).all()
    monkeypatch.setattr("dsim.efficiency.linear_layer._NUMBERS", 2 * 24 * 8)
    assert (predict_linear(FEATURES, CLASSES, DRAWS, TEST, KEYS) == together).all()


def test_neither_scale_nor_place_of_the_features_matters() -> None:
    moved = predict_linear(1000 * FEATURES + 7, CLASSES, DRAWS, 1000 * TEST + 7, KEYS)
    assert (moved == predict_linear(FEATURES, CLASSES, DRAWS, TEST, KEYS)).mean() > 0.98


def test_one_image_of_each_class_is_enough_without_validation() -> None:
    draw = np.array([0, 1, 2])
    assert not choose_validation(CLASSES[draw], 0.3, "a").any()
    assert (predict_linear(FEATURES, CLASSES, [draw], FEATURES[draw], ["a"])[0] == [0, 1, 2]).all()


def test_validation_is_a_share_of_every_class_that_leaves_one_to_train() -> None:
    classes = np.repeat([0, 1, 2, 3], [10, 3, 2, 1])
    held = choose_validation(classes, 0.3, "key")
    assert [int(held[classes == code].sum()) for code in range(4)] == [3, 1, 1, 0]
    assert (choose_validation(classes, 0.3, "other") != held).any()


def test_equal_features_are_no_fault() -> None:
    assert predict_linear(np.ones((4, 2), np.float32), np.arange(4) % 2, [np.arange(4)], TEST[:, :2], ["a"]).shape == (
        1,
        90,
    )

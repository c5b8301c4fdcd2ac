"""Promises of the settings: schedules are the original's, and what is automatic follows from images and steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dsim.errors import UsageError
from dsim.learning import Position, share_left_after
from dsim_dino.recipe import DinoRecipe, resolve, small_momentum
from dsim_dino.training_specs import TRAINER


def recipe(images: int = 600, steps: int = 10, preset: str = "", **given: Any) -> DinoRecipe:
    return resolve(TRAINER.values(given, preset), images, steps)


def at(step: int, epochs: int = 10, steps: int = 10) -> Position:
    return Position(step // steps, epochs, step, epochs * steps)


def test_the_learning_rate_has_the_golden_values_of_the_original() -> None:
    schedule = recipe(lr=5e-4, lr_scaling="linear", batch=256, epochs=10, warmup=2.0).lr_schedule
    values = [schedule(at(step)) for step in (0, 1, 19, 20, 60, 99)]
    np.testing.assert_allclose(values, [0, 2.63157895e-5, 5e-4, 5e-4, 2.505e-4, 1.19235546e-6], rtol=1e-8)


def test_the_momentum_has_the_golden_values_of_the_original() -> None:
    schedule = recipe(momentum=0.996, epochs=10).momentum_schedule
    np.testing.assert_allclose([schedule(at(step)) for step in (0, 50, 99)], [0.996, 0.998, 0.99999901], rtol=1e-8)


@pytest.mark.parametrize("warmup", [0, 1, 2, 5])
def test_the_temperature_is_numpys_linspace_then_constant(warmup: int) -> None:
    schedule = recipe(
        teacher_temperature=0.02, final_teacher_temperature=0.04, teacher_warmup=warmup, epochs=8
    ).temperature_schedule
    wanted = [*np.linspace(0.02, 0.04, warmup), *[0.04] * (8 - warmup)]
    np.testing.assert_allclose([schedule(at(10 * epoch, epochs=8)) for epoch in range(8)], wanted)


@pytest.mark.parametrize("steps", [900, 1500, 2000])
def test_small_leaves_one_percent_of_the_initial_teacher(steps: int) -> None:
    schedule = recipe(epochs=steps // 10).momentum_schedule
    assert share_left_after(schedule, steps, steps) == pytest.approx(0.01, rel=0.3)


def test_a_very_short_training_keeps_a_momentum_that_averages() -> None:
    assert small_momentum(10) == 0.99


def test_many_images_take_the_papers_settings_and_few_those_of_small() -> None:
    few, many = recipe(images=19_999), recipe(images=20_000, steps=300)
    assert (few.recipe, few.outputs, few.final_teacher_temperature) == ("small", 1024, 0.02)
    assert (many.recipe, many.outputs, many.momentum, many.final_teacher_temperature) == ("paper", 65536, 0.9995, 0.04)
    assert recipe(images=20_000, steps=300, preset="small", epochs=7).outputs == 1024


def test_a_warmup_is_never_longer_than_a_tenth_of_a_small_training() -> None:
    assert recipe(epochs=30).warmup == pytest.approx(3.0)
    assert recipe(epochs=300).warmup == 10.0


def test_trained_weights_move_more_slowly_than_random_ones_in_a_small_training() -> None:
    assert recipe().backbone_lr == 1.0
    assert recipe(start="imagenet").backbone_lr == 0.2
    assert recipe(preset="paper").backbone_lr == 1.0


@pytest.mark.parametrize(
    "given",
    [
        {"outputs": 1},
        {"global_crops": 1, "local_crops": 0},
        {"local_size": 96},
        {"global_area": (1.0, 0.5)},
        {"local_area": (0.1,)},
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_fix(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        recipe(**given)
    assert refused.value.hint


@pytest.mark.parametrize("preset", ["small", "paper", "original"])
def test_a_preset_resolves_to_its_own_recipe(preset: str) -> None:
    resolved = recipe(preset=preset)
    assert resolved.recipe == preset
    assert all(resolved.values[name] for name in ("outputs", "epochs", "momentum", "teacher_temperature", "peak_lr"))

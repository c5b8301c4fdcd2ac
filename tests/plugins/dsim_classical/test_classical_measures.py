"""CC, NMI and FRC as measures: frozen reference values, any images, clear reasons where there is no value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, from_arrays
from dsim.measures import DatasetView, SimilarityMatrix, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.runtime import Runtime

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "classical.json").read_text("utf-8"))
MEASURES = ("cc", "cc:shift=true", "nmi", "frc")


def images_of_the_reference(size: int, seed: int) -> np.ndarray:
    """The recipe that stands beside the values, run as it stands."""
    import scipy.ndimage

    recipe: dict[str, Any] = {"np": np, "scipy": scipy}
    exec("\n".join(REFERENCE["recipe"]), recipe)
    images: np.ndarray = recipe["images"](51, size, seed)
    return images


def view(dataset: Dataset, measure: SimilarityMeasure[Any]) -> DatasetView:
    return DatasetView(dataset, measure.spec.needs, measure.spec.name, Runtime())


def summary(measure: SimilarityMeasure[Any], dataset: Dataset) -> Any:
    return measure.summarise(view(dataset, measure), stream(0))


def noise(n: int, seed: int, shape: tuple[int, ...] = (20, 30, 3)) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)
    return from_arrays(images, name=f"noise{seed}")


def with_constants(*positions: int) -> Dataset:
    images = np.random.default_rng(9).integers(0, 256, (6, 16, 16), dtype=np.uint8)
    images[list(positions)] = 77
    return from_arrays(images, name="flat", ids=[f"image{i}" for i in range(6)])


def compare(sources: list[Dataset], measure: str, **options: Any) -> SimilarityMatrix:
    return dsim.compare(sources, measure=measure, **options)


@pytest.mark.parametrize(
    "case", REFERENCE["values"], ids=lambda case: f"{case['measure']}-{case['size']}-{case['how']}"
)
def test_equals_the_frozen_reference(case: dict[str, Any]) -> None:
    parameters = {**case["parameters"], "size": case["size"]}
    options = ",".join(f"{name}={str(value).lower()}" for name, value in parameters.items())
    measure = build_measure(f"{case['measure']}:{options}")
    source, target = (
        summary(measure, from_arrays(images_of_the_reference(case["size"], seed), name=f"s{seed}")) for seed in (0, 1)
    )
    assert measure.compare(source, target) == pytest.approx(case["mean_over_pairs"], abs=1e-6)


@pytest.mark.parametrize("name", MEASURES)
def test_the_value_is_the_mean_over_all_pairs_with_and_without_intervals(name: str) -> None:
    measure = build_measure(name)
    source, target = summary(measure, noise(5, 1)), summary(measure, noise(4, 2))
    scores = measure.pairwise(source, target)  # type: ignore[attr-defined]
    draws = [np.arange(5)], [np.arange(4)]
    assert scores.shape == (5, 4)
    assert measure.compare(source, target) == pytest.approx(scores.mean(), abs=1e-7)
    assert measure.compare_with_replicates(source, target, *draws)[0] == pytest.approx(scores.mean(), abs=1e-7)


@pytest.mark.parametrize("name", MEASURES)
def test_images_of_any_size_depth_and_channels_are_compared(name: str) -> None:
    rng = np.random.default_rng(0)
    shapes = [(40, 31), (9, 80, 3), (64, 64, 4), (20, 20, 7)]
    mixed = from_arrays([rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes], name="mixed")
    deep = from_arrays(rng.integers(0, 4096, (3, 50, 40), dtype=np.uint16), name="deep")
    real = from_arrays(rng.random((3, 50, 40), dtype=np.float32), name="real")
    values = compare([mixed, deep, real], name).values
    low, high = build_measure(name).spec.bounds
    assert ((values >= low) & (values <= high)).all()


@pytest.mark.parametrize("name", ["cc", "cc:shift=true", "frc"])
def test_constant_images_fail_the_cells_of_their_dataset_by_name(name: str) -> None:
    matrix = compare([with_constants(1, 4), noise(3, 1), noise(3, 2)], name)
    assert np.isnan(matrix.values[0]).all()
    assert np.isfinite(matrix.values[1:, 1:]).all()
    for note in matrix.notes[0]:
        assert "2 of 6 images of 'flat' are constant" in note
        assert "image1, image4" in note


@pytest.mark.parametrize("name", ["cc", "cc:shift=true", "frc", "nmi"])
def test_images_of_one_pixel_are_constant_images(name: str) -> None:
    pixels = from_arrays(np.arange(4, dtype=np.uint8).reshape(4, 1, 1), name="pixels")
    matrix = compare([pixels, noise(4, 1)], name)
    assert np.isnan(matrix.values[0, 0])
    assert "constant" in matrix.notes[0][0]


def test_nmi_fails_only_where_two_constant_images_meet() -> None:
    flat, other = with_constants(0), with_constants(2, 3).renamed("other")
    matrix = compare([flat, other, noise(3, 1)], "nmi")
    assert np.isfinite(matrix.values).tolist() == [[False, False, True], [False, False, True], [True, True, True]]
    assert "2 of 36 image pairs are pairs of two constant images" in matrix.notes[0][1]


def test_nmi_gives_no_interval_either_where_a_pair_is_undefined() -> None:
    matrix = compare([with_constants(0), with_constants(2).renamed("other")], "nmi", bootstrap=20)
    assert np.isnan(matrix.values).all()
    assert "constant" in matrix.notes[0][1]


@pytest.mark.parametrize("name", MEASURES)
def test_an_interval_of_a_self_like_pair_holds_its_value(name: str) -> None:
    matrix = compare([noise(8, 1), noise(8, 2)], name, bootstrap=60)
    assert matrix.low is not None
    assert matrix.high is not None
    assert matrix.low[0, 1] <= matrix.values[0, 1] <= matrix.high[0, 1]


def test_a_broad_dataset_can_be_less_like_itself_than_like_another() -> None:
    """Why self_is_optimal is declared False: only the mean images meet, and a mean of varied images is weak."""
    rng = np.random.default_rng(4)
    pattern = rng.random((16, 16))
    varied = pattern + 3 * rng.random((6, 16, 16))
    alike = np.repeat(pattern[None], 6, axis=0)
    matrix = compare([from_arrays(varied, name="varied"), from_arrays(alike, name="alike")], "cc:size=16")
    assert matrix.value("varied", "varied") < matrix.value("varied", "alike")


def test_a_larger_common_form_sees_finer_structure() -> None:
    """Images that share nothing but their fine texture are alike at 64 pixels, and not at 8."""
    rng = np.random.default_rng(5)
    frequency = np.fft.fftfreq(64, 1 / 64)
    fine = np.hypot(frequency[:, None], frequency) > 6

    def texture(fine_part: np.ndarray) -> np.ndarray:
        spectrum = np.where(fine, np.fft.fft2(fine_part), np.fft.fft2(rng.standard_normal((64, 64))))
        return 0.5 + 0.08 * np.fft.ifft2(spectrum).real

    shared = rng.standard_normal((64, 64))
    sets = [from_arrays(np.stack([texture(shared) for _ in range(6)]), name=name) for name in "ab"]
    at_8, at_64 = (compare(sets, f"frc:size={size}").value("a", "b") for size in (8, 64))
    assert at_64 == pytest.approx(1 - 7 / 32, abs=0.05)
    assert at_8 < 0.3

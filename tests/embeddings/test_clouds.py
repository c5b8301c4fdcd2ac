"""Clouds of datasets in the plane: regions by modality, ellipses, projections, and models that place them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, modality_family, stated_modality
from dsim.embeddings import Cloud, DatasetMap, fit_ellipse, lay_out_map, open_latent_model
from dsim.errors import UsageError

MODEL = "zoo:asap-resnet18.biomed16.r1"
WORDS = {"schema": "dsim.asap-map/1", "meaning": "distances are distances"}
HOSTILE = '</script><img src=x onerror="alert(1)">&'


def dataset(name: str, n: int, **options: object) -> Dataset:
    pixels = np.random.default_rng(n).integers(0, 255, (n, 20, 30, 3)).astype(np.uint8)
    return dsim.from_arrays(pixels, name=name, **options)  # type: ignore[arg-type]


@pytest.fixture
def clouds() -> list[Cloud]:
    rng = np.random.default_rng(0)
    sets = [
        dataset("cells", 6, attributes={"modality": "confocal fluorescence"}),
        dataset("nuclei", 5, attributes={"modality": "wide-field fluorescence"}),
        dataset(HOSTILE, 4, ids=[f"<b>{number}" for number in range(4)]),
        dataset("single", 1),
    ]
    roles = ("source", "source", "target", "target")
    return [
        Cloud(one, place + rng.standard_normal((len(one), 2)), role)  # type: ignore[arg-type]
        for one, role, place in zip(sets, roles, ([0, 0], [3, 0], [0, 5], [8, 8]), strict=True)
    ]


@pytest.fixture
def found(clouds: list[Cloud]) -> DatasetMap:
    return lay_out_map(clouds, open_latent_model(MODEL))


def test_datasets_of_one_family_share_an_ellipse_and_others_have_their_own(found: DatasetMap) -> None:
    regions = [(region.kind, region.members) for region in found.regions]
    assert regions == [("modality", ("cells", "nuclei")), ("dataset", (HOSTILE,)), ("dataset", ("single",))]
    assert found.regions[-1].ellipse is None


def test_a_modality_is_read_from_attributes_of_most_observers_or_from_the_folder(tmp_path: Path) -> None:
    votes = {"modality@a": "CT scan", "modality@b": "MRI", "modality@c": "MRI"}
    assert stated_modality(dataset("x", 1, attributes=votes)) == "MRI"
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert stated_modality(dsim.open_dataset(tmp_path)) == ""
    (tmp_path / "META.json").write_text('{"modality": "breast ultrasound gray"}')
    assert modality_family(stated_modality(dsim.open_dataset(tmp_path))) == "ultrasound"
    (tmp_path / "META.json").write_text("not JSON")
    assert stated_modality(dsim.open_dataset(tmp_path)) == ""


def test_the_ellipse_holds_what_two_standard_deviations_of_a_gaussian_hold() -> None:
    points = np.random.default_rng(0).multivariate_normal([1, 2], [[4, 1.5], [1.5, 1]], 20000)
    shape = fit_ellipse(points)
    assert shape is not None
    turn = np.radians(-shape.angle)
    rotated = (points - shape.centre) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    inside = ((rotated / (np.array([shape.width, shape.height]) / 2)) ** 2).sum(axis=1) <= 1
    assert inside.mean() == pytest.approx(1 - np.exp(-2), abs=0.01)
    assert fit_ellipse(points[:2]) is None
    assert fit_ellipse(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])) is None


def test_more_dimensions_are_projected_and_said(clouds: list[Cloud]) -> None:
    deep = [Cloud(c.dataset, np.pad(c.points, ((0, 0), (0, 2))), c.role) for c in clouds]
    found = lay_out_map(deep, open_latent_model(MODEL))
    assert found.projection.startswith("first two principal components of 4 dimensions")
    assert found.to_dict(WORDS["schema"])["dimensions"] == 4


@pytest.mark.parametrize("reference", ["asap", "timm:resnet18", "zoo:"])
def test_only_models_of_a_latent_space_are_taken(reference: str) -> None:
    with pytest.raises(UsageError, match="not a model of a latent space"):
        open_latent_model(reference)

"""The extractor ``asap-style``: its distances are those of Gram matrices, or of channel moments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import dsim
from dsim.data.dataset import Dataset
from dsim.errors import DsimError, UnknownNameError, UsageError
from dsim.features import extract, recipe
from dsim.learning.losses import NORMS, gram
from dsim.registry import default
from dsim.runtime import Runtime
from dsim_asap.model import Architecture, Autoencoder, Encoder, StyleOf, signs, sketch
from dsim_asap.specs import ZOO_MODEL, AsapRecipe, Style
from dsim_asap.style import DIMS
from dsim_asap.trainer import train_once

STYLE = f"asap-style:{ZOO_MODEL}"
WEIGHTS = (0.1, 0.2, 0.3, 0.4)


def noise(n: int, channels: int, side: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, channels, side, side, generator=torch.Generator().manual_seed(seed))


def network(maps: str = "stages") -> Autoencoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Autoencoder(Architecture(size=32, maps=maps)).eval()


@pytest.fixture(scope="module")
def images() -> Dataset:
    """Ten images of three looks."""
    looks = [("fluorescence", 4), ("histology", 3), ("fundus", 3)]
    pixels = [dsim.open_dataset(f"phantoms:{name}[count={n},size=64]").pixels(i) for name, n in looks for i in range(n)]
    return dsim.from_arrays(images=pixels, name="looks")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(device="cpu", offline=True, cache=tmp_path_factory.mktemp("cache"), workers=0)


def between(points: np.ndarray) -> np.ndarray:
    """Distances of all pairs of rows."""
    rows, columns = np.triu_indices(len(points), 1)
    found: np.ndarray = np.linalg.norm(points[rows] - points[columns], axis=1)
    return found


def grams_of(encoder: torch.nn.Module, images: torch.Tensor, weights: tuple[float, ...]) -> np.ndarray:
    """Whole Gram matrices of all maps, weighted: their distances are the root of Eq. 6's sums."""
    with torch.inference_mode():
        assert isinstance(encoder, Encoder)
        maps = encoder.embed(images)[1][-len(weights) :]
    parts = [w**0.5 * gram(one).flatten(1) for w, one in zip(weights, maps, strict=True)]
    return torch.cat(parts, dim=1).double().numpy()


@pytest.mark.parametrize("norm", NORMS)
def test_a_sketch_is_made_of_products_with_the_gram_matrix(norm: str) -> None:
    maps, left, right = noise(2, 5, 3), signs(5, 7, "left"), signs(5, 7, "right")
    expected = torch.einsum("bkl,km,lm->bm", gram(maps, norm), left, right) / 7**0.5
    torch.testing.assert_close(sketch(maps, left, right, norm), expected)


def test_squared_distances_of_sketches_are_right_on_average_and_within_the_stated_error() -> None:
    """Over 4000 independent pairs of signs: mean 1, and a variance of at most 8 for one pair."""
    maps = noise(2, 6, 4)
    difference = (gram(maps)[0] - gram(maps)[1]).double()
    left, right = (signs(6, 4000, purpose).double() for purpose in ("one", "two"))
    squares = ((left.T @ difference) * right.T).sum(dim=1).square() / difference.square().sum()
    assert float(squares.mean()) == pytest.approx(1, abs=4 * (8 / 4000) ** 0.5)
    assert float(squares.var()) < 8


def test_distances_of_the_zoo_models_styles_are_those_of_its_gram_matrices(images: Dataset, runtime: Runtime) -> None:
    """The whole vector: 2048 numbers for 348,160; off by 12.5 % of the square at most, and less on average."""
    from dsim.features.extractor import prepare
    from dsim.features.transforms import parse_transform
    from dsim.zoo import find

    sketched = extract(images, STYLE, runtime)
    model = find(ZOO_MODEL.removeprefix("zoo:"))
    transform = parse_transform(prepare(STYLE, runtime).recipe.transform)
    batch = torch.from_numpy(np.stack([transform.apply(images.pixels(i)) for i in range(len(images))]))
    whole = grams_of(model.build(), batch, (0.2, 0.2, 0.3, 0.3))
    assert sketched.shape == (len(images), 4 * DIMS)
    assert sketched.dtype == np.float32
    ratio = between(sketched) / between(whole)
    assert np.sqrt(np.mean((ratio - 1) ** 2)) < 0.0625
    assert abs(ratio - 1).max() < 0.15


@pytest.mark.parametrize("maps", ["stages", "stem"])
def test_moments_are_of_the_maps_that_the_losses_compare(maps: str) -> None:
    autoencoder, images = network(maps), torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    style = StyleOf(autoencoder.encoder, Style("moments", 0, "size", WEIGHTS)).eval()
    with torch.inference_mode():
        found, compared = style(images), autoencoder(images).encoder_maps
    expected = []
    for weight, one in zip(WEIGHTS, compared, strict=True):
        mean, deviation = one.mean(dim=(2, 3)), one.var(dim=(2, 3), correction=0).sqrt()
        expected.append((weight / one.shape[1]) ** 0.5 * torch.cat([mean, deviation], dim=1))
    torch.testing.assert_close(found, torch.cat(expected, dim=1))


def test_a_model_that_was_trained_on_the_pool_has_a_style_too(
    images: Dataset, runtime: Runtime, recipe: Callable[..., AsapRecipe]
) -> None:
    halves = [images.subset(range(5)), images.subset(range(5, 10)).renamed("others")]
    folder = train_once(halves, recipe(), 0, runtime)
    for options, width in (("", 4 * DIMS), ("[dims=8]", 32)):
        assert extract(images, f"asap-style:file:{folder}{options}", runtime).shape == (len(images), width)
    told = dsim.compare(halves, measure=f"asap:model=asap-style:file:{folder}[form=moments]", runtime=runtime)
    assert (told.values > 0).all()


def test_what_changes_the_numbers_changes_the_recipe_and_defaults_are_left_out(runtime: Runtime) -> None:
    calls = ["", "[form=moments]", "[dims=8]"]
    assert len({str(recipe(STYLE + options, runtime).key()) for options in calls}) == len(calls)
    assert recipe(f"{STYLE}[dims=512,form=gram]", runtime) == recipe(STYLE, runtime)


def test_it_keeps_the_contract_of_extractors() -> None:
    from dsim.testing.extractors import check_extractor

    found = default()
    report = check_extractor(found.extractors["asap-style"], found.plugins["asap"])
    assert report.ok, report


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("asap-style:timm:resnet18", UsageError),
        ("asap-style:", UsageError),
        ("asap-style:file:nowhere", UsageError),
        ("asap-style:zoo:unet8.drive.r1", UsageError),
        (f"{STYLE}[form=colour]", UnknownNameError),
        (f"{STYLE}[size=64]", UnknownNameError),
        (f"{STYLE}[dims=0]", UsageError),
        (f"{STYLE}[dims=64,form=moments]", UsageError),
    ],
)
def test_what_has_no_style_is_refused(reference: str, error: type[DsimError], runtime: Runtime) -> None:
    with pytest.raises(error):
        recipe(reference, runtime)

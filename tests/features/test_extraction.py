"""Features through the store: the right rows, computed once, independent of batch size and order."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data import Dataset
from dsim.errors import DataError
from dsim.features import Square, extract, extraction, feature_key, recipe
from dsim.runtime import Runtime

SMALL = "timm:test_resnet[init=random:0,transform=square@1[side=32]]"
TORCHVISION = "torchvision:shufflenet_v2_x0_5[init=random:0,transform=square@1[side=32]]"


def test_pixels_are_the_flattened_transform(dataset: Dataset, runtime: Runtime) -> None:
    features = extract(dataset, "pixels:[side=5,channels=3]", runtime)
    transform = Square(5, 3)
    expected = [transform.apply(dataset.pixels(index)).ravel() for index in range(len(dataset))]
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, expected)


def refuse_to_decode(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Dataset, index: int) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(Dataset, "pixels", fail)
    monkeypatch.setattr(Dataset, "native", fail)


def test_a_hit_decodes_no_image(dataset: Dataset, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    first = extract(dataset, "pixels:", runtime)
    refuse_to_decode(dataset, monkeypatch)
    np.testing.assert_array_equal(extract(dataset, "pixels:", runtime), first)
    with pytest.raises(AssertionError, match="decoded"):
        extract(dataset, "pixels:[side=4]", runtime)


def test_a_hit_imports_no_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """This process computes with a network, the next one reads, and torch stays out of it."""
    code = f"""
        import sys
        from pathlib import Path
        import numpy as np
        import dsim
        from dsim.features import extract, recipe
        from dsim.runtime import Runtime
        images = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
        runtime = Runtime(device="cpu", cache=Path(sys.argv[1]))
        data = dsim.from_arrays(images=images, name="x")
        for reference in ("{SMALL}", "{TORCHVISION}"):
            print(recipe(reference, runtime).key(), extract(data, reference, runtime).sum())
        print(sorted({{"torch", "timm", "torchvision"}} & set(sys.modules)))
    """
    code = textwrap.dedent(code)
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path)])
    exec(compile(code, "code", "exec"), {})
    *numbers, modules = capsys.readouterr().out.splitlines()
    assert modules == "['timm', 'torch', 'torchvision']"
    again = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert again.stdout.splitlines() == [*numbers, "[]"]


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_features_do_not_depend_on_the_batch_size(dataset: Dataset, runtime: Runtime, batch: int) -> None:
    reference = extract(dataset, SMALL, runtime)
    other = dataclasses.replace(runtime, batch=batch, workers=0, cache=runtime.cache / "other")
    np.testing.assert_allclose(extract(dataset, SMALL, other), reference, rtol=0, atol=1e-5 * np.abs(reference).max())
    assert reference.shape == (7, 96)


def test_rows_follow_the_samples_when_their_order_changes(dataset: Dataset, runtime: Runtime) -> None:
    """The fingerprint of a reordered dataset is the same, so its features are a hit: rows must go by name."""
    features = extract(dataset, "pixels:", runtime)
    order = [4, 0, 6, 1, 5, 2, 3]
    shuffled = dataset.subset(order)
    assert feature_key(shuffled, recipe("pixels:")) == feature_key(dataset, recipe("pixels:"))
    np.testing.assert_array_equal(extract(shuffled, "pixels:", runtime), features[order])


def test_a_subset_has_features_of_its_own(dataset: Dataset, runtime: Runtime) -> None:
    features = extract(dataset, "pixels:", runtime)
    np.testing.assert_array_equal(extract(dataset.subset([5, 2]), "pixels:", runtime), features[[5, 2]])


def test_the_key_names_all_that_features_depend_on(dataset: Dataset) -> None:
    key = feature_key(dataset, recipe("pixels:"))
    assert key == {
        "schema": 1,
        "images": dataset.images_fingerprint,
        "treatment": 2,
        "samples": 7,
        "extractor": "pixels:",
        "weights": "",
        "layer": "output",
        "pooling": "model",
        "transform": "square@1[channels=1,side=16]",
        "dtype": "float32",
    }


def test_labels_and_name_do_not_enter_the_key(dataset: Dataset) -> None:
    other = dataclasses.replace(dataset, name="other", labels=("a",) * 7)
    assert feature_key(other, recipe("pixels:")) == feature_key(dataset, recipe("pixels:"))


def test_a_corrupt_record_is_computed_again(dataset: Dataset, runtime: Runtime) -> None:
    features = extract(dataset, "pixels:", runtime)
    (path,) = (runtime.cache / "features").rglob("*.h5")
    path.write_bytes(path.read_bytes()[:-100])
    np.testing.assert_array_equal(extract(dataset, "pixels:", runtime), features)


class Listening:
    """A progress that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Listening]:
        self.told += [description, total, unit]
        yield self

    def advance(self, amount: float = 1, **fields: object) -> None:
        self.told.append(amount)

    def note(self, text: str) -> None:
        self.told.append(text)


def test_without_a_cache_the_features_still_come_and_a_note_says_so(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    progress = Listening()
    features = extract(dataset, "pixels:", Runtime(cache=tmp_path / "file" / "cache", progress=progress))
    assert features.shape == (7, 256)
    assert any("not kept in the cache" in str(told) for told in progress.told)


def test_progress_advances_by_batches_of_images(dataset: Dataset, runtime: Runtime) -> None:
    progress = Listening()
    extract(dataset, "pixels:", dataclasses.replace(runtime, progress=progress))
    assert progress.told == ["features of seven", 7, "images", 4, 3]


class Broken:
    """An extractor that fails on the second and third image."""

    batch = 3

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.array([[1.0], [np.nan], [np.inf]], np.float32)


def test_features_that_are_not_finite_name_the_sample(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.zeros((3, 4, 4, 1), np.uint8)
    data = dsim.from_arrays(images=images, name="three")

    def open_(blueprint: object, device: str) -> object:
        return Broken()

    monkeypatch.setattr(extraction, "_opened", open_)
    with pytest.raises(DataError) as caught:
        extract(data, "pixels:", runtime)
    assert "2 samples of dataset 'three'" in caught.value.message
    assert repr(data.ids[1]) in caught.value.message
    assert not list(runtime.cache.rglob("*.h5"))

"""The errors of reading datasets that no other test holds, word for word: the thing, the cause, the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

import dsim
from dsim.data import Cut, from_torch, open_dataset, phantoms
from dsim.data.formats import decode
from dsim.data.formats.pixels import as_mask
from dsim.data.phantoms.camera import Style
from dsim.errors import DsimError
from dsim.files import documents

IMAGES = np.arange(4 * 6 * 6, dtype=np.uint8).reshape(4, 6, 6)


def npz() -> dsim.Dataset:
    np.savez("cells.npz", images=IMAGES, labels=[0, 1, 2, 1], class_names=["a", "b"])
    return open_dataset("cells.npz")


def group() -> dsim.Dataset:
    with h5py.File("cells.h5", "w") as file:
        file.create_group("images")
    return open_dataset("cells.h5")


def link() -> dsim.Dataset:
    with h5py.File("cells.h5", "w") as file:
        file["images"] = h5py.ExternalLink("other.h5", "images")
    with h5py.File("other.h5", "w") as file:
        file["images"] = IMAGES
    return open_dataset("cells.h5")


def lab() -> object:
    tifffile.imwrite("a.tif", np.zeros((4, 4, 3), np.uint8), photometric="cielab")
    return decode.read(Path("a.tif"))


def white() -> object:
    tifffile.imwrite("a.tif", np.zeros((4, 4), np.float32), photometric="miniswhite")
    return decode.read(Path("a.tif"))


def films() -> object:
    tifffile.imwrite("a.ome.tif", np.zeros((2, 3, 4, 5), np.uint8), metadata={"axes": "TZYX"})
    return open_dataset("a.ome.tif", axis="y")


def two_masks() -> object:
    for name in ("images/a.png", "masks/a.png", "masks/a.tif"):
        Path(name).parent.mkdir(exist_ok=True)
        Image.fromarray(IMAGES[0]).save(name)
    return open_dataset(".")


def pickles() -> object:
    np.savez("cells.npz", images=IMAGES, labels=np.array(["a", None, "b", "c"], dtype=object))
    return open_dataset("cells.npz")


def line() -> object:
    from dsim.data.formats.tiff import _Stack

    return _Stack.of(SimpleNamespace(axes="Q", shape=(5,)))


def no_json() -> object:
    Path("matrix.json").write_text("{")
    return documents.read(Path("matrix.json"), "write it again")


WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "a label without a class": (
        npz,
        "labels in cells.npz runs from 0 to 2, but there are 2 class names\n"
        "  fix: number the classes from 0, in the order of their names",
    ),
    "no masks in memory": (
        lambda: dsim.from_arrays(IMAGES, name="mine").masks_fingerprint,
        "dataset 'mine' has no masks, and this step needs them\n  fix: put them under masks/ beside images/",
    ),
    "no mask of this image": (
        lambda: dsim.from_arrays([*IMAGES, IMAGES[0]], masks=[*IMAGES, None], name="mine").mask(len(IMAGES)),
        f"image '{len(IMAGES)}' of dataset 'mine' has no mask\n  fix: give it one, or take the images that have one",
    ),
    "no features": (
        lambda: dsim.from_arrays(IMAGES, name="mine").features_fingerprint,
        "dataset 'mine' was not given features\n  fix: give them: from_arrays(features=...)",
    ),
    "a group": (
        group,
        "images in cells.h5 is a group\n  fix: store it as one dataset, images stacked along the first axis",
    ),
    "a link": (link, "images in cells.h5 lies in another file\n  fix: copy the data into the file itself"),
    "a mask of deep colours": (
        lambda: as_mask(np.arange(48, dtype=np.uint16).reshape(4, 4, 3), "a.tif"),
        "mask a.tif has colours of uint16\n  fix: store the mask as one gray channel",
    ),
    "a strange colour space": (
        lab,
        "a.tif is in a colour space that is not read (<PHOTOMETRIC.CIELAB: 8>)\n  fix: convert it to gray or RGB",
    ),
    "white is zero, of floats": (white, "a.tif is white-is-zero but holds float32\n  fix: convert it to gray or RGB"),
    "several times": (
        films,
        "a.ome.tif has 2 time points (or echoes, or channels): which is meant is not known\n"
        "  fix: choose one, counted from 0: PATH[time=0], in Python open_dataset(..., time=0)",
    ),
    "two masks of an image": (
        two_masks,
        "have the same stem, so both would be sample 'a'\n  fix: keep one mask per image",
    ),
    "pickled objects": (
        pickles,
        "labels.npy in cells.npz holds pickled objects, which could run code when loaded\n  fix: save plain arrays: ",
    ),
    "phantoms over all": (
        lambda: phantoms.write([phantoms.open_phantom("xray", count=1, size=32)], Path.cwd()),
        " is the current folder, or holds it\n  fix: choose a new folder for the phantoms",
    ),
    "no plane": (line, "TIFF axes 'Q' hold no plane\n  fix: save it with axes Y and X"),
    "no torch image": (
        lambda: from_torch([], name="mine"),
        "the torch dataset 'mine' is empty\n  fix: give at least one image",
    ),
    "unknown axis": (lambda: Cut(axis="w"), "axis cannot be 'w'\n  fix: choose one of: z, y, x"),
    "unknown time": (
        lambda: Cut(time=-1),
        "time cannot be -1\n  fix: count the time points from 0: PATH[time=0]",
    ),
    "unknown option of a path": (
        lambda: Cut.parse({"slice": "5"}),
        "no option of a path named 'slice'. Did you mean 'slices'?\n  fix: ",
    ),
    "unknown knob": (
        lambda: Style().turned({"nois": 0.5}),
        "no knob named 'nois'. Did you mean 'noise'?\n  fix: knobs are: ",
    ),
    "a knob without a number": (
        lambda: open_dataset("phantoms:xray[noise=much]"),
        "knob 'noise' takes a number, not 'much'\n  fix: write noise=0.5",
    ),
    "no JSON": (no_json, "matrix.json is not JSON: Expecting property name"),
    "no schema": (
        lambda: documents.check({"schema": "dsim.nothing/1"}, "dsim.nothing/1", "it", "mend it"),
        "dsim.nothing.1.schema.json is missing in ",
    ),
}


@pytest.mark.parametrize(("act", "expected"), WORDING.values(), ids=WORDING)
def test_wording_of_data(
    act: Callable[[], object], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DsimError) as caught:
        act()
    assert expected in str(caught.value)
    assert caught.value.hint

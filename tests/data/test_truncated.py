"""Damaged files: every cut of every format is either read in full or refused with an error that names the file."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from dsim.data.formats import decode
from dsim.errors import UnreadableImageError

RNG = np.random.default_rng(1)
GRAY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (4, 20, 30), dtype=np.uint16)


def pillow(array: np.ndarray, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def film(format: str, **options: object) -> bytes:
    frames = [Image.fromarray(np.roll(COLOUR, shift, 0)) for shift in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format, save_all=True, append_images=frames[1:], **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def tiff(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "png": lambda: pillow(COLOUR, "PNG"),
    "png16": lambda: bytes(imagecodecs.png_encode(DEEP[0])),
    "apng": lambda: film("PNG"),
    "jpeg": lambda: pillow(COLOUR, "JPEG"),
    "bmp": lambda: pillow(COLOUR, "BMP"),
    "gif": lambda: pillow(GRAY, "GIF"),
    "animated gif": lambda: film("GIF"),
    "webp": lambda: pillow(COLOUR, "WEBP", lossless=True),
    "animated webp": lambda: film("WEBP", lossless=True),
    "pgm": lambda: pillow(GRAY, "PPM"),
    "tiff": lambda: tiff(DEEP[0]),
    "tiff lzw": lambda: tiff(DEEP, photometric="minisblack", compression="lzw"),
    "tiff tiled": lambda: tiff(DEEP[0], tile=(16, 16), compression="zlib"),
    "bigtiff": lambda: tiff(DEEP, photometric="minisblack", bigtiff=True),
    "imagej": lambda: tiff(DEEP, imagej=True, metadata={"axes": "ZYX"}, truncate=True),
    "ome": lambda: tiff(DEEP, ome=True, metadata={"axes": "CYX"}),
}


def everything(path: Path) -> list[np.ndarray]:
    return [decode.read(path, index) for index in range(len(decode.headers(path)))]


def outcome(path: Path) -> list[np.ndarray] | str:
    """All images, or the message of the one error that is allowed."""
    try:
        return everything(path)
    except UnreadableImageError as error:
        return error.message


@pytest.mark.parametrize("kind", WHOLE)
def test_a_truncated_file_is_never_read_as_less(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    data = WHOLE[kind]()
    path = tmp_path / "image"
    path.write_bytes(data)
    whole = everything(path)
    refused = 0
    for length in sorted({*np.linspace(0, len(data) - 1, 25, dtype=int).tolist(), len(data) - 2, len(data) - 9}):
        path.write_bytes(data[:length])
        found = outcome(path)
        if isinstance(found, str):
            assert str(path) in found
            refused += 1
            continue
        for ours, theirs in zip(found, whole, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{length} of {len(data)} bytes")
    assert refused >= 20


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.filterwarnings("ignore")
def test_flipped_bytes_raise_nothing_but_unreadable(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    rng = np.random.default_rng(2)
    data = WHOLE[kind]()
    path = tmp_path / "image"
    for _ in range(25):
        damaged = bytearray(data)
        for position in rng.integers(0, min(len(data), 400), 3):
            damaged[position] = rng.integers(256)
        path.write_bytes(damaged)
        found = outcome(path)
        assert not isinstance(found, str) or str(path) in found


def test_a_gif_without_its_end_is_not_a_shorter_film(tmp_path: Path) -> None:
    """Pillow alone would count fewer frames."""
    data = film("GIF")
    last = data.rindex(b"\x21\xf9\x04")
    (tmp_path / "film.gif").write_bytes(data[:last])
    with Image.open(tmp_path / "film.gif") as image:
        assert image.n_frames == 2
    with pytest.raises(UnreadableImageError, match="GIF breaks off after 2 images"):
        decode.headers(tmp_path / "film.gif")


@pytest.mark.parametrize("kind", ["png", "png16", "jpeg", "bmp", "webp"])
def test_a_damaged_end_is_noticed_without_decoding_whole_files(tmp_path: Path, monkeypatch, kind: str) -> None:
    path = tmp_path / "image"
    data = WHOLE[kind]()
    path.write_bytes(data)
    with monkeypatch.context() as patch:
        patch.setattr(decode, "read", lambda *args: pytest.fail("a whole file was decoded"))
        decode.verify(path)
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(UnreadableImageError, match=str(path)):
        decode.verify(path)

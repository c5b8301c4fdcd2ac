"""Look at a whole dataset: its contents in numbers, and sheets of thumbnails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.dataset import Dataset
from dsim.data.thumbnails import beside_mask, brightened, thumbnail
from dsim.errors import DataError
from dsim.files import replacing
from dsim.runtime import Progress, Silent

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from PIL import Image, ImageDraw


_THREADS = 2


@dataclass(frozen=True)
class Spread:
    """Smallest, median and largest of some numbers."""

    minimum: float
    median: float
    maximum: float


@dataclass(frozen=True)
class Inspection:
    """The contents of a dataset; every field is a JSON value.

    ``dtypes`` and ``channels`` count images, ``annotated`` those with masks; ``foreground`` is the mean share of pixels
    that the masks mark, in [0, 1]; ``repeated`` is the number of images whose bytes are those of an earlier one;
    ``model`` the segmentation model that was trained on the dataset, where one is named.
    """

    name: str
    location: str
    format: str
    count: int
    height: Spread | None
    width: Spread | None
    dtypes: Mapping[str, int]
    channels: Mapping[str, int]
    classes: Mapping[str, int]
    splits: Mapping[str, int]
    groups: int
    masked: bool
    annotated: int
    foreground: float | None
    features: int
    attributes: Mapping[str, str]
    repeated: int
    fingerprint: str
    treatment: Mapping[str, Any]
    model: str | None
    notes: tuple[str, ...]
    skipped: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Look:
    """One image."""

    height: int
    width: int
    channels: int
    dtype: str
    foreground: float | None


def inspect(dataset: Dataset, progress: Progress | None = None) -> Inspection:
    """Return the summary of all images (h, w, c) and masks (h, w), each of which is read.

    Raises UnreadableImageError at the first that cannot be read.

    >>> import numpy as np
    >>> from dsim.data import from_arrays
    >>> found = inspect(from_arrays(np.zeros((3, 8, 6), np.uint8), labels=["a", "b", "a"]))
    >>> found.count, found.height.median, found.channels, found.classes
    (3, 8.0, {'1': 3}, {'a': 2, 'b': 1})
    """
    looks = _looks(dataset, progress or Silent()) if dataset.backing is not None else []
    treatment = dataset.treatment
    return Inspection(
        name=dataset.name,
        location=dataset.location,
        format=dataset.format,
        count=len(dataset),
        height=_spread([look.height for look in looks]),
        width=_spread([look.width for look in looks]),
        dtypes=_counts(look.dtype for look in looks),
        channels=_counts(str(look.channels) for look in looks),
        classes=_counts(dataset.labels or ()),
        splits=_counts(dataset.splits or ()),
        groups=len(set(dataset.groups or ())),
        masked=bool(dataset.masked),
        annotated=len(dataset.annotated),
        foreground=_mean([look.foreground for look in looks if look.foreground is not None]),
        features=0 if dataset.features is None else int(dataset.features.shape[1]),
        attributes=dict(dataset.attributes),
        repeated=len(dataset) - len(set(dataset.image_digests)) if looks else 0,
        fingerprint=dataset.images_fingerprint if looks else dataset.features_fingerprint,
        treatment=treatment.describe(),
        model=dataset.model,
        notes=(*dataset.notes, *([dataset.annotation] if dataset.annotation else []), *treatment.notes()),
        skipped=dataset.skipped,
    )


def _looks(dataset: Dataset, progress: Progress) -> list[_Look]:
    found = []
    with (
        ThreadPoolExecutor(_THREADS) as threads,
        progress.task(f"reading {dataset.name}", total=len(dataset), unit="images") as task,
    ):
        for look in threads.map(lambda index: _look(dataset, index), range(len(dataset))):
            found.append(look)
            task.advance()
    return found


def _look(dataset: Dataset, index: int) -> _Look:
    native = dataset.native(index)
    height, width, channels = native.shape
    foreground = _foreground(dataset.mask(index)) if dataset.has_mask(index) else None
    return _Look(height, width, channels, native.dtype.name, foreground)


def _foreground(mask: NDArray[Any]) -> float:
    return float((mask != 0).mean())


def _spread(values: Sequence[int]) -> Spread | None:
    import statistics

    return Spread(min(values), float(statistics.median(values)), max(values)) if values else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


_SIDE, _GAP, _TITLE, _CAPTION = 112, 8, 26, 16
_COLUMNS = 8
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)


def save_sheet(datasets: Sequence[Dataset], path: Path, *, per_dataset: int = 16) -> None:
    """Write one picture with a block of thumbnails per dataset, evenly spread over its images; masks beside images.

    Raises DataError where no dataset has images, or where the file is neither ``.png`` nor ``.jpg``.
    """
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise DataError(f"cannot write a sheet to {path}", hint="end its name in .png or .jpg")
    sheet = draw_sheet(datasets, per_dataset=per_dataset)
    with replacing(path) as temporary:
        sheet.save(temporary)


def draw_sheet(datasets: Sequence[Dataset], *, per_dataset: int = 16, brighten: bool = True) -> Image.Image:
    """Return the sheet as an RGB picture. Raises DataError where no dataset has images.

    Of more than three channels the first three are shown, of two red and green; ``brighten`` makes dark images
    brighter.
    """
    from PIL import Image, ImageDraw

    shown = [dataset for dataset in datasets if dataset.backing is not None]
    if not shown:
        raise DataError("there are no images to draw", hint="give a dataset that has images, not only features")
    blocks = [_Block.of(dataset, per_dataset, brighten) for dataset in shown]
    columns = min(_COLUMNS, max(len(block.pictures) * block.span for block in blocks))
    size = (max(_GAP + columns * (_SIDE + _GAP), 4 * _SIDE), _GAP + sum(block.height(columns) for block in blocks))
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    top = _GAP
    for block in blocks:
        block.draw(sheet, pen, columns, top)
        top += block.height(columns)
    return sheet


def save_grid(dataset: Dataset, path: Path, *, columns: int = 3, side: int = 256) -> None:
    """Write one picture of all images (h, w, c) of a dataset, large and without any text, for people who judge them.

    Dark ones stay dark: brightness is among what people judge.

    Raises DataError where the file is neither ``.png`` nor ``.jpg``.
    """
    from PIL import Image

    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise DataError(f"cannot write a sheet to {path}", hint="end its name in .png or .jpg")
    pictures = [thumbnail(replace(dataset, masked=False), index, side, brighten=False) for index in range(len(dataset))]
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (_GAP + columns * (side + _GAP), _GAP + rows * (side + _GAP)), _PAPER)
    for position, picture in enumerate(pictures):
        row, column = divmod(position, columns)
        left, top = _GAP + column * (side + _GAP), _GAP + row * (side + _GAP)
        sheet.paste(picture, (left + (side - picture.width) // 2, top + (side - picture.height) // 2))
    with replacing(path) as temporary:
        sheet.save(temporary)


@dataclass(frozen=True)
class _Block:
    """The thumbnails of one dataset under its name."""

    title: str
    captions: tuple[str, ...]
    pictures: tuple[Image.Image, ...]
    span: int = 1  # 2 where masks stand beside images

    @classmethod
    def of(cls, dataset: Dataset, wanted: int, brighten: bool) -> _Block:
        indices = evenly(len(dataset), wanted)
        labels = dataset.labels or ("",) * len(dataset)
        draw = beside_mask if dataset.masked else thumbnail
        pictures = tuple(draw(dataset, index, _SIDE, brighten=brighten) for index in indices)
        beside = ", each beside its mask" if dataset.masked else ""
        return cls(
            f"{dataset.name}   {len(indices)} of {len(dataset)} images{beside}{brightened(pictures)}",
            tuple(f"{dataset.ids[index]}  {labels[index]}" for index in indices),
            pictures,
            2 if dataset.masked else 1,
        )

    @property
    def step(self) -> int:
        """Height of one row with its captions."""
        return max(picture.height for picture in self.pictures) + _CAPTION + _GAP

    @property
    def width(self) -> int:
        """Width of one picture with its mask."""
        return self.span * (_SIDE + _GAP) - _GAP

    def height(self, columns: int) -> int:
        """Height of all rows where ``columns`` pictures without masks would lie side by side."""
        return _TITLE + -(-len(self.pictures) // max(1, columns // self.span)) * self.step + _GAP

    def draw(self, sheet: Image.Image, pen: ImageDraw.ImageDraw, columns: int, top: int) -> None:
        write_line(pen, (_GAP, top), self.title, _INK, 15, sheet.width, keep_end=True)
        for position, (picture, caption) in enumerate(zip(self.pictures, self.captions, strict=True)):
            row, column = divmod(position, max(1, columns // self.span))
            left = _GAP + column * (self.width + _GAP)
            floor = top + _TITLE + (row + 1) * self.step - _CAPTION - _GAP
            sheet.paste(picture, (left + (self.width - picture.width) // 2, floor - picture.height))
            write_line(pen, (left, floor + 2), caption, _FAINT, 11, self.width, keep_end=True)


def write_line(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: tuple[int, int, int],
    size: int,
    width: int,
    *,
    keep_end: bool = False,
) -> None:
    """Draw one line of text no wider than ``width``: its end is cut, or, with ``keep_end``, its middle."""
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    head, tail = (text[: len(text) // 2], text[len(text) // 2 :]) if keep_end else (text, "")
    shown = text
    while pen.textlength(shown, font=font) > width and len(head) > 1:
        head, tail = head[:-1], tail[1:]
        shown = f"{head}…{tail}"
    pen.text(at, shown, fill=colour, font=font)


def evenly(count: int, wanted: int) -> list[int]:
    """Return up to ``wanted`` of ``count`` positions, evenly spread.

    >>> evenly(10, 4), evenly(2, 4)
    ([0, 2, 5, 7], [0, 1])
    """
    shown = min(count, wanted)
    return [position * count // shown for position in range(shown)]

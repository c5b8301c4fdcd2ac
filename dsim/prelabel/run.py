"""Pre-label a target: one image after another, each finished before the next, and then the files about all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dsim.data import Dataset
from dsim.errors import DataError, UsageError
from dsim.files import file_sha256
from dsim.files.documents import digest
from dsim.files.folder_lock import exclusive
from dsim.prelabel.journal import Journal
from dsim.prelabel.labels import Settings, label_image, places_of
from dsim.prelabel.summary import PreLabels, Row, by_doubt, write_table
from dsim.registry import Need
from dsim.runtime import Runtime
from dsim.zoo import FOREGROUND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.runtime import Runtime


class Segments(Protocol):
    """The interface of a segmentation model; ``dsim.models.segmenter.Segmenter`` is one.

    It gives probabilities (H, W).
    """

    @property
    def trained_on(self) -> Sequence[Mapping[str, Any]]:
        """The facts about each dataset: ``name``, ``images_fingerprint`` and, where known, ``image_digests``."""

    def predict_many(
        self, dataset: Dataset, indices: Sequence[int] | None = None, *, workers: int = 2
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (index, probabilities float32 (H, W) at the image's own size) of the images in order, one at a time."""


@dataclass(frozen=True)
class Model:
    """A segmentation model and its identity.

    Parameters
    ----------
    name : as the user calls it: zoo:ID or a file. ``digest`` : sha256 of its weights and settings.
    threshold : probability from which it takes a pixel for foreground.
    marks : what it marks, in the plural: ``nuclei``; the usual label of its pre-labels.
    """

    name: str
    digest: str
    segmenter: Segments
    threshold: float = 0.5
    marks: str = FOREGROUND


def open_model(reference: str | Path, runtime: Runtime) -> Model:
    """Return the model ``zoo:ID``, of a file, or of a folder that holds one.

    Raises WeightsError where there is none, UnknownNameError for an unknown id.
    """
    from dsim.models.segmenter import FILE, load_segmenter

    segmenter = load_segmenter(reference, runtime)
    text = str(reference)
    if text.startswith("zoo:"):
        from dsim.zoo import find

        digest = find(text.removeprefix("zoo:")).sha256
    else:
        path = Path(text) / FILE if Path(text).is_dir() else Path(text)
        digest = file_sha256(path)
    return Model(text, digest, segmenter, segmenter.recipe.threshold, marked_by(text))


def marked_by(reference: str) -> str:
    """Return what the model ``zoo:ID``, of a file or a folder marks, in the plural; FOREGROUND where nobody said it.

    Raises UnknownNameError for an unknown id, DataError for a folder whose manifest is wrong.
    """
    from dsim.zoo import find, is_model, read_model

    if reference.startswith("zoo:"):
        return find(reference.removeprefix("zoo:")).marks
    return read_model(Path(reference)).marks if is_model(Path(reference)) else FOREGROUND


def seen(model: Model, target: Dataset) -> str | None:
    """Return how much of a target the model was trained on, in a sentence; None where nothing of it is known to be.

    Noticed by the bytes of the images, so that copies under another name are noticed too.
    """
    for entry in model.segmenter.trained_on:
        if entry.get("images_fingerprint") == target.images_fingerprint:
            return _sentence(model, target, entry, f"all {len(target)}")
    for entry in model.segmenter.trained_on:
        known = set(entry.get("image_digests", ()))
        count = sum(digest in known for digest in target.image_digests)
        if count:
            return _sentence(model, target, entry, f"{count} of {len(target)}")
    return None


def _sentence(model: Model, target: Dataset, entry: Mapping[str, Any], how_many: str) -> str:
    return (
        f"{model.name} was trained on {how_many} images of {target.name} (as {entry['name']}): "
        "it will look better there than on images that it has not seen"
    )


COCO, TABLE, SHEET, SUMMARY = "coco.json", "uncertainty.csv", "overlays.png", "prelabel.json"


def prelabel(
    target: Dataset,
    model: Model,
    out: Path,
    *,
    settings: Settings | None = None,
    images: Sequence[int] | None = None,
    sheet: int = 24,
    overwrite: bool = False,
    runtime: Runtime | None = None,
) -> PreLabels:
    """Write masks, (H, W) each, of every image of a target in the formats of annotation tools; return what was done.

    Parameters
    ----------
    target : its images are read one by one; they are neither changed nor copied.
    model : ``open_model(reference, runtime)``.
    out : holds masks/, geojson/, rois/, coco.json, uncertainty.csv, overlays.png, prelabel.json; see docs/prelabel.md.
    images : positions of the images to label; None for all.
    sheet : how many images the contact sheet shows; 0 for none.
    overwrite : begin anew: what an earlier run wrote there is removed, other files of these names are replaced. Refused
        where a mask of that run was changed since: somebody has corrected it.

    An interrupted run goes on where it stopped when the same is asked for again; a second run in the same folder waits
    until the first has finished, and takes what is there. Raises DataError where ``out`` holds what would be
    overwritten, or pre-labels of another model, target or settings, and where it lies within the target, whose images
    the masks would become.
    """
    job = _Job(target, model, out, settings or Settings(), runtime or Runtime(), images)
    # The journal is complete only while nobody else writes, so it is read behind the lock.
    with exclusive(out, note=job.runtime.progress.note):
        left = job.open(overwrite)
        job.label(left)
        return job.finish(len(left), sheet)


class _Job:
    """One target, one model, one folder."""

    def __init__(
        self,
        target: Dataset,
        model: Model,
        out: Path,
        settings: Settings,
        runtime: Runtime,
        images: Sequence[int] | None = None,
    ) -> None:
        target.require(Need.IMAGES, "pre-labelling")
        self.threshold = model.threshold if settings.threshold is None else settings.threshold
        if not 0 < self.threshold < 1:
            raise UsageError(f"no pixel can be decided by a threshold of {self.threshold:g}", hint="give 0.5, say")
        refuse_within(target, out)
        target.remember_in(runtime.cache)
        self.settings = replace(settings, label=settings.label or model.marks)
        self.target, self.model, self.out, self.runtime = target, model, out, runtime
        self.places = places_of(target)
        self.images = range(len(target)) if images is None else sorted(set(images))
        self.facts = _facts(target, model, self.settings, self.threshold, images)
        self.notes: list[str] = []
        self.seen = seen(model, target)

    def open(self, overwrite: bool) -> list[int]:
        """Take up the folder, or begin it, and return the images to label. Raises DataError where it holds others."""
        self.journal = Journal(self.out)
        if overwrite:
            self._refuse_corrected()
            self.journal.discard([COCO, TABLE, SHEET, SUMMARY])
        elif self.journal.facts is None:
            self._refuse_occupied([self.out / name for name in (COCO, TABLE, SHEET, SUMMARY)])
        elif self.journal.facts["key"] != self.facts["key"]:
            raise DataError(
                f"{self.out} holds {_difference(self.journal.facts, self.facts)}",
                hint="choose another folder, or begin anew with --overwrite",
            )
        finished = set() if overwrite else set(self.journal.finished())
        left = [index for index in self.images if index not in finished]
        if not (overwrite or self.journal.replaces):
            fresh = [self.places[index] for index in left if index not in self.journal.begun]
            self._refuse_occupied([self.out / file for place in fresh for file in place.files(self.settings)])
        if overwrite or self.journal.facts is None:
            self.journal.start(self.facts, overwrite)
        return left

    def label(self, left: Sequence[int]) -> None:
        """Write the files of these images, one after the other. Raises DsimError where the disk refuses."""
        self._say()
        progress, total = self.runtime.progress, len(self.images)
        done = total - len(left)
        if done:
            progress.note(f"{done} of {total} images are labelled already")
        try:
            with progress.task(f"pre-labelling {self.target.name}", total=total, unit="images") as task:
                task.advance(done)
                for index, probabilities in self._predictions(left):
                    place = self.places[index]
                    self.journal.begin(index, place.files(self.settings))
                    line = label_image(
                        probabilities, self.threshold, self.settings, place, self.out, str(self.facts["key"])
                    )
                    self.journal.add(index, line)
                    done += 1
                    task.advance(1, objects=line["row"]["objects"], expected_dice=line["row"]["expected_dice"])
        except BaseException:
            progress.note(f"{done} of {total} images are labelled; the same command goes on from there")
            raise

    def finish(self, new: int, sheet: int) -> PreLabels:
        """Write the files about all images that are missing or partial. Raises DsimError where the disk refuses."""
        from dsim.annotations.coco import write_coco
        from dsim.prelabel.summary import write_overlays

        rows = self._rows()
        absent = {
            name
            for name in (COCO, TABLE, SUMMARY, *([SHEET] if sheet else []))
            if not (self.journal.closed and (self.out / name).exists())
        }
        if COCO in absent:
            about = f"pre-labels of {self.target.name} by {self.model.name}, dsim {self.facts['dsim']}"
            write_coco(self.out / COCO, about, [self.settings.label], self._images(), self._annotations())
        if TABLE in absent:
            write_table(self.out / TABLE, rows)
        if SHEET in absent:
            write_overlays(self.out / SHEET, self.target, self.out, rows, sheet, self.settings.label)
        files = [name for name in (COCO, TABLE, SHEET, SUMMARY) if name == SUMMARY or (self.out / name).exists()]
        found = PreLabels(self.out, self.facts, tuple(rows), new, self.seen, tuple(self.notes), tuple(files))
        if SUMMARY in absent:
            found.to_json(self.out / SUMMARY)
        if not self.journal.closed:
            self.journal.close()
        return found

    def _predictions(self, left: Sequence[int]) -> Iterator[tuple[int, Any]]:
        if not left:
            return iter(())
        return self.model.segmenter.predict_many(self.target, left, workers=self.runtime.workers)

    def _say(self) -> None:
        """Notes for the user before the work begins."""
        renamed = [(id, place.name) for id, place in zip(self.target.ids, self.places, strict=True) if id != place.name]
        if renamed:
            self.notes.append(
                f"{len(renamed)} images have names that some disks cannot hold or distinguish; "
                f"their files have others, the first {renamed[0][0]!r}: {renamed[0][1]}"
            )
        if self.target.masked:
            own = self.target.annotation or "masks of its own"
            self.notes.append(f"{self.target.name} has {own}; they are neither used nor changed")
        for text in (self.seen, *self.notes):
            if text:
                self.runtime.progress.note(text)

    def _refuse_occupied(self, paths: Sequence[Path]) -> None:
        there = [path for path in paths if path.exists()]
        if there:
            more = f" (and {len(there) - 1} more files)" if len(there) > 1 else ""
            raise DataError(
                f"{there[0]} is there already{more}", hint="choose another folder, or replace them with --overwrite"
            )

    def _refuse_corrected(self) -> None:
        """Raise DataError where a mask is no longer as it was written: the work of a person is not removed."""
        changed = [file for _, line in self.journal.read() if (file := _changed_mask(self.out, line)) is not None]
        if changed:
            more = f" (and {len(changed) - 1} more masks)" if len(changed) > 1 else ""
            raise DataError(
                f"{changed[0]} was changed since it was written{more}, and would be lost",
                hint="choose another folder, or move the masks away first: they can be given with --masks FOLDER",
            )

    def _rows(self) -> list[Row]:
        ids, places = self.target.ids, self.places
        return by_doubt(
            {"id": ids[index], "mask": places[index].mask, **line["row"]} for index, line in self.journal.read()
        )

    def _images(self) -> Iterator[dict[str, Any]]:
        for index, line in self.journal.read():
            row = line["row"]
            page = {} if row["page"] is None else {"page": row["page"]}
            yield {
                "id": index + 1,
                "file_name": row["image"],
                "width": row["width"],
                "height": row["height"],
                "mask": self.places[index].mask,
                **page,
            }

    def _annotations(self) -> Iterator[tuple[int, Sequence[Mapping[str, Any]]]]:
        for index, line in self.journal.read():
            yield index + 1, line["annotations"]


def _changed_mask(out: Path, line: Mapping[str, Any]) -> Path | None:
    """The mask of a finished image where somebody has changed it; None where it is as written, gone, or not known."""
    written = line.get("mask_sha256")
    file = out / str(line.get("mask"))
    return file if written is not None and file.is_file() and file_sha256(file) != written else None


def _facts(
    target: Dataset, model: Model, settings: Settings, threshold: float, images: Sequence[int] | None
) -> dict[str, Any]:
    """Everything that the files depend on, and their key; a target's name and place change nothing."""
    from dsim.runtime import VERSION

    judged = {
        "version": VERSION,
        "model": model.digest,
        "images": target.images_fingerprint,
        "order": target.order,
        "settings": {**asdict(settings), "threshold": threshold},
        **({} if images is None else {"chosen": sorted(target.ids[index] for index in set(images))}),
    }
    return {
        "key": digest(judged),
        "dsim": VERSION,
        "model": {"name": model.name, "sha256": model.digest, "marks": model.marks},
        "target": {"name": target.name, "location": target.location, "images_fingerprint": target.images_fingerprint},
        "settings": judged["settings"],
    }


def _difference(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The difference between a folder and the run that is wanted."""
    ours, theirs = wanted["model"]["sha256"], there["model"]["sha256"]
    if ours != theirs:
        return f"pre-labels by another model: {there['model']['name']} (sha256 {theirs[:12]}), not {ours[:12]}"
    if there["target"]["images_fingerprint"] != wanted["target"]["images_fingerprint"]:
        return f"pre-labels of other images: {there['target']['name']}, from {there['target']['location']}"
    changed = [
        f"{name} {there['settings'].get(name)!r}, not {value!r}"
        for name, value in wanted["settings"].items()
        if there["settings"].get(name) != value
    ]
    by = f"by dsim {there['dsim']}" if there["dsim"] != wanted["dsim"] else "of other images of the same target"
    return "pre-labels made otherwise: " + (", ".join(changed) or by)


def refuse_within(target: Dataset, out: Path) -> None:
    """Raise DataError where a folder lies within a target: its masks would be images (h, w, c) at the next reading."""
    place = Path(target.location)
    if place.is_dir() and out.resolve().is_relative_to(place.resolve()):
        raise DataError(
            f"{out} lies within the target {target.location}, whose images the masks would become",
            hint="choose a folder outside of it",
        )

"""Detections of a trained detector in many images: each image once, side by side, resumed where it was interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.annotations import Region
from dsim.errors import UsageError
from dsim.files import documents

if TYPE_CHECKING:
    from dsim.plugin import Dataset, Runtime
    from dsim.store import JsonStore
    from dsim_simsearch.detection import Detections
    from dsim_simsearch.detector import Detector

#: Images of one task: what it found is stored before the next begins.
_AT_ONCE = 4
#: Bumped when stored candidates are no longer those that would be computed.
_VERSION = 1


@dataclass(frozen=True)
class Model:
    """A detector in its folder, and its digest; workers open it by these."""

    folder: Path
    digest: str

    def open(self, runtime: Runtime) -> Detector:
        """Return the detector. Raises DataError where it is gone, or not the one of this digest."""
        return _opened(self.folder, self.digest, runtime.device, runtime.offline, runtime.cache)


@lru_cache(maxsize=2)
def _opened(folder: Path, digest: str, device: str, offline: bool, cache: Path) -> Detector:
    from dsim.plugin import DataError, Runtime
    from dsim_simsearch.detector import open_detector

    detector = open_detector(folder, Runtime(device=device, offline=offline, cache=cache))
    if detector.digest != digest:
        raise DataError(f"{folder} does not hold the detector {digest[:16]}", hint="train again: dsim roi train")
    return detector


def detect_images(
    model: Model,
    dataset: Dataset,
    thresholds: Mapping[str, float],
    store: JsonStore,
    runtime: Runtime,
    jobs: int = 1,
) -> Detections:
    """Return the detections in all images of a dataset.

    Parameters
    ----------
    thresholds : the least confidence of each class; classes that the detector does not know are left out.
    store : holds the candidates of finished images, by content: the same request goes on where it was interrupted.
    jobs : tasks side by side, by joblib; -1 for all cores. An enclosing ``joblib.parallel_config`` decides where.
    """
    from dsim_simsearch.detection import Detections, check_thresholds
    from dsim_simsearch.settings import SUPPRESSION

    detector = model.open(runtime)
    known = {name: thresholds.get(name, 0.5) for name in detector.classes}
    checked = check_thresholds(detector.classes, known)
    facts = {name: value for name, value in detector.facts.items() if name != "training"}
    keys = [documents.digest([_VERSION, facts, image]) for image in dataset.image_digests]
    found = _from_store(store, keys)
    missing = [index for index, key in enumerate(keys) if key not in found]
    tasks = [missing[start : start + _AT_ONCE] for start in range(0, len(missing), _AT_ONCE)]
    quiet = _for_workers(runtime)
    with runtime.progress.task("detecting", len(dataset), "images") as task:
        task.advance(len(dataset) - len(missing))
        work = [partial(_detect_part, model, dataset, part, quiet) for part in tasks]
        for part, rows in zip(tasks, _run(work, jobs), strict=True):
            new = {keys[index]: {"candidates": one} for index, one in zip(part, rows, strict=True)}
            store.put_many(new)
            found.update({key: value["candidates"] for key, value in new.items()})
            task.advance(len(part))
    candidates = tuple(
        Region(id, x, y, width, height, detector.classes[label], score)
        for id, key in zip(dataset.ids, keys, strict=True)
        for x, y, width, height, label, score in found[key]
    )
    radius = SUPPRESSION * max(detector.patch)
    return Detections(detector.classes, tuple(dataset.ids), candidates, checked, radius)


def _from_store(store: JsonStore, keys: Sequence[str]) -> dict[str, list[Any]]:
    return {key: value["candidates"] for key, value in store.get_many(keys).items() if "candidates" in value}


def _for_workers(runtime: Runtime) -> Runtime:
    """The same conditions without progress, which stays with whoever hands out the work."""
    from dataclasses import replace

    from dsim.runtime import Silent

    return replace(runtime, progress=Silent())


def _run(work: Sequence[Any], jobs: int) -> Any:
    """Results in the order of the work, each as soon as it and those before it are there."""
    if jobs == 0 or jobs < -1:
        raise UsageError(f"--jobs {jobs} is no number of tasks", hint="give 1 or more, or -1 for all cores")
    if jobs == 1 or len(work) < 2:
        return (task() for task in work)
    from joblib import Parallel, delayed

    return Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(delayed(task)() for task in work)


def _detect_part(model: Model, dataset: Dataset, indices: Sequence[int], runtime: Runtime) -> list[list[Any]]:
    """Candidates of some images, each [x, y, width, height, class, score], the class by its position."""
    from dsim_simsearch.detection import detect
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.preparation import Preparation

    detector = model.open(runtime)
    part = dataset.subset(list(indices))
    images = PreparedImages(part, Preparation.from_dict(dict(detector.preparation)))
    found = detect(detector, images, 0.5, runtime)
    position = {name: at for at, name in enumerate(detector.classes)}
    rows: dict[str, list[Any]] = {id: [] for id in part.ids}
    for one in found.candidates:
        rows[one.image].append([*map(float, one[1:5]), position[one.label], float(one.score)])
    return [rows[id] for id in part.ids]

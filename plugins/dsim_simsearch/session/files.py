"""The folder of a session, NAME.dsimroi: which file holds what, its images by their content, and one writer at a time.

- ``session.json``: the images (place, ids, sha256), settings, seed, weights; schema ``dsim.roi-session/1``
- ``session.sqlite``: the log of actions
- ``models/``: a folder for each trained detector, named by its digest
- ``features/``, ``channels.json``, ``detections.sqlite``: caches, which may be deleted
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, DsimError, UsageError, did_you_mean
from dsim.files import documents

if TYPE_CHECKING:
    from dsim.data import Dataset

SUFFIX = ".dsimroi"
DOCUMENT, LOG, LOCK, MODELS = "session.json", "session.sqlite", ".session.lock", "models"
#: Caches: they may be deleted.
FEATURES, DETECTIONS = "features", "detections.sqlite"
SCHEMA = "dsim.roi-session/1"
#: ``location`` of a session whose images are arrays of a program.
MEMORY = "memory"
_PHANTOMS = "phantoms:"
_HINT = "give the folder of a session, NAME.dsimroi, as dsim roi new makes it"


def session_path(path: str | Path) -> Path:
    """Return a path that ends in ``.dsimroi``.

    >>> session_path("cells").name, session_path("cells.dsimroi").name
    ('cells.dsimroi', 'cells.dsimroi')
    """
    path = Path(path)
    return path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)


def find_session(path: str | Path) -> Path:
    """Return the folder of a session, with or without the suffix. Raises DataError where there is none."""
    for folder in (Path(path), session_path(path)):
        if (folder / DOCUMENT).is_file():
            return folder
    near = [one.name for one in session_path(path).parent.glob(f"*{SUFFIX}")]
    raise DataError(f"there is no session at {path}.{did_you_mean(session_path(path).name, near)}", hint=_HINT)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder that becomes ``path`` when the block ends well, and vanishes otherwise.

    Raises DataError where something is there already, DsimError where it cannot be written.
    """
    if path.exists():
        raise DataError(f"{path} is there already", hint="choose another name; dsim roi show says what it holds")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(path)
    except OSError as error:
        raise DsimError(
            f"cannot write {path}: {error.strerror}", hint="choose a folder that can be written, on a disk with space"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Hold a session for writing until the block ends; a killed process holds nothing.

    Raises UsageError at once where another one holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UsageError(
            f"{folder} is open for writing in another process or window",
            hint="close it there, or wait until its command has finished; dsim roi show reads it meanwhile",
        ) from None
    except OSError as error:
        raise DsimError(
            f"cannot write to {folder}: {error.strerror}", hint="copy the session to a folder that can be written"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            lock.release()


def read_document(folder: Path) -> dict[str, Any]:
    """Return ``session.json``, checked. Raises DataError where it is damaged or a newer dsim wrote it."""
    path = folder / DOCUMENT
    document = documents.read(path, _HINT)
    name, _, version = str(document.get("schema")).partition("/")
    known = SCHEMA.partition("/")
    if name == known[0] and version.isdecimal() and int(version) > int(known[2]):
        raise DataError(
            f"{folder} was written by a newer version of dsim ({document.get('dsim')}, schema {document['schema']})",
            hint="update dsim; nothing was changed",
        )
    documents.check(document, SCHEMA, str(path), _HINT)
    return document


def write_document(folder: Path, document: Mapping[str, Any]) -> None:
    """Write ``session.json``, whole or not at all. Raises DsimError where the disk refuses."""
    documents.check(document, SCHEMA, DOCUMENT, "report this as a fault of dsim")
    documents.to_json(document, folder / DOCUMENT)


def images_to_dict(dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Return what ``session.json`` says of its images: name, place, and id and sha256 of each, in order.

    ``folder`` : of the session. A place in the file system is written relative to it, so that both move together.
    """
    return {
        "name": dataset.name,
        **place_to_dict(dataset, folder),
        "list": [{"id": id, "sha256": digest} for id, digest in zip(dataset.ids, dataset.image_digests, strict=True)],
    }


def place_to_dict(dataset: Dataset, folder: Path) -> dict[str, str]:
    """Return the place of a dataset as ``session.json`` writes it: ``location`` and ``options``."""
    location = dataset.location
    if location != MEMORY and not location.startswith(_PHANTOMS):
        location = Path(os.path.relpath(Path(location).resolve(), folder.resolve())).as_posix()
    return {"location": location, "options": dataset.options}


def reference_of(images: Mapping[str, Any], folder: Path) -> str | None:
    """Return the text with which the images of ``session.json`` are opened; None for arrays of a program."""
    location = str(images["location"])
    if location == MEMORY:
        return None
    if not location.startswith(_PHANTOMS):
        # A link in the path of the session must not lead elsewhere, so ".." is not left to the system.
        location = os.path.normpath(folder.resolve() / location)
    return location + str(images["options"])


@dataclass(frozen=True)
class Matched:
    """The images of a session in a dataset.

    Parameters
    ----------
    dataset : the images in the session's order, under the names of now.
    notes : what differs from the session, in sentences: renamed and swapped images, others that are there too.
    """

    dataset: Dataset
    notes: tuple[str, ...] = ()


def match_by_content(images: Mapping[str, Any], dataset: Dataset) -> Matched:
    """Return the images of a session among those of a dataset, by their bytes: names may have changed.

    Raises DataError that names images which are not there: gone, or changed.
    """
    wanted = [(str(one["id"]), str(one["sha256"])) for one in images["list"]]
    here = dict(zip(dataset.ids, dataset.image_digests, strict=True))
    free: dict[str, list[str]] = {}
    same = {id for id, digest in wanted if here.get(id) == digest}
    for id, digest in here.items():
        if id not in same:
            free.setdefault(digest, []).append(id)
    chosen = [id if id in same else (free.get(digest) or [""]).pop(0) for id, digest in wanted]
    _refuse_missing([id for (id, _), now in zip(wanted, chosen, strict=True) if not now], here, dataset)
    position = {id: index for index, id in enumerate(dataset.ids)}
    notes = [
        f"image {id!r} is now named {now!r}: matched by its content"
        for (id, _), now in zip(wanted, chosen, strict=True)
        if id != now
    ]
    extra = len(here) - len(chosen)
    if extra:
        notes.append(f"{extra} images of {dataset.name} are not part of the session: dsim roi apply takes them")
    return Matched(dataset.subset([position[now] for now in chosen]), tuple(notes))


def _refuse_missing(missing: Sequence[str], here: Mapping[str, str], dataset: Dataset) -> None:
    if not missing:
        return
    changed = [id for id in missing if id in here]
    which = ", ".join(map(repr, (changed or list(missing))[:5]))
    how = "were changed since the session was made" if changed else f"are not at {dataset.location} any more"
    raise DataError(
        f"{len(missing)} images of the session {how}: {which}",
        hint="put the images back as they were, or say where they are now: --images PATH; nothing was changed",
    )

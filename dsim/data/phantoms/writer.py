"""Phantoms on disk: written beside the goal and renamed as a whole, so that nothing partial is taken for complete."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.dataset import Dataset
from dsim.data.phantoms.catalogue import TRUE_SOURCE
from dsim.data.phantoms.opener import GENERATOR_VERSION, PhantomBacking, Recipe
from dsim.errors import DataError, UsageError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_GENERATOR = "dsim.data.phantoms"
_META = "META.json"
#: All that ``write`` ever makes, as paths below the goal: --overwrite removes nothing else.
_OWN_FILES = re.compile(r"META\.json|[^/]+/(META\.json|labels\.csv|(images|masks)/[^/]+\.png)")


def write(
    datasets: Sequence[Dataset], out: Path, *, overwrite: bool = False, progress: Callable[[str], None] | None = None
) -> list[Path]:
    """Write phantom datasets as folders below ``out``; returns the folders.

    Each is ``NAME/images/ID.png``, ``NAME/masks/ID.png`` (0 and 255), ``NAME/labels.csv`` (file, label, group) and
    ``NAME/META.json``; ``out/META.json`` lists them with the true source of each target. The whole appears at once.

    Parameters
    ----------
    overwrite : replace what an earlier call wrote; a folder with anything else in it is refused all the same.
    progress : called with each name when its folder is done.

    Returns
    -------
    The folders, one per dataset.

    Raises
    ------
    UsageError : ``out`` exists, or two datasets share a name. DataError : ``out`` holds files that are not phantoms.
    """
    _check_names([data.name for data in datasets])
    recipes = [_recipe(data) for data in datasets]
    goal = out.resolve()
    _check_free(goal, overwrite)
    try:
        with _workshop(goal) as workshop:
            # Not the temporary folder itself, which is private to the user, but one in it with ordinary permissions.
            draft = workshop / "new"
            for data, recipe in zip(datasets, recipes, strict=True):
                _write_dataset(data, recipe, draft / data.name)
                if progress:
                    progress(data.name)
            _write_json(draft / _META, _meta_of_all(datasets))
            _put_in_place(draft, goal, workshop / "old")
    except OSError as error:
        raise DataError(
            f"cannot write {out}: {error.strerror}", hint="free the disk, or choose another folder"
        ) from error
    return [out / data.name for data in datasets]


@contextmanager
def _workshop(goal: Path) -> Iterator[Path]:
    """A hidden folder beside the goal, so that renaming crosses no file system; removed at the end."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{goal.name}.", dir=goal.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _recipe(data: Dataset) -> Recipe:
    if not isinstance(data.backing, PhantomBacking):
        raise UsageError(f"dataset {data.name!r} is not a phantom", hint="open it with open_phantom")
    return data.backing.recipe


def _check_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two phantoms are named {name!r}", hint="give each name once")
        if name in ("", ".", "..") or Path(name).name != name:
            raise UsageError(f"phantom {name!r} cannot be a folder's name", hint="rename it: dataset.renamed(...)")


def _check_free(out: Path, overwrite: bool) -> None:
    if Path.cwd().is_relative_to(out):
        raise UsageError(f"{out} is the current folder, or holds it", hint="choose a new folder for the phantoms")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not overwrite:
        raise UsageError(f"{out} exists", hint="choose another folder, or replace these phantoms with --overwrite")
    if not out.is_dir() or not _is_ours(out):
        raise DataError(
            f"{out} is not a folder of phantoms, so it is not overwritten", hint="choose another folder, or remove it"
        )
    for path in sorted(out.rglob("*")):
        if not path.is_dir() and not _OWN_FILES.fullmatch(path.relative_to(out).as_posix()):
            raise DataError(
                f"{path} does not belong to the phantoms; overwriting would delete it", hint="move it elsewhere"
            )


def _is_ours(out: Path) -> bool:
    try:
        found = json.loads((out / _META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("generator") == _GENERATOR


def _put_in_place(draft: Path, out: Path, aside: Path) -> None:
    """Rename the finished draft; what stood there is moved aside first, and comes back if the renaming fails."""
    if out.exists():
        os.replace(out, aside)
    try:
        os.replace(draft, out)
    except OSError:
        if aside.exists():
            os.replace(aside, out)
        raise


def _write_dataset(data: Dataset, recipe: Recipe, folder: Path) -> None:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for index, sample in enumerate(data.ids):
        _write_png(data.native(index), folder / "images" / f"{sample}.png")
        _write_png(data.mask(index), folder / "masks" / f"{sample}.png")
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "label", "group"])
        for sample, label, group in zip(data.ids, data.labels or (), data.groups or (), strict=True):
            table.writerow([f"{sample}.png", label, group])
    _write_json(folder / _META, _meta_of_one(data, recipe))


def _write_png(pixels: NDArray[Any], path: Path) -> None:
    """Lossless at any depth; PIL knows no 16-bit colour, so imagecodecs writes."""
    import imagecodecs

    # Level 1: these images are mostly noise, which no level compresses.
    path.write_bytes(imagecodecs.png_encode(pixels.squeeze(), level=1))


def _meta_of_one(data: Dataset, recipe: Recipe) -> dict[str, object]:
    return {
        "name": data.name,
        "generator": _GENERATOR,
        "generator_version": GENERATOR_VERSION,
        "n_images": len(data),
        "classes": list(data.classes),
        "attributes": dict(data.attributes),
        "recipe": asdict(recipe),
    }


def _meta_of_all(datasets: Sequence[Dataset]) -> dict[str, object]:
    names = [data.name for data in datasets]
    return {
        "generator": _GENERATOR,
        "generator_version": GENERATOR_VERSION,
        "phantoms": names,
        "true_source": {target: source for target, source in TRUE_SOURCE.items() if target in names},
    }


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

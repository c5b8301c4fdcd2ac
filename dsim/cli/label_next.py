"""``dsim label-efficiency --next``: the images that may be chosen, and the table to fill in."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, UsageError

if TYPE_CHECKING:
    from dsim.data import Dataset

#: What to fill in, in ``--out``; and the name under which it is a dataset, beside the folder of the images.
TABLE, LABELLED = "next.csv", "labelled.csv"


def separate(
    labelled: Sequence[Dataset], unlabelled: Sequence[Dataset], wanted: int | None
) -> tuple[list[Dataset], Dataset | None]:
    """Return the datasets with labels, and the images to choose from: None where none is asked for.

    Those are of ``unlabelled``, and of datasets among ``labelled`` that have no label at all; images that have a label,
    by their bytes, are left out. Raises UsageError where nothing is left, or nothing is to choose from.
    """
    from dsim.data import join

    if wanted is None:
        if unlabelled:
            raise UsageError("--unlabelled is for --next, which is missing", hint="give --next COUNT too")
        return list(labelled), None
    known = [dataset for dataset in labelled if dataset.labels is not None]
    pools = [*unlabelled, *(dataset for dataset in labelled if dataset.labels is None)]
    if not pools:
        raise UsageError(
            "--next chooses among images without label, and none was given", hint="give them: --unlabelled PATH"
        )
    pool = pools[0] if len(pools) == 1 else join(pools, "unlabelled")
    seen = {digest for dataset in known for digest in dataset.image_digests}
    left = [index for index, digest in enumerate(pool.image_digests) if digest not in seen]
    if not left:
        raise DataError(f"every image of {pool.name!r} has a label already", hint="give others: --unlabelled PATH")
    return known, pool if len(left) == len(pool) else pool.subset(left)


def write_table(path: Path, pool: Dataset, ids: Sequence[str]) -> Path:
    """Write the images in the order in which to label them, with an empty column ``label``.

    Filled in, it is a dataset once it lies where its paths begin: at the path that is returned, beside the pool. The
    column is ``image``, with ids, instead of ``path`` where images are no files of their own. Raises DsimError where
    the disk refuses.
    """
    from dsim.files import write_text

    position = {sample: index for index, sample in enumerate(pool.ids)}
    files = [image_file(pool, position[sample]) for sample in ids]
    root = _root(pool, [file for file in files if file])
    column = "path" if all(files) else "image"
    names = [file.absolute().relative_to(root).as_posix() for file in files if file] if all(files) else list(ids)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column, "label", *(["group"] if pool.groups else [])])
    for name, sample in zip(names, ids, strict=True):
        writer.writerow([name, "", *([pool.groups[position[sample]]] if pool.groups else [])])
    write_text(path, text.getvalue())
    place = root / LABELLED
    here = Path.cwd()
    return place.relative_to(here) if place.is_relative_to(here) else place


def _root(pool: Dataset, files: Sequence[Path]) -> Path:
    """The folder that holds the pool's folder; else the innermost that holds all files."""
    beside = Path(pool.location).absolute().parent
    absolute = [file.absolute() for file in files]
    if not absolute or all(file.is_relative_to(beside) for file in absolute):
        return beside
    return Path(os.path.commonpath([file.parent for file in absolute]))


def image_file(dataset: Dataset, index: int) -> Path | None:
    """Return the file that holds an image and nothing else; None where there is no such file."""
    from dsim.data.backings import FilesBacking
    from dsim.data.dataset import Subset

    backing: Any = dataset.backing
    while isinstance(backing, Subset):
        backing, index = backing.whole, backing.indices[index]
    if not isinstance(backing, FilesBacking):
        return None
    place = backing.images[index]
    return place.path if place.alone and len(place.files) == 1 else None

"""What the zoo ships of datasets that its segmentation models were trained on: features, instead of their images.

    python benchmarks/zoo_features.py ../shared/data/segmentation/* [--zoo FOLDER]

Writes zoo/features/<dataset>.safetensors, from which ``dsim recommend`` ranks the zoo's sources, the same of ImageNet's
features into a folder beside them, and card.md. A META.json beside the images tells collection and licence.
The same images give the same files.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dsim.data import open_many
from dsim.features.shelves import FOLDER, Shelf, read_shelf
from dsim.files import read_text, write_text
from dsim.files.shipped import shipped
from dsim.models.lite0 import IMAGENET
from dsim.recommend.pool import REFERENCE, write
from dsim.ui import make_runtime

#: By the folder below the zoo's features.
EXTRACTORS = {"": REFERENCE, IMAGENET: f"zoo:{IMAGENET}", "pixels8": "pixels:[side=8]"}
CARD = """# Features of the zoo's sources

Datasets that segmentation models of the zoo were trained on. `dsim recommend TARGET` ranks them by these files, since
their images are not shipped: of each image the features of {extractors} (float32), its id, and the sha256 of its file,
by which it is recognised. The features were computed from images under the licences below: use them within those.

| dataset | images | features | collection | licence of the images | fingerprint |
|---|---:|---:|---|---|---|
{table}

Made by `benchmarks/zoo_features.py`; the same images give the same files. A file that is damaged, or holds what this
version of dsim would not compute, is refused.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", metavar="DATASET")
    parser.add_argument("--zoo", type=Path, default=shipped("zoo"), metavar="FOLDER")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    how = make_runtime(options.device, offline=True)
    rows = []
    for dataset in open_many(options.datasets):
        paths = [write(dataset, options.zoo / FOLDER / place, how, each) for place, each in EXTRACTORS.items()]
        rows.append(([*map(read_shelf, paths)], *_origin(Path(dataset.location))))
        for path in paths:
            print(path, f"{path.stat().st_size / 1e3:.0f} kB")
    write_text(options.zoo / FOLDER / "card.md", card(rows))


def card(rows: list[tuple[list[Shelf], str, str]]) -> str:
    """What the files are, and of each dataset where its images come from and under which licence."""
    table = [
        f"| `{shelves[0].dataset.name}` | {len(shelves[0].dataset)} |"
        f" {' + '.join(str(shelf.features.shape[1]) for shelf in shelves)} | {collection} | {licence} |"
        f" `{shelves[0].dataset.images_fingerprint[:12]}` |"
        for shelves, collection, licence in rows
    ]
    extractors = " and ".join(f"`{extractor}`" for extractor in EXTRACTORS.values())
    return CARD.format(extractors=extractors, table="\n".join(table))


def _origin(folder: Path) -> tuple[str, str]:
    """Collection and licence as META.json tells them."""
    meta = json.loads(read_text(folder / "META.json", hint="it tells collection and licence of a dataset"))
    collection, licence = (str(meta[name]).replace("|", "\\|") for name in ("dataset", "licence"))
    return collection, licence


if __name__ == "__main__":
    main()

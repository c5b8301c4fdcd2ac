"""Files of detections: annotations for other tools, counts, semantic maps, and what they were made by."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.annotations import write_regions
from dsim.files import documents, replacing, write_text

if TYPE_CHECKING:
    from dsim.plugin import Dataset, Runtime
    from dsim_simsearch.detection import Detections
    from dsim_simsearch.detector import Detector

SCHEMA = "dsim.roi-detections/1"
DOCUMENT, COUNTS, SEMANTIC = "detections.json", "counts.csv", "semantic"


def write_detections(
    folder: Path,
    detections: Detections,
    sizes: Mapping[str, tuple[int, int]],
    facts: Mapping[str, Any],
    formats: Sequence[str] = (),
) -> list[Path]:
    """Write detections in the formats of annotation tools, with ``counts.csv`` and ``detections.json``.

    Parameters
    ----------
    sizes : (height, width) of each image by id. ``formats`` : see ``write_regions``; all where empty.
    facts : what the detections were made by, for ``detections.json``.

    Returns the paths. Files that are there are replaced.
    """
    paths = write_regions(folder, detections.regions, sizes, formats, labels=detections.classes)
    write_text(folder / COUNTS, counts_table(detections))
    documents.to_json(to_dict(detections, facts), folder / DOCUMENT)
    return [*paths, folder / COUNTS, folder / DOCUMENT]


def counts_table(detections: Detections) -> str:
    """Return counts as CSV: a row for each image, a column for each class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", *detections.classes])
    for image, counts in detections.counts.items():
        writer.writerow([image, *(counts[name] for name in detections.classes)])
    return text.getvalue()


def to_dict(detections: Detections, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``detections.json`` holds: facts, thresholds, counts of each image and of all."""
    every = list(detections.counts.values())
    return {
        "schema": SCHEMA,
        **facts,
        "confidences": dict(detections.thresholds),
        "totals": {name: sum(counts[name] for counts in every) for name in detections.classes},
        "counts": [{"image": image, **{"classes": counts}} for image, counts in detections.counts.items()],
    }


def write_semantic_maps(
    folder: Path, detector: Detector, dataset: Dataset, thresholds: Mapping[str, float], runtime: Runtime
) -> list[Path]:
    """Write the class of each pixel of each image as a PNG, 0 for none, 1 for the first class; returns the paths."""
    from PIL import Image

    from dsim.files.sample_names import file_names
    from dsim_simsearch.detection import semantic_map
    from dsim_simsearch.images import PreparedImages
    from dsim_simsearch.preparation import Preparation

    images = PreparedImages(dataset, Preparation.from_dict(dict(detector.preparation)))
    known = {name: thresholds[name] for name in detector.classes}
    paths = [folder / SEMANTIC / f"{name}.png" for name in file_names(dataset.ids)]
    with runtime.progress.task("semantic maps", len(paths), "images") as task:
        for index, path in enumerate(paths):
            values = semantic_map(detector, images, index, known, runtime).values
            with replacing(path) as temporary:
                Image.fromarray(values).save(temporary)
            task.advance()
    return paths

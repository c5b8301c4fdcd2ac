"""The files of a check: a table, a record, and a page with pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.files.documents import to_json
from dsim.maps.quality.answer import sentences
from dsim.maps.quality.findings import Fault, Finding, MapCheck

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.maps.image_map import ImageMap
    from dsim.runtime import Runtime

RECORD, TABLE, PAGE, MAP_PAGE = "check.json", "check.csv", "check.html", "map.html"
#: Findings of each kind on the page, and side of their pictures in pixels.
MOST, _SIDE = 100, 96
_COLUMNS = (
    *("kind", "rank", "dataset", "id", "score", "partner_dataset", "partner"),
    *("suggestion", "group", "across", "reason"),
)


def write_check(
    check: MapCheck,
    images: ImageMap | Sequence[Dataset],
    folder: str | Path,
    runtime: Runtime,
    most: int | None = None,
) -> list[Path]:
    """Write check.csv, check.html and last check.json to a folder, and return their paths.

    Of a map also its page, map.html, coloured by the faults. ``images`` : those that were checked. ``most`` : findings
    of each kind in tables and page; by default all, of which the page shows ``MOST``.

    Raises DsimError where the folder cannot be written, UnreadableImageError where an image cannot be shown.
    """
    from dsim.files import write_text
    from dsim.maps.image_map import ImageMap

    place = Path(folder)
    datasets = images.datasets if isinstance(images, ImageMap) else images
    write_text(place / TABLE, format_check(check, most))
    write_text(place / PAGE, render_check(check, datasets, runtime, MOST if most is None else most))
    if isinstance(images, ImageMap):
        write_text(place / MAP_PAGE, _map_page(check, images, runtime))
    to_json(check.to_dict(most), place / RECORD)
    names = (PAGE, *([MAP_PAGE] if isinstance(images, ImageMap) else []), TABLE, RECORD)
    return [place / name for name in names]


def _map_page(check: MapCheck, images: ImageMap, runtime: Runtime) -> str:
    import numpy as np

    from dsim.maps.page import render_image_map
    from dsim.pages import MapColumn

    # The check counts images dataset by dataset, the map in its own order.
    faults = np.full(len(images), "", dtype=object)
    faults[np.concatenate(images.members)] = check.column()
    column = MapColumn("fault", "category", faults.tolist(), "the first kind of finding of dsim map check")
    title = f"Map of {', '.join(check.datasets)}: {check.flagged:,} of {check.images:,} images are worth a look"
    return render_image_map(images, runtime, title, extra=[column], colour="fault")


def format_check(check: MapCheck, most: int | None = None) -> str:
    """Return the findings as CSV, one line each, with at most ``most`` of each kind."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for finding in check.findings:
        if most is None or finding.rank <= most:
            row = {**vars(finding), "kind": finding.kind.value, "score": f"{finding.score:.4g}"}
            row["across"] = " ".join(finding.across)
            lines.writerow([row[name] for name in _COLUMNS])
    return text.getvalue()


def render_check(check: MapCheck, datasets: Sequence[Dataset], runtime: Runtime, most: int = MOST) -> str:
    """Return the findings as one HTML page that loads nothing, each with its picture and that of its partner.

    Raises UnreadableImageError for an image that cannot be read.
    """
    from dsim.pages import escape, render_page

    answer = sentences(check)
    title = f"Check of {', '.join(check.datasets)}"
    body = "\n".join(_section(check, kind, datasets, runtime, most) for kind in check.counts)
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in answer)
    return render_page(title, body, header=paragraphs, style=_STYLE)


_STYLE = """
td img { display: block; border-radius: 4px; max-width: 96px; height: auto; }
thead th.picture, thead th.reason, td.picture, td.reason { text-align: left; }
td.picture { max-width: 11rem; font-size: 0.87em; }
td.reason { min-width: 14rem; max-width: 30rem; }
"""


def _section(check: MapCheck, kind: Fault, datasets: Sequence[Dataset], runtime: Runtime, most: int) -> str:
    from dsim.pages import escape, render_scroll, render_section, render_table

    findings = check.of_kind(kind)
    if not findings:
        return ""
    by_name = {dataset.name: dataset for dataset in datasets}
    with runtime.progress.task(f"pictures of {kind.value}", min(most, len(findings)), "images") as task:
        rows = []
        for finding in findings[:most]:
            rows.append(_row(finding, by_name))
            task.advance()
    heads = ["rank", "image", "partner", "score", "reason"]
    kinds = ["", "picture", "picture", "", "reason"]
    more = f" The first {most} of {len(findings)} are shown." if len(findings) > most else ""
    note = f'<p class="small">Score: {escape(kind.score_meaning)}.{more}</p>'
    table = render_scroll(kind.words, render_table(heads, rows, kinds=kinds, row_heads=None))
    return render_section(escape(kind.words.capitalize()), note + table, mark=kind.value)


def _row(finding: Finding, datasets: dict[str, Dataset]) -> list[str]:
    from dsim.pages import escape

    own = _picture(datasets, finding.dataset, finding.index)
    partner = ""
    if finding.partner:
        ids = [str(id) for id in datasets[finding.partner_dataset].ids]
        partner = _picture(datasets, finding.partner_dataset, ids.index(finding.partner))
    return [str(finding.rank), own, partner, f"{finding.score:.2f}", escape(finding.reason)]


def _picture(datasets: dict[str, Dataset], name: str, index: int) -> str:
    """A picture with its name below."""
    from dataclasses import replace

    from dsim.data import thumbnail
    from dsim.pages import embed_image, isolate_name, render_picture

    id = str(datasets[name].ids[index])
    image = thumbnail(replace(datasets[name], masked=False), index, _SIDE, brighten=False)
    return render_picture(embed_image(image, id)) + isolate_name(f"{name}/{id}" if len(datasets) > 1 else id)

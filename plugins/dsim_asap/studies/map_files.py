"""The files of a map: pictures, page and numbers, each whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.files import write_text
from dsim_asap.studies.map import LatentMap
from dsim_asap.studies.map_picture import draw_map, lay_out

if TYPE_CHECKING:
    from dsim.runtime import Runtime

#: Images of a dataset that the page shows at most, unless told otherwise.
PICTURES = 120


def write_map(found: LatentMap, out: Path, runtime: Runtime, title: str = "", pictures: int = PICTURES) -> list[Path]:
    """Write map.json, map.png, map.svg and map.html to a folder; ``pictures`` images of a dataset are in the page."""
    from dsim_asap.page.html import to_html
    from dsim_asap.page.sprites import make_sprites

    title = title or f"Map of {len(found.clouds)} datasets, {found.images:,} images"
    note = seen_note(found)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
    write_text(out / "map.json", text + "\n")
    for suffix in (".png", ".svg"):
        draw_map(found, out / f"map{suffix}", title, note)
    sprites = make_sprites(found.clouds, pictures, runtime)
    write_text(out / "map.html", to_html(found, lay_out(found), sprites, title, note))
    return [out / name for name in ("map.json", "map.png", "map.svg", "map.html")]


def seen_note(found: LatentMap) -> str:
    """Which datasets the model was trained on: they look further apart than those that it has never seen."""
    seen = [cloud.name for cloud in found.clouds if cloud.seen]
    if not seen:
        return "The model was trained on none of these datasets."
    if len(seen) == len(found.clouds):
        return "The model was trained on all of these datasets."
    # The shorter list is told.
    unseen = [cloud.name for cloud in found.clouds if not cloud.seen]
    if len(unseen) < len(seen):
        return f"The model was trained on all of these datasets but {', '.join(unseen)}."
    return f"Of these datasets the model was trained on {', '.join(seen)}."

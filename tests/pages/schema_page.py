"""The page of every file that dsim writes, and its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
#: Which file, or what is printed, and what writes it. A schema that is not named here fails the test of this page.
WRITTEN = {
    "adapt": ("printed", "`dsim adapt --json`"),
    "agreement": ("`agreement.json`", "`dsim compare` with several measures"),
    "annotate-next": ("`annotate-next.json`", "`dsim annotate-next`"),
    "asap-ablate": ("`ablate.json`", "`dsim asap ablate`"),
    "asap-coherence": ("`coherence.json`", "`dsim asap coherence`"),
    "asap-map": ("`map.json`", "`dsim asap map`"),
    "asap-place": ("`place.json`", "`dsim asap place`"),
    "asap-robustness": ("`robustness.json`", "`dsim asap robustness`"),
    "asap-strays": ("`strays.json`", "`dsim asap place --dataset`"),
    "asap-tune": ("`tune.json`", "`dsim asap tune`"),
    "compare": ("printed", "`dsim compare --json`"),
    "conformance": ("within a plugin check", "`dsim plugin check --json`, `dsim.testing`"),
    "doctor": ("printed", "`dsim doctor --json`"),
    "evaluate": ("`evaluate.json`", "`dsim evaluate` with several measures, `--json`"),
    "evaluation": ("`evaluation.json`", "`dsim evaluate`"),
    "expert-agreement": ("printed", "`dsim expert agreement --json`"),
    "extract": ("printed", "`dsim extract --json`"),
    "fingerprint": ("the file of `--out`", "`dsim fingerprint write`"),
    "kinds": ("`biomed21.json`, shipped", "`python benchmarks/known_kinds.py`"),
    "selection": ("`selection/biomed16.json`, shipped", "`python -m benchmarks.selection`"),
    "label-efficiency": ("`label-efficiency.json`, printed", "`dsim label-efficiency`, `--json`"),
    "leaderboard": ("`results.json`", "`dsim leaderboard`"),
    "map": ("`map.json`", "`dsim map fit`"),
    "map-check": ("`check.json`", "`dsim map check`"),
    "map-comparison": ("`comparison.json`, printed", "`dsim map compare`, `--json`"),
    "map-place": ("`placed.json`", "`dsim map place`"),
    "matrix": ("`matrix.json`", "`dsim compare`"),
    "plugin-check": ("printed", "`dsim plugin check --json`"),
    "prelabel": ("`prelabel.json`", "`dsim prelabel`"),
    "recommend": ("`recommendation.json`", "`dsim recommend --out`"),
    "reliability": ("`reliability.json`", "`python benchmarks/reliability.py`"),
    "roi-counts": ("printed", "`dsim roi counts --json`"),
    "roi-sample": ("`sample.json`, printed", "`dsim roi sample`, `--json`"),
    "roi-candidates": ("printed", "`dsim roi suggest --json`"),
    "roi-detections": ("`detections.json`, printed", "`dsim roi export`, `apply`, `detect --json`"),
    "roi-replay": ("printed", "`dsim roi replay --json`"),
    "roi-session": ("`session.json`, in `NAME.dsimroi`", "`dsim roi new`"),
    "roi-state": ("printed", "`dsim roi show --json`, and every command that changes a session"),
    "roi-study": ("`study.json`", "`dsim roi study`"),
    "training": ("`run.json`", "`dsim train`"),
    "transfer": ("`truth.json`", "`dsim transfer`, `dsim truth convert`"),
}
_HEAD = """\
# Files and schemas

Every JSON document says which schema it has, as `"schema": "dsim.matrix/1"`. The number is raised when a reader of the
old form could no longer read the new one. NaN is null. Files appear whole or not at all. In Python
`dsim.files.documents` checks a document against its schema.

| schema | file | written by |
|---|---|---|
"""
_OTHERS = """\

## Files without a schema of their own

| file | what it holds | written by |
|---|---|---|
| `matrix.csv` | values, a row for each source, a column for each target | `dsim compare` |
| `heatmap.png`, `embedding.png`, `agreement.png` | [pictures](../results.md) | `dsim compare` |
| `report.html` | [the report](../report.md), to be read | `dsim compare --report`, `dsim report` |
| `nearest.png` | images of the target beside the [nearest of the source](../recommend.md) | `dsim recommend --out` |
| `transfer.png`, `ranks.png`, `regret.png` | pictures of the [evaluation](../evaluation.md) | `dsim evaluate` |
| `features.h5` | HDF5: a group for each dataset with `features` (n, d) float32 and `ids`; the recipe as attributes | [`dsim extract --out`](../features.md) |
| `masks/`, `coco.json`, `geojson/`, `rois/`, `probabilities/`, `uncertainty.csv`, `overlays.png` | [pre-labels](../prelabel.md), in the formats of annotation tools | `dsim prelabel` |
| `sample.csv`, `detections.png`, `windows.png` | detections and windows to verify | `dsim roi sample` |
| `manifest.toml`, `card.md`, `curves.json`, `curves.png`, `*.safetensors` | a [model of the zoo](../features.md#the-zoo) | `dsim train asap`, `dsim asap extend` |
| `.work/SOURCE/KEY/*.safetensors` | [models](../transfer.md#the-models), one for each training; beside `truth.json` | `dsim transfer segmentation` |
| `NAME/images`, `NAME/masks`, `NAME/labels.csv`, `META.json` | [phantoms](../phantoms.md) as files | `dsim data phantoms` |
| `leaderboard.md`, `leaderboard.html` | the [board](../leaderboard.md), to be read | `dsim leaderboard` |
| `map.html`, `map.png`, `map.svg`, `strays.png`, and a PNG beside each JSON of a study | [ASAP's studies](../asap.md), to be looked at | `dsim asap` |
| the table of `--out`, CSV | what [experts](../measures/expert.md) said of datasets | `dsim expert rate` |

"""  # noqa: E501


def pages() -> dict[str, bytes]:
    """The page, by its path below docs/."""
    schemas = {path.name.removeprefix("dsim.").rsplit(".", 3)[0]: path for path in sorted(SCHEMAS.glob("*.json"))}
    told = {name: json.loads(path.read_text("utf-8")) for name, path in schemas.items()}
    rows = "".join(
        f"| [{_name(told[name])}](#{_anchor(told[name])}) | {' | '.join(WRITTEN[name])} |\n" for name in schemas
    )
    parts = "".join(_part(told[name], path) for name, path in schemas.items())
    return {"reference/schemas.md": (_HEAD + rows + _OTHERS + parts.rstrip() + "\n").encode()}


def _part(schema: dict[str, Any], path: Path) -> str:
    """What stands at the top of one document."""
    name, _, told = schema["title"].partition(": ")
    needed = set(schema.get("required", ()))
    rows = "".join(
        f"| `{key}` | {_kind(value)} | {'' if key in needed else 'may be missing. '}{_text(value)} |\n"
        for key, value in schema.get("properties", {}).items()
    )
    link = f"[{path.name}](../schema/{path.name})"
    return f"## {name}\n\n{told[0].upper()}{told[1:]}. The whole schema: {link}\n\n| key | | |\n|---|---|---|\n{rows}\n"


def _name(schema: dict[str, Any]) -> str:
    return str(schema["title"]).partition(": ")[0]


def _anchor(schema: dict[str, Any]) -> str:
    return "".join(letter for letter in _name(schema) if letter.isalnum() or letter in "-_")


def _kind(value: dict[str, Any]) -> str:
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " or ".join(f"`{'null' if one is None else one}`" for one in value["enum"])
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2].removesuffix(".schema.json")
    kinds = value.get("type", "")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


def _text(value: dict[str, Any]) -> str:
    return str(value.get("description", "")).replace("|", r"\|").replace("<", "&lt;").replace("*", r"\*")

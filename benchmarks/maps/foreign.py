"""Images placed on a map of real red cells: those of new smears, and mixtures with foreign images.

    python -m benchmarks.maps.foreign DATA --work DIR

A fifth of the smears of ``chula_rbc12_cls`` is kept out of the map. Its images are of the same kind and were never
seen: about 5 % of them should have p of at most 0.05, of whatever class. Then a share of them is replaced by images of
other collections, many times over, and the estimated share and its interval are compared with the true one. Writes
``benchmarks/maps/foreign.json`` and prints the table of docs/howto/map.md. Nothing was chosen by these numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.data import open_dataset
from dsim.files.documents import read, to_json
from dsim.maps import fit_map, open_map_model, place_on_map
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.stats.foreign import foreign_share

STORED = Path(__file__).with_name("foreign.json")
CELLS = "cells/chula_rbc12_cls/chula_rbc12_cls.npz"
FOREIGN = ("bccd_wbc_cls", "ham10000_cls", "medical_mnist_cls", "pneumoniamnist_cls")
#: Steps of the three stages: fewer than those of any preset, so that the study takes minutes.
STEPS = (150.0, 30.0, 60.0)
#: Images of a mixture, true shares of foreign ones, and mixtures of each.
IMAGES, SHARES, DRAWS = 400, (0.0, 0.1, 0.3, 0.6), 200


def measure(data: Path, work: Path) -> dict[str, Any]:
    """Fit the map, unless ``work`` holds it, and place what it has not seen."""
    cells = open_dataset(data / CELLS)
    smears = sorted(set(cells.groups or ()))
    kept_out = set(np.random.default_rng(0).permutation(smears)[: len(smears) // 5].tolist())
    outside = [index for index, smear in enumerate(cells.groups or ()) if smear in kept_out]
    inside = sorted(set(range(len(cells))) - set(outside))
    runtime = Runtime(device="cpu")
    fit_map(cells.subset(inside, "known"), work, rotations="any", steps=STEPS, runtime=runtime)
    new = cells.subset(outside, "new")
    held_out = len(open_map_model(work).calibration)
    p = place_on_map(new, work, runtime=runtime).p
    labels = np.array(new.labels)
    return {
        "images": {"map": len(inside), "new": len(new), "held_out": held_out, "smears": len(kept_out)},
        "same_kind": _summary(p, held_out),
        "classes": {label: _summary(p[labels == label], held_out) for label in sorted(set(labels.tolist()))},
        "foreign": {name: _mixtures(p, _p_of(data, name, work, runtime), held_out, name) for name in FOREIGN},
    }


def _p_of(data: Path, name: str, work: Path, runtime: Runtime) -> NDArray[np.float64]:
    return place_on_map(open_dataset(data / "classification" / name / f"{name}.npz"), work, runtime=runtime).p


def _summary(p: NDArray[np.float64], held_out: int) -> dict[str, Any]:
    found = foreign_share(p, held_out)
    values = {"unusual": found.unusual, "share": found.share, "low": found.low, "high": found.high}
    return {"images": len(p), **{name: round(value, 4) for name, value in values.items()}}


def _mixtures(own: NDArray[np.float64], other: NDArray[np.float64], held_out: int, name: str) -> dict[str, Any]:
    """How unusual the foreign images are, and for each true share what is estimated over many mixtures."""
    rng, rows = stream(0, "foreign study", name), {}
    for share in SHARES:
        strangers = round(share * IMAGES)
        found = [
            foreign_share(np.concatenate([rng.choice(own, IMAGES - strangers), rng.choice(other, strangers)]), held_out)
            for _ in range(DRAWS)
        ]
        rows[f"{share:g}"] = {
            "estimated": round(float(np.mean([one.share for one in found])), 4),
            "covered": round(float(np.mean([one.low <= share <= one.high for one in found])), 4),
        }
    return {"images": len(other), "unusual": round(float((other <= 0.05).mean()), 4), "shares": rows}


def table(found: Mapping[str, Any]) -> str:
    """Return the table of docs/howto/map.md."""
    lines = [
        "| foreign images | with p of at most 0.05 | estimated of 10 % | of 30 % | of 60 % |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in found["foreign"].items():
        cells = [f"{row['shares'][share]['estimated']:.0%}" for share in ("0.1", "0.3", "0.6")]
        lines.append(f"| `{name}` | {row['unusual']:.0%} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, store and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.maps.foreign", description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("foreign-study"))
    given = parser.parse_args()
    to_json(measure(given.data, given.work), STORED)
    print(table(read(STORED, "measure again")))


if __name__ == "__main__":
    main()

"""How far real sets of one kind, and of different kinds, lie from each other: what "none of these resembles yours" is.

    python benchmarks/known_kinds.py --data DATA [--measures NAME ...]

Compares samples of 5, 10 and 15 images of all pairs of 21 sets, 14 of which are of five kinds that have two sets or
more, by several measures, and writes benchmarks/kinds/biomed21.json. The kinds below were written down before any
distance was computed. The measure and its bounds are chosen by the same rule in the record and, without the kind that
is judged, where its errors are counted: no verdict is counted by bounds that know the kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.comparison.plan import make_plan
from dsim.comparison.provenance import measure_identity
from dsim.comparison.resemblance import DRAWS, sample_distances
from dsim.comparison.summaries import Summaries
from dsim.data import Dataset, open_dataset
from dsim.files.documents import to_json
from dsim.measures import Bounds, Likeness, build_measure
from dsim.measures.kinds import SCHEMA
from dsim.runtime import VERSION
from dsim.ui import make_runtime

OUT = Path(__file__).parent / "kinds" / "biomed21.json"
#: By what a person sees at first sight: how the image was made, and of what. A set with no other of its kind is one.
KINDS = {
    "fluorescent nuclei": ("bbbc039", "dsb2018_fluo", "fluo_n2dh_sim", "fluo_n2dl_hela_gif"),
    "stained tissue": ("monuseg", "tcga_glioma_nuclei", "dsb2018_histo", "pannuke_mini"),
    "fundus": ("drishti_gs", "drive"),
    "ultrasound": ("usgra_nerve", "busi"),
    "blood smear": ("wbc_seg1", "bccd"),
    "DIC cells": ("dic_c2dh_hela",),
    "colonoscopy": ("cvc_clinicdb",),
    "chest X-ray": ("cxr_lung_masks",),
    "dental X-ray": ("dental_dc1000",),
    "dermoscopy": ("ham10000",),
    "electron microscopy": ("isbi_em",),
    "photographs": ("coco128",),
}
SIZES = (5, 10, 15)
#: All that compare features of the default extractor, or images, at little cost.
MEASURES = (
    "asap",
    "energy",
    "frechet",
    "kid",
    "kld-tf",
    "marginal-wasserstein",
    "mmd",
    "prdc",
    "sliced-wasserstein",
    "wasserstein",
    "cc",
    "frc",
    "nmi",
)
#: Of targets without kin in the pool, the share whose nearest source may pass for one that resembles.
PASSING = 0.1


@dataclass(frozen=True)
class Table:
    """Distances of all pairs, float64 (sets, sets), NaN where a set is too small; ``kinds`` by position."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    distances: NDArray[np.float64]

    def kin(self, left_out: str = "") -> list[tuple[float, str, str]]:
        """Distance, source and target of all pairs of one kind, but those of a kind that is left out."""
        return [
            (float(self.distances[i, j]), source, target)
            for i, source in enumerate(self.names)
            for j, target in enumerate(self.names)
            if i != j and self.kinds[i] == self.kinds[j] != left_out and np.isfinite(self.distances[i, j])
        ]

    def foreign(self, left_out: str = "") -> list[tuple[float, str, str]]:
        """Of each target the nearest of the sources of other kinds."""
        found = []
        for j, target in enumerate(self.names):
            if self.kinds[j] == left_out:
                continue
            others = [
                (float(self.distances[i, j]), source, target)
                for i, source in enumerate(self.names)
                if self.kinds[i] not in (self.kinds[j], left_out) and np.isfinite(self.distances[i, j])
            ]
            found += [min(others)] if others else []
        return found

    def kind(self, name: str) -> str:
        """The kind of a set."""
        return self.kinds[self.names.index(name)]


def bounds(table: Table, left_out: str = "") -> Bounds:
    """None lies beyond the farthest pair of one kind; only ``PASSING`` of the nearest foreign sources resemble."""
    near = [distance for distance, _, _ in table.foreign(left_out)]
    return Bounds(float(np.quantile(near, PASSING)), max(distance for distance, _, _ in table.kin(left_out)))


def separation(table: Table, left_out: str = "") -> float:
    """How often a pair of one kind is nearer than a target's nearest foreign source; each kind counts alike."""
    near = np.array([distance for distance, _, _ in table.foreign(left_out)])
    shares: dict[str, list[float]] = {}
    for distance, _, target in table.kin(left_out):
        shares.setdefault(table.kind(target), []).append(float((distance < near).mean()))
    return float(np.mean([np.mean(values) for values in shares.values()]))


def errors(tables: Mapping[str, Table]) -> dict[str, Any]:
    """Verdicts on each kind by the measure and the bounds that are chosen without it."""
    some = next(iter(tables.values()))
    kin, foreign, few, chosen = [], [], [], {}
    for kind in dict.fromkeys(some.kinds):
        call = max(tables, key=lambda name: separation(tables[name], kind))
        table, known = tables[call], bounds(tables[call], kind)
        chosen[kind] = call
        kin += [known.judge(distance) for distance, _, target in table.kin() if table.kind(target) == kind]
        foreign += [known.judge(distance) for distance, _, target in table.foreign() if table.kind(target) == kind]
        few += [known.judge(distance) for distance in pools_of_three(table, kind)]
    return {"chosen": chosen, "kin": count(kin), "foreign": count(foreign), "foreign_of_three": count(few)}


def pools_of_three(table: Table, kind: str) -> list[float]:
    """For targets of a kind, the nearest of three foreign sources, of 20 pools drawn for each."""
    rng, found = np.random.default_rng(0), []
    for j in (j for j, own in enumerate(table.kinds) if own == kind):
        column = [table.distances[i, j] for i, other in enumerate(table.kinds) if other != kind]
        known = [value for value in column if np.isfinite(value)]
        found += [float(min(rng.choice(known, 3, replace=False))) for _ in range(20)] if len(known) >= 3 else []
    return found


def count(verdicts: Sequence[Likeness]) -> dict[str, int]:
    """How many verdicts of each word."""
    words = (Likeness.RESEMBLES, Likeness.UNCERTAIN, Likeness.NONE)
    return {"verdicts": len(verdicts), **{str(word): verdicts.count(word) for word in words}}


def measure(call: str, sets: Sequence[Dataset], kinds: Mapping[str, str], runtime: Any) -> tuple[Any, dict[int, Table]]:
    """Return the identity of the measure, and the distances by size of the samples."""
    plan = make_plan(build_measure(call), sets, None, seed=0, bootstrap=0, jobs=1, runtime=runtime)
    identity = measure_identity(plan)
    summaries, names, tables = Summaries(plan, identity), [one.name for one in sets], {}
    for size in SIZES:
        pairs = {(a.name, b.name): size for a in sets for b in sets if a is not b and min(len(a), len(b)) >= size}
        values = np.full((len(sets), len(sets)), np.nan)
        for (source, target), cell in sample_distances(plan, summaries, 1, pairs).items():
            values[names.index(source), names.index(target)] = cell.value
        tables[size] = Table(tuple(names), tuple(kinds[name] for name in names), values)
    return {key: identity[key] for key in ("measure", "parameters", "extractors")}, tables


def open_sets(data: Path) -> list[Dataset]:
    """The sets of ``KINDS``, below ``segmentation`` or ``unlabelled``; ends the program where one is not there."""
    names = sorted(name for group in KINDS.values() for name in group)
    places = {name: folder.parent for name in names for folder in data.glob(f"*/{name}/images")}
    if missing := [name for name in names if name not in places]:
        raise SystemExit(f"{data} lacks FOLDER/NAME/images of: {', '.join(missing)}")
    return [open_dataset(place).renamed(name) for name, place in places.items()]


def record(sets: Sequence[Dataset], kinds: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, Any]:
    """The document."""
    largest = {call: tables[max(SIZES)] for call, (_, tables) in found.items()}
    best = max(largest, key=lambda call: separation(largest[call]))
    depends, tables = found[best]
    return {
        "schema": SCHEMA,
        "name": OUT.stem,
        "dsim": VERSION,
        "command": "python benchmarks/known_kinds.py --data DATA",
        "call": best,
        "depends": depends,
        "draws": DRAWS,
        "datasets": [
            {"name": one.name, "kind": kinds[one.name], "images": len(one), "fingerprint": one.images_fingerprint}
            for one in sets
        ],
        "sizes": [_size(size, tables[size]) for size in SIZES],
        "errors": errors(largest),
        "separation": {found[call][0]["measure"]: round(separation(table), 3) for call, table in largest.items()},
    }


def _size(size: int, table: Table) -> dict[str, Any]:
    known = bounds(table)
    return {
        "images": size,
        "resembles_up_to": known.resembles,
        "none_beyond": known.none,
        "kin": [[source, target, round(distance, 4)] for distance, source, target in sorted(table.kin())],
        "nearest_foreign": [
            [source, target, round(distance, 4)] for distance, source, target in sorted(table.foreign())
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--measures", nargs="+", default=MEASURES)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    sets, runtime = open_sets(options.data), make_runtime("cpu", offline=True)
    kinds = {name: kind for kind, group in KINDS.items() for name in group}
    found = {call: measure(call, sets, kinds, runtime) for call in options.measures}
    document = record(sets, kinds, found)
    to_json(document, options.out)
    print(document["call"], document["separation"], document["errors"], sep="\n")


if __name__ == "__main__":
    main()

"""How many planted faults `dsim map check` lists, and how many of what it lists were planted.

    python -m benchmarks.maps.planted phantoms
    python -m benchmarks.maps.planted shared DATA
    python -m benchmarks.maps.planted table

Thresholds were chosen with the first, on drawn images, before the second was run on real ones. Both write into
benchmarks/maps/planted.json; the third prints the table of docs/howto/check-images.md. Into each set are planted: exact
copies, copies that are turned, brightened, saved as JPEG, or shifted; blank images; images of another kind; wrong
labels; and one group in another stain.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.data import Dataset, from_arrays
from dsim.features import extract
from dsim.maps.quality.check import EXTRACTOR, check_map
from dsim.maps.quality.findings import Fault, MapCheck
from dsim.runtime import Runtime
from dsim.stats.shares import wilson_interval

Images = NDArray[np.uint8]

RESULTS = Path(__file__).with_name("planted.json")
#: Shares of the images that become each kind of fault, the number of blank images, and images of a drawn group.
EXACT, NEAR, FOREIGN, SWAPPED = 0.02, 0.04, 0.02, 0.03
BLANK, GROUP = 5, 12
#: More images of one other kind would be a cluster, which the map shows, and no outliers.
MOST_FOREIGN = 12
SIDE, COUNT = 64, 300
#: Images of a larger shared set that are taken.
MOST_IMAGES = 600
SHARED = ("medical_mnist_cls", "ham10000_cls", "chula_rbc12_cls")
#: Sets that images of another kind come from, for each shared set.
FOREIGN_OF = {
    "chula_rbc12_cls": ("medical_mnist_cls", "busi_cls", "ham10000_cls"),
    "medical_mnist_cls": ("ham10000_cls", "bccd_wbc_cls"),
    "ham10000_cls": ("medical_mnist_cls", "bccd_wbc_cls", "busi_cls"),
}


@dataclass(frozen=True)
class Set:
    """Images (n, h, w, 3), with labels and groups; ``grouped`` : whether the groups are those of the collection."""

    name: str
    images: Images
    labels: list[str]
    groups: list[str]
    grouped: bool = False


@dataclass
class Truth:
    """What was planted: images, or names of groups, of each kind; ``near`` says how each near copy was made."""

    planted: dict[Fault, set[str]] = field(default_factory=lambda: {kind: set() for kind in Fault})
    near: dict[str, str] = field(default_factory=dict)
    stained: set[str] = field(default_factory=set)

    @property
    def touched(self) -> set[str]:
        """All images that any fault was planted into, those of the group in another stain among them."""
        kinds = (names for kind, names in self.planted.items() if kind is not Fault.GROUP)
        return self.stained.union(*kinds)


def plant(base: Set, foreign: Images, rng: np.random.Generator) -> tuple[Dataset, Truth]:
    """Return the set with faults of every kind, and what they are; no image has two."""
    count = len(base.images)
    order = rng.permutation(count).tolist()
    images, labels, groups = list(base.images), list(base.labels), list(base.groups)
    names = [f"{place:05d}" for place in range(count)]
    truth = Truth()
    shifted = _shift_stain(images, groups, rng)
    truth.planted[Fault.GROUP].add(shifted)
    truth.stained |= {name for name, group in zip(names, groups, strict=True) if group == shifted}
    order = [place for place in order if groups[place] != shifted]

    def add(image: Images, name: str, label: str, group: str, kind: Fault) -> None:
        images.append(image), labels.append(label), groups.append(group), names.append(name)
        truth.planted[kind].add(name)

    for _ in range(round(EXACT * count)):
        place = order.pop()
        add(images[place], f"exact-{place}", labels[place], groups[place], Fault.EXACT_DUPLICATE)
    ways = list(CHANGES)
    for turn in range(round(NEAR * count)):
        place, way = order.pop(), ways[turn % len(ways)]
        name = f"{way}-{place}"
        add(CHANGES[way](images[place], rng), name, labels[place], groups[place], Fault.NEAR_DUPLICATE)
        truth.near[name] = way
    for turn in range(BLANK):
        place = order.pop()
        add(_blank(images[0].shape, turn, rng), f"blank-{turn}", labels[place], groups[place], Fault.BLANK)
    for turn in range(min(MOST_FOREIGN, round(FOREIGN * count))):
        place = order.pop()
        add(foreign[turn % len(foreign)], f"foreign-{turn}", labels[place], groups[place], Fault.OUTLIER)
    classes = sorted(set(labels))
    for _ in range(round(SWAPPED * count)):
        place = order.pop()
        labels[place] = str(rng.choice([label for label in classes if label != labels[place]]))
        truth.planted[Fault.LABEL].add(names[place])
    return _dataset(base.name, np.stack(images), names, labels, groups), truth


def _dataset(name: str, images: Images, names: Sequence[str], labels: Sequence[str], groups: Sequence[str]) -> Dataset:
    dataset = from_arrays(images, labels=list(labels), groups=list(groups), name=name)
    return replace(dataset, ids=tuple(names))


def _shift_stain(images: list[Images], groups: Sequence[str], rng: np.random.Generator) -> str:
    """Change the colours of one group of at least 10 images, in optical density, as another stain would."""
    names, sizes = np.unique(np.array(groups), return_counts=True)
    group = str(rng.choice(names[sizes >= 10]))
    gains = np.array([1.35, 0.8, 1.15])
    for place in np.flatnonzero(np.array(groups) == group).tolist():
        density = -np.log((images[place].astype(np.float64) + 1) / 256)
        images[place] = np.clip(256 * np.exp(-density * gains) - 1, 0, 255).round().astype(np.uint8)
    return group


def _turned(image: Images, rng: np.random.Generator) -> Images:
    turned = np.rot90(image, int(rng.integers(1, 4)))
    return np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned)


def _brighter(image: Images, rng: np.random.Generator) -> Images:
    return np.clip(image * float(rng.choice([0.8, 1.15])) + 5, 0, 255).astype(np.uint8)


def _jpeg(image: Images, rng: np.random.Generator) -> Images:
    from PIL import Image

    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "jpeg", quality=int(rng.choice([50, 70, 85])))
    return np.asarray(Image.open(memory))


def _shifted(image: Images, rng: np.random.Generator) -> Images:
    down, right = (int(step) for step in rng.integers(1, max(2, len(image) // 20) + 1, 2))
    return np.pad(image, ((down, 0), (right, 0), (0, 0)), "edge")[: len(image), : image.shape[1]]


def _all(image: Images, rng: np.random.Generator) -> Images:
    return _jpeg(_brighter(_turned(image, rng), rng), rng)


CHANGES = {"turned": _turned, "brighter": _brighter, "jpeg": _jpeg, "shifted": _shifted, "all": _all}


def _blank(shape: Sequence[int], which: int, rng: np.random.Generator) -> Images:
    """Black, white, gray, gray with the noise of a camera, and black with it."""
    level, noise = [(0, 0), (255, 0), (120, 0), (120, 2), (4, 2)][which % 5]
    return np.clip(level + rng.normal(0, noise, tuple(shape)), 0, 255).round().astype(np.uint8)


def score(check: MapCheck, truth: Truth) -> dict[str, Any]:
    """Return the counts of each kind: planted, of these listed, listed at all, listed of untouched images."""
    rows: dict[str, Any] = {}
    for kind in Fault:
        listed = check.of_kind(kind)
        found = {finding.group if kind is Fault.GROUP else finding.id for finding in listed}
        if kind in (Fault.EXACT_DUPLICATE, Fault.NEAR_DUPLICATE):
            # Of a copy and its original either may be the one that is listed.
            found |= {finding.partner for finding in listed if finding.partner in truth.planted[kind]}
        planted = truth.planted[kind]
        others = set() if kind is Fault.GROUP else truth.touched
        false = sorted(name for name in found if name not in planted and name not in others)
        rows[kind.value] = {"planted": len(planted), "hits": len(found & planted), "false": len(false)}
        rows[kind.value]["false_examples"] = false[:20]
    for way in CHANGES:
        made = {name for name, of in truth.near.items() if of == way}
        found = {finding.id for finding in check.of_kind(Fault.NEAR_DUPLICATE)}
        rows[f"near: {way}"] = {"planted": len(made), "hits": len(made & found), "false": 0}
    return rows


def phantom_sets() -> Iterator[tuple[Set, Images]]:
    """Yield nine phantoms, and three sets whose classes are modalities, with images of other kinds."""
    from dsim.data.phantoms import open_phantom, sources

    drawn = {}
    chosen = [dataset.name for dataset in sources(count=1)]
    for name in chosen:
        dataset = open_phantom(name, count=COUNT, size=SIDE, seed=11)
        pixels = [np.broadcast_to(dataset.native(place), (SIDE, SIDE, 3)) for place in range(COUNT)]
        drawn[name] = np.stack(pixels), list(dataset.labels or ())

    def foreign_to(own: Sequence[str]) -> Images:
        return np.concatenate([images[-2:] for name, (images, _) in drawn.items() if name not in own])

    for place, name in enumerate(chosen):
        images, labels = drawn[name]
        yield Set(name, images, labels, _random_groups(len(images), place)), foreign_to([name])
    for place in range(3):
        parts = [chosen[(3 * place + step) % len(chosen)] for step in range(4)]
        images = np.concatenate([drawn[name][0][: COUNT // 4] for name in parts])
        labels = [name for name in parts for _ in range(COUNT // 4)]
        yield Set(f"mixed-{place}", images, labels, _random_groups(len(labels), 90 + place)), foreign_to(parts)


def _random_groups(count: int, seed: int) -> list[str]:
    """Groups that mean nothing: those of the collection are not known."""
    return [f"g{group}" for group in np.random.default_rng(seed).permutation(np.arange(count) // GROUP)]


def shared_sets(data: Path) -> Iterator[tuple[Set, Images]]:
    """Yield the shared sets, with images of other sets of the same size."""
    for place, name in enumerate(SHARED):
        read = _read(data, name)
        images = read["images"]
        labels = [str(read["class_names"][label]) for label in read["labels"]]
        grouped, rng = "groups" in read, np.random.default_rng(place)
        groups = [str(group) for group in read["groups"]] if grouped else _random_groups(len(images), place)
        if len(images) > MOST_IMAGES:  # whole groups, in a drawn order
            order = {group: turn for turn, group in enumerate(rng.permutation(sorted(set(groups))).tolist())}
            chosen = sorted(range(len(groups)), key=lambda image: order[groups[image]])[:MOST_IMAGES]
            images, labels, groups = images[chosen], [labels[i] for i in chosen], [groups[i] for i in chosen]
        pools = [_resized(_read(data, other)["images"], len(images[0]), rng) for other in FOREIGN_OF[name]]
        yield Set(name, images, labels, groups, grouped), rng.permutation(np.concatenate(pools))


def _read(data: Path, name: str) -> Any:
    return np.load(next(data.glob(f"c*/{name}/{name}.npz")))


def _resized(images: Images, side: int, rng: np.random.Generator) -> Images:
    from PIL import Image

    chosen = images[rng.permutation(len(images))[:60]]
    return np.stack([np.asarray(Image.fromarray(image).resize((side, side))) for image in chosen])


class Features:
    """Features of images, each computed once however many sets it is in."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[str, NDArray[np.float32]] = {}

    def add_to(self, dataset: Dataset) -> Dataset:
        """Return the dataset with the features of its images, which a check then takes."""
        new = [place for place, name in enumerate(dataset.image_digests) if name not in self._known]
        if new:
            rows = extract(dataset.subset(new), EXTRACTOR, self._runtime)
            self._known |= {dataset.image_digests[place]: row for place, row in zip(new, rows, strict=True)}
        return replace(dataset, features=np.stack([self._known[name] for name in dataset.image_digests]))


def measure(sets: Iterator[tuple[Set, Images]], runtime: Runtime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each set, and its counts, with faults and as it is."""
    features = Features(runtime)
    for base, foreign in sets:
        names = [f"{place:05d}" for place in range(len(base.images))]
        clean = features.add_to(_dataset(base.name, base.images, names, base.labels, base.groups))
        dataset, truth = plant(base, foreign, np.random.default_rng(7))
        dataset = features.add_to(dataset)
        check, as_it_is = check_map([dataset], runtime=runtime), check_map([clean], runtime=runtime)
        result = {
            "images": len(base.images),
            "grouped": base.grouped,
            "kinds": score(check, truth),
            "as_it_is": {kind.value: number for kind, number in as_it_is.counts.items()},
            "swap_power": check.swap_power[base.name],
        }
        print(base.name, json.dumps(_short(result)), flush=True)
        yield base.name, result


def _short(result: dict[str, Any]) -> dict[str, str]:
    kinds = result["kinds"].items()
    return {
        kind: f"{row['hits']}/{row['planted']} false {row['false']} clean {result['as_it_is'].get(kind, '')}"
        for kind, row in kinds
    }


def print_table(results: dict[str, Any]) -> None:
    """Print precision and recall of each kind, pooled over the sets, with Wilson's intervals, as Markdown."""
    print("| kind | recall | precision | as it is |\n|---|---|---|---:|")
    for kind in [fault.value for fault in Fault]:
        rows = [one["kinds"][kind] for one in results.values()]
        hits, planted, false = (sum(row[key] for row in rows) for key in ("hits", "planted", "false"))
        clean = sum(one["as_it_is"][kind] for one in results.values())
        print(f"| {kind} | {_share(hits, planted)} | {_share(hits, hits + false)} | {clean} |")


def _share(hits: int, cases: int) -> str:
    if not cases:
        return "–"
    low, high = wilson_interval(hits / cases, cases, 0.95)
    return f"{hits} of {cases}: {hits / cases:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Measure, or print the table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("phantoms", "shared", "table"))
    parser.add_argument("data", nargs="?", type=Path, help="folder of the real sets")
    parser.add_argument("--set", nargs="+", default=[], help="names of sets; default: all")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    stored = json.loads(given.results.read_text("utf-8")) if given.results.exists() else {}
    if given.part == "table":
        for part in ("phantoms", "shared"):
            print(f"\n{part}\n")
            print_table(stored[part])
        return
    sets = phantom_sets() if given.part == "phantoms" else shared_sets(given.data)
    chosen = ((base, foreign) for base, foreign in sets if not given.set or base.name in given.set)
    for name, result in measure(chosen, Runtime()):
        stored.setdefault(given.part, {})[name] = result
        given.results.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

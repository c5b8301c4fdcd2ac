"""Growing ASAP by a dataset without training anew, beside training anew: what it costs, and what it loses.

    python benchmarks/asap_extend.py --data FOLDER... [--leave 3] [--seeds 2] [--epochs 30] [--full] [--out FILE.json]

Prints Markdown. For each seed one model is trained on all sets. Then a set is left out, a model is trained on the rest,
and is extended by the set: by all its images and by 5, 10, 20 (as many exemplars of each known set; 20 beside all), by
distillation and by rehearsal. 20 % of each set are held out of every training, whole groups or runs of neighbours.

"EQC" is of all sets' images that are not held out (Eq. 8 to 11), "held out" of those that are. "placed": held-out
images nearest to the centre of their own set; "new": those of the left-out set alone. "rank" and "nearest": Spearman
correlation of the distances to each set with those of the model trained anew, and share of sets with the same nearest.
Seconds are of training, without reading images. Mean and standard deviation are over left-out sets and seeds.
"difference" is of EQC, less that of training anew; p of the sign-flip test over these pairs; those of one seed share
the model trained anew. "not extended" places the new set by the model of the rest; "another seed" is training anew with
the next seed: what training noise alone does to rank and EQC.

Settings are small: --sets sets of --count images, --epochs epochs; --full takes all sets and images, leaves out each
once, and trains 120 epochs. Finished models stay in --work, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsim
from dsim.data import Dataset
from dsim.embeddings import LatentModel, embed_datasets
from dsim.files import write_text
from dsim.runtime import Runtime
from dsim.stats.embedding import eqc, placed_shares
from dsim.stats.euclidean import mean_distance
from dsim.stats.ranking import spearman
from dsim.stats.resampling import sign_flip_p
from dsim.ui import Notes
from dsim_asap.evaluation import Part
from dsim_asap.extension import METHODS, Order, exemplars, extend, open_parent
from dsim_asap.specs import AsapRecipe
from dsim_asap.trainer import hold_out, recipe_of, train_once

IMAGES = (None, 5, 10, 20)
HOLDOUT = 0.2
#: Ways that train on all sets from the start: seeds change places among them, so nothing is tested.
ANEW = ("trained anew", "another seed")
COLUMNS = ("eqc", "held_out", "placed", "new", "rank", "nearest", "seconds")

Clouds = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Setup:
    """What is measured on; ``left`` are the positions of the sets that are left out, one at a time."""

    parts: Sequence[Part]
    left: Sequence[int]
    seeds: Sequence[int]
    recipe: AsapRecipe
    settings: dict[str, str]
    work: Path
    runtime: Runtime

    def known(self, without: int | None = None) -> list[Dataset]:
        return [part.known for number, part in enumerate(self.parts) if number != without]

    def held(self) -> list[Dataset]:
        return [part.held for part in self.parts if part.held is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, help="datasets: folders, or phantoms:NAME")
    parser.add_argument("--sets", type=int, default=8, help="how many of them, evenly spaced")
    parser.add_argument("--count", type=int, default=32, help="images of each")
    parser.add_argument("--leave", type=int, default=3, help="how many are left out, one at a time")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=30, help="of training anew")
    parser.add_argument("--extend-epochs", type=int, help="of an extension; default: its own")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--full", action="store_true", help="all sets, all images, each left out, 120 epochs")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", type=Path, default=Path("asap-extend"), help="folder of finished models")
    parser.add_argument("--out", type=Path, help="write rows and summary as JSON")
    setup = set_up(parser.parse_args())
    rows = list(measure(setup))
    summary = summarise(rows)
    report(setup, summary)
    if out := parser.parse_args().out:
        write_text(out, json.dumps(document(setup, rows, summary), indent=1) + "\n")


def set_up(options: argparse.Namespace) -> Setup:
    paths = [path for path in options.data if path.startswith("phantoms:") or Path(path).is_dir()]
    datasets = [dsim.open_dataset(path) for path in paths]
    if not options.full:
        datasets = [exemplars(datasets[i], options.count, 0) for i in spaced(len(datasets), options.sets)]
    return Setup(
        parts=[hold_out(dataset, 0, HOLDOUT) for dataset in datasets],
        left=spaced(len(datasets), len(datasets) if options.full else options.leave),
        seeds=range(options.seeds),
        recipe=recipe_of([f"epochs={120 if options.full else options.epochs}", *options.settings]),
        settings={"epochs": str(options.extend_epochs)} if options.extend_epochs else {},
        work=options.work,
        runtime=Runtime(device=options.device, cache=options.work / "cache", progress=Notes()),
    )


def spaced(n: int, count: int) -> list[int]:
    """``count`` positions of ``n``, evenly spaced."""
    return sorted({i * n // count for i in range(count)}) if count < n else list(range(n))


def measure(setup: Setup) -> Iterator[dict[str, Any]]:
    """One row for each seed, left-out set and way to a model of all sets."""
    anew = {seed: train_once(setup.known(), setup.recipe, seed, setup.runtime) for seed in setup.seeds}
    for position, seed in enumerate(setup.seeds):
        best = distances_of(anew[seed], setup)
        other = anew[setup.seeds[(position + 1) % len(setup.seeds)]]
        for left in setup.left:
            name = setup.parts[left].known.name
            parent = train_once(setup.known(left), setup.recipe, seed, setup.runtime)
            ways = [("trained anew", anew[seed]), ("not extended", parent)]
            ways += [("another seed", other)] if other != anew[seed] else []
            for way, folder in ways + extended(setup, parent, left, seed):
                found = {"way": way, "left": name, "seed": seed, **judged(folder, best, left, setup)}
                yield found | ({"seconds": 0.0} if way == "not extended" else {})


def extended(setup: Setup, parent: Path, left: int, seed: int) -> list[tuple[str, Path]]:
    """The ways to extend, and the folders of the models; those that are there are not trained again."""
    found = []
    for method in METHODS:
        for images in IMAGES:
            if images is not None and images >= len(setup.parts[left].known):
                continue  # all of them, under another name
            order = Order(method, images, images or max(filter(None, IMAGES)), seed, setup.settings)
            key = json.dumps([parent.name, setup.parts[left].known.images_fingerprint, repr(order)])
            folder = setup.work / "extended" / hashlib.sha256(key.encode()).hexdigest()[:24]
            if not (folder / "manifest.toml").is_file():
                new = [setup.parts[left].known]
                extend(open_parent(f"file:{parent}"), setup.known(left), new, folder, order, setup.runtime)
            found.append((f"{method}, {images or 'all'} images", folder))
    return found


def clouds_of(folder: Path, datasets: Sequence[Dataset], runtime: Runtime) -> Clouds:
    return [cloud.points for cloud in embed_datasets(datasets, LatentModel(f"file:{folder}", folder.name), runtime)]


def judged(folder: Path, best: NDArray[np.float64], left: int, setup: Setup) -> dict[str, float]:
    clouds = clouds_of(folder, setup.known(), setup.runtime)
    held = clouds_of(folder, setup.held(), setup.runtime)
    rank, nearest = likeness(best, distances(clouds))
    return {
        "eqc": eqc(clouds),
        "held_out": eqc(held) if len(held) > 1 else float("nan"),
        **(placement(clouds, held, left, setup) if held else {"placed": float("nan"), "new": float("nan")}),
        "rank": rank,
        "nearest": nearest,
        "seconds": seconds_of(folder),
    }


def placement(clouds: Clouds, held: Clouds, left: int, setup: Setup) -> dict[str, float]:
    """Shares of held-out images nearest to their own set's centre: of all sets, and of the one that was left out."""
    owners = [number for number, part in enumerate(setup.parts) if part.held is not None]
    belongs = np.repeat(owners, [len(cloud) for cloud in held])
    shares = placed_shares(np.stack([cloud.mean(axis=0) for cloud in clouds]), np.concatenate(held), belongs)
    counts = np.bincount(belongs, minlength=len(clouds))
    return {"placed": float(np.average(shares[owners], weights=counts[owners])), "new": float(shares[left])}


def distances_of(folder: Path, setup: Setup) -> NDArray[np.float64]:
    return distances(clouds_of(folder, setup.known(), setup.runtime))


def distances(clouds: Clouds) -> NDArray[np.float64]:
    return np.array([[mean_distance(a, b) for b in clouds] for a in clouds])


def likeness(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Mean rank correlation of the columns without the diagonal, and share of them with the same smallest."""
    n = len(first)
    others = [np.delete(np.arange(n), k) for k in range(n)]
    rho = [float(spearman(first[other, k], second[other, k])) for k, other in enumerate(others)]
    same = [first[other, k].argmin() == second[other, k].argmin() for k, other in enumerate(others)]
    return float(np.mean(rho)), float(np.mean(same))


def seconds_of(folder: Path) -> float:
    """Seconds of the training's epochs."""
    return float(sum(row["seconds"] for row in json.loads((folder / "curves.json").read_text(encoding="utf-8"))))


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each way: mean and deviation of every column, and the test of EQC against training anew."""
    anew = {(row["left"], row["seed"]): row for row in rows if row["way"] == "trained anew"}
    summary = {}
    for way in dict.fromkeys(row["way"] for row in rows):
        own = [row for row in rows if row["way"] == way]
        beside = [anew[row["left"], row["seed"]] for row in own]
        lost = np.array([row["eqc"] - other["eqc"] for row, other in zip(own, beside, strict=True)])
        summary[way] = {
            **{name: mean_and_deviation([row[name] for row in own]) for name in COLUMNS},
            "ratio": float(
                np.mean([row["seconds"] / other["seconds"] for row, other in zip(own, beside, strict=True)])
            ),
            "difference": mean_and_deviation(lost),
            "p": None if way in ANEW else sign_flip_p(lost),
            "pairs": len(own),
        }
    return summary


def mean_and_deviation(values: Any) -> dict[str, float | None]:
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    mean = float(known.mean()) if len(known) else None
    return {"mean": mean, "sd": float(known.std(ddof=1)) if len(known) > 1 else None}


def report(setup: Setup, summary: dict[str, dict[str, Any]]) -> None:
    known = setup.known()
    print(
        f"{len(known)} sets, {sum(map(len, known))} images, {setup.recipe.size} px, {setup.recipe.epochs} epochs; left"
        f" out: {', '.join(known[left].name for left in setup.left)}; {len(setup.seeds)} seeds\n"
    )
    print("| model | EQC | difference | p | held out | placed | new | rank | nearest | seconds | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for way, found in summary.items():
        p = "" if found["p"] is None else f"{found['p']:.3g}"
        cells = [cell(found["eqc"], 3), cell(found["difference"], 3), p]
        cells += [cell(found["held_out"], 3), cell(found["placed"], 0, 100), cell(found["new"], 0, 100)]
        cells += [cell(found["rank"], 2), cell(found["nearest"], 0, 100), cell(found["seconds"], 1)]
        print(f"| {' | '.join([way, *cells, format(found['ratio'], '.3f')])} |")


def cell(found: dict[str, float | None], digits: int, scale: int = 1) -> str:
    if found["mean"] is None:
        return "none"
    deviation = "" if found["sd"] is None else f" ± {scale * found['sd']:.{digits}f}"
    return f"{scale * found['mean']:.{digits}f}{deviation}{' %' if scale == 100 else ''}"


def document(setup: Setup, rows: Sequence[dict[str, Any]], summary: dict[str, Any]) -> dict[str, Any]:
    plain = [{k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()} for row in rows]
    return {
        "sets": {dataset.name: len(dataset) for dataset in setup.known()},
        "recipe": setup.recipe.record(),
        "extension": setup.settings,
        "seeds": list(setup.seeds),
        "summary": summary,
        "rows": plain,
    }


if __name__ == "__main__":
    main()

"""What docs/reproduction.md says of the authors' own files, which are not stored here.

    git clone https://github.com/miguel55/ASAP
    git clone https://github.com/vcheplygina/cats-scans
    python benchmarks/authors_files.py ASAP cats-scans

1. Table 4 of ASAP beside the unrounded Dice in result_files.csv.
2. The Task2Vec distances of the cats paper for every one of its 100 subsets, and r for 2000 draws of five of them.

The embeddings are pickles; their bytes are read and never executed.
"""

from __future__ import annotations

import argparse
import csv
import pickletools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from reproduction import table

import dsim
from dsim.truth import open_distances, open_truth

Values = NDArray[np.float64]
#: Names of the targets in result_files.csv that are not those of Table 4.
ASAP_TARGETS = {
    "ISIC2017": "isic",
    "LIVECell": "livecell",
    "RIGA": "Riga",
    "CVC-ClinicDB": "cvc_clinic",
    "LUNG": "lung",
}
#: Files of the embeddings by the datasets' names; the authors' script takes STL-10 for ImageNet.
CATS_FILES = {
    "ImageNet": "stl10", "STL-10": "stl10", "STI-10": "sti10", "DTD": "textures", "ISIC2018": "isic",
    "Chest-Xray": "chest", "PCam-middle": "pcam-middle", "PCam-small": "pcam-small", "KimiaPath960": "kimia",
}  # fmt: skip
SUBSETS, DRAWN, DRAWS = 100, 5, 2000


def asap(folder: Path) -> Iterator[str]:
    """Which cells of Table 4 differ from the authors' results, and what these give."""
    truth = open_truth("asap-dsc-printed")
    with open(folder / "result_files.csv", encoding="utf-8", newline="") as file:
        trained = [
            [_percent(row[ASAP_TARGETS.get(name, name)]) for name in truth.targets] for row in csv.DictReader(file)
        ]
    results = np.array(trained)
    printed = truth.mean
    # The file numbers its sources; the row of one is that which agrees with most of its printed cells.
    alike = np.abs(results[None] - printed[:, None]) < 0.00501
    own = results[alike.sum(axis=2).argmax(axis=1)]
    gap = np.abs(own - printed)
    cells = [(i, j) for i, j in np.argwhere(gap >= 0.00501)]
    cells.sort(key=lambda cell: -gap[cell])
    columns = ["source", "target", "printed", "result_files.csv"]
    yield from table(
        columns, [[truth.sources[i], truth.targets[j], f"{printed[i, j]:.2f}", f"{own[i, j]:.4f}"] for i, j in cells]
    )
    scores = dsim.evaluate("asap-published", replace(truth, values=own[:, :, None])).judgement.scores
    told = ", ".join(f"{name} {scores[name].value:.4f}" for name in ("pearson", "spearman", "top1", "top3", "regret"))
    yield f"\n{printed.size - len(cells)} of {printed.size} cells agree. Unrounded Dice, corrected distances: {told}"


def _percent(text: str) -> float:
    return 100 * float(text.replace(",", "."))


def lottery(folder: Path) -> Iterator[str]:
    """r of distance and transferability for many draws of five subsets, and how far subsets of one dataset are."""
    truth, stored = open_truth("cats-auc"), open_distances("cats-task2vec")
    embedded = {name: embeddings(folder / "results" / "Task2Vec_embeddings", file) for name, file in CATS_FILES.items()}
    known = np.argwhere(dsim.evaluate(stored, truth, self_pairs="include").counted)
    pairs = [(truth.sources[i], truth.targets[j]) for i, j in known]
    transferability = truth.transferability
    assert transferability is not None
    gain = transferability[tuple(known.T)]
    alone = np.array([source == target for source, target in pairs])
    by_subset = {
        "cosine of the embeddings, as published": np.array([cosine(embedded[a], embedded[b]) for a, b in pairs]),
        "Task2Vec's own scaled cosine": np.array([cosine(*scaled(embedded[a], embedded[b])) for a, b in pairs]),
    }
    # As the authors' script draws: with replacement, the same subset on both sides.
    draws = np.random.default_rng(0).integers(1, SUBSETS, size=(DRAWS, DRAWN))
    rows = [
        _of_draws(name + told, distances[some], gain[some], draws)
        for name, distances in by_subset.items()
        for told, some in {"": ~np.zeros_like(alone), ", without self pairs": ~alone}.items()
    ]
    yield from table(["Pearson's r of distance", "mean of draws", "s. d.", "95 % of draws", "all 100 subsets"], rows)
    given = np.array([stored.value(*pair) for pair in pairs])
    r = _r_of_draws(by_subset["cosine of the embeddings, as published"], gain, draws)
    printed = correlation(given, gain)
    yield f"\nprinted draw: r {printed:.3f}; draws as low or lower: {int((r <= printed).sum())} of {DRAWS}"
    yield f"subsets of the printed draw: {', '.join(_drawn(folder, embedded))}\n"
    yield from table(["dataset", "to itself, two subsets", "to PCam-middle"], list(_floors(embedded)))


def _of_draws(name: str, distances: Values, gain: Values, draws: NDArray[np.int64]) -> list[str]:
    """A row of the table; ``distances`` by pair and subset, ``gain`` by pair."""
    r = _r_of_draws(distances, gain, draws)
    low, high = np.quantile(r, [0.025, 0.975])
    every = correlation(distances.mean(axis=1), gain)
    return [name, f"{r.mean():.3f}", f"{r.std():.3f}", f"{low:.3f} to {high:.3f}", f"{every:.3f}"]


def _r_of_draws(distances: Values, gain: Values, draws: NDArray[np.int64]) -> Values:
    return np.array([correlation(distances[:, draw].mean(axis=1), gain) for draw in draws])


def _drawn(folder: Path, embedded: dict[str, Values]) -> Iterator[str]:
    """The subsets whose distances stand in the authors' table: those of Chest-Xray and ISIC2018 tell them apart."""
    with open(folder / "results" / "aucs_scores_distances.csv", encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if (row["source"], row["target"]) == ("chest", "isic"))
    ours = cosine(embedded["Chest-Xray"], embedded["ISIC2018"])
    yield from (str(np.abs(ours - float(row[f"distance_{draw}"])).argmin()) for draw in range(1, DRAWN + 1))


def _floors(embedded: dict[str, Values]) -> Iterator[list[str]]:
    """Mean distance of any two subsets of a dataset, and of one of its subsets and one of PCam-middle's."""
    for name, own in embedded.items():
        if name == "ImageNet":
            continue
        within = every_cosine(own, own)[np.triu_indices(SUBSETS, 1)]
        yield [
            name,
            f"{within.mean():.3f}",
            "" if name == "PCam-middle" else f"{every_cosine(own, embedded['PCam-middle']).mean():.3f}",
        ]


def embeddings(folder: Path, name: str) -> Values:
    """Embeddings of the subsets 0 to 99, (100, parameters): the first array in each pickle."""
    return np.stack([_first_array(folder / f"embedding_{name}_subset{subset}.p") for subset in range(SUBSETS)])


def _first_array(path: Path) -> Values:
    with open(path, "rb") as file:
        data = next(arg for op, arg, _ in pickletools.genops(file) if op.name == "BINBYTES" and len(arg) > 1000)
    return np.frombuffer(data, "<f4").astype(np.float64)


def cosine(a: Values, b: Values) -> Values:
    """Cosine distance of row and row, (rows,)."""
    return 1 - np.sum(a * b, axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def every_cosine(a: Values, b: Values) -> Values:
    """Cosine distance of each two rows, (rows, rows)."""
    return 1 - (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T


def scaled(a: Values, b: Values) -> tuple[Values, Values]:
    """Each entry as a share of both (Achille et al. 2019, arXiv:1902.03545, with the constant of the authors' code)."""
    both = a + b + 1e-8
    return a / both, b / both


def correlation(x: Values, y: Values) -> float:
    """Pearson's r."""
    return float(np.corrcoef(x, y)[0, 1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("asap", type=Path, help="clone of github.com/miguel55/ASAP")
    parser.add_argument("cats", type=Path, help="clone of github.com/vcheplygina/cats-scans")
    given = parser.parse_args(arguments)
    for line in (*asap(given.asap), "", *lottery(given.cats)):
        print(line)


if __name__ == "__main__":
    main()

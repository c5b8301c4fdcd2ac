"""Make the stored truths and published distances from the transcriptions of the papers' tables.

    python benchmarks/published_tables.py            write benchmarks/truth/*/ and benchmarks/distances/*/
    python benchmarks/published_tables.py --check    only tell which files differ; exit code 1 if any does

benchmarks/transcriptions/ holds the tables as they are printed (cats_auc and cats_distances: as the authors' repository
lists them, rounded to five digits), and corrections.csv the cells that are not taken as printed, each with the reason.
Nothing else goes into the stored numbers. A test asserts that what is stored is what this makes.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.files import write_text
from dsim.files.documents import to_json
from dsim.measures import SimilarityMatrix
from dsim.registry import Direction
from dsim.truth import TransferMatrix, TruthDataset
from dsim.truth.stored import matrix_of

ROOT = Path(__file__).parent
TRANSCRIPTIONS = ROOT / "transcriptions"
TRANSCRIBED = "2026-11-21T00:00:00+00:00"

ASAP = {
    "paper": "M. Molina-Moreno, M. P. Schilling, M. Reischl, R. Mikut: ASAP: Automated Style-Aware Similarity "
    "Measurement for Selection of Annotated Pre-training Datasets in 2D Biomedical Imaging. IEEE Access, 2025",
    "doi": "10.1109/ACCESS.2025.3555020",
    "repository": "https://github.com/miguel55/ASAP",
}
CATS = {
    "paper": "I. van den Brandt, F. Fok, B. Mulders, J. Vanschoren, V. Cheplygina: Cats, not CAT scans: a study of "
    "dataset similarity in transfer learning for 2D medical image classification. 2021",
    "arxiv": "2107.05940",
    "repository": "https://github.com/vcheplygina/cats-scans",
}
NOT_AT_HAND = "images not published with the table"
BOTH_PCAM = "not published: the paper has no result of this pair; both are samples of PatchCamelyon"
FOR_PCAM = "not trained: the paper uses KimiaPath960 as a source for PCam-middle only"
TRAINED_FOR_SOME = {
    ("PCam-small", "PCam-middle"): BOTH_PCAM,
    ("KimiaPath960", "ISIC2018"): FOR_PCAM,
    ("KimiaPath960", "Chest-Xray"): FOR_PCAM,
}
NO_PAIR = "not published: the paper has no transfer of this pair"


def rows_of(name: str) -> list[dict[str, str]]:
    """The lines of a transcription by its header."""
    with open(TRANSCRIPTIONS / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table4(name: str, corrected: bool) -> tuple[list[str], list[str], NDArray[np.float64], list[dict[str, str]]]:
    """Sources, targets, values (sources, targets) and the corrections of one half of ASAP's Table 4.

    The rows of the printed table are targets, and its columns sources: it is transposed here.
    """
    lines = rows_of(name)
    sources, targets = list(lines[0])[1:], [line["target"] for line in lines]
    values = np.array([[float(line[source]) for line in lines] for source in sources])
    corrections = [line for line in rows_of("corrections") if corrected and line["table"] == name]
    for line in corrections:
        cell = sources.index(line["source"]), targets.index(line["target"])
        assert values[cell] == float(line["printed"]), f"{name}: {line['source']} -> {line['target']}"
        values[cell] = float(line["corrected"])
    return sources, targets, values, corrections


def told(corrections: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Corrections for the provenance."""
    return [
        {
            **{key: line[key] for key in ("source", "target")},
            "printed": float(line["printed"]),
            "corrected": float(line["corrected"]),
            "why": line["why"],
        }
        for line in corrections
    ]


def asap_dsc(name: str, corrected: bool) -> TransferMatrix:
    """Dice, in percent, of networks trained on each source and applied to each target without adaptation."""
    sources, targets, values, corrections = table4("asap_table4_dsc", corrected)
    chosen = "51 images were selected of each source (section III-A); " + NOT_AT_HAND
    return TransferMatrix(
        name=name,
        score="DSC",
        unit="%",
        sources=tuple(sources),
        targets=tuple(targets),
        values=values[:, :, None],
        bounds=(0, 100),
        datasets={
            **{source: TruthDataset(51, note=chosen) for source in sources},
            **{target: TruthDataset(note=f"number of images not told; {NOT_AT_HAND}") for target in targets},
        },
        provenance={"published": True, "source": ASAP, "table": "Table 4, DSC", "corrections": told(corrections)},
    )


def cats_auc() -> TransferMatrix:
    """AUC of each of five folds; the models without transfer are both the self pairs and the baseline."""
    cells = {
        (row["source"], row["target"]): [float(row[f"fold{i}"]) for i in range(1, 6)] for row in rows_of("cats_auc")
    }
    sources, targets = pair_names(cells)
    sizes = {row["dataset"]: int(row["Size"].replace(",", "")) for row in rows_of("cats_table1")}
    unknown = [np.nan] * 5
    return TransferMatrix(
        name="cats-auc",
        score="AUC",
        unit="",
        sources=tuple(sources),
        targets=tuple(targets),
        values=np.array([[cells.get((source, target), unknown) for target in targets] for source in sources]),
        bounds=(0, 1),
        repetition="fold",
        baseline=np.array([cells[target, target] for target in targets]),
        imagenet="ImageNet",
        datasets={name: TruthDataset(sizes[name], note=f"size from Table I; {NOT_AT_HAND}") for name in sources},
        reasons=TRAINED_FOR_SOME,
        provenance={
            "published": True,
            "source": CATS,
            "table": "AUC of folds behind Fig. 3, to five digits: results/auc_folds_means_std.csv in the repository",
            "baseline": "models trained on the target alone: the same numbers as the self pairs",
        },
    )


def pair_names(cells: Mapping[tuple[str, str], Any]) -> tuple[list[str], list[str]]:
    """Sources and targets of pairs, each in the order in which it comes first."""
    return list(dict.fromkeys(source for source, _ in cells)), list(dict.fromkeys(target for _, target in cells))


def asap_distances(name: str, corrected: bool) -> SimilarityMatrix:
    """Mean Euclidean distance in ASAP's latent plane."""
    sources, targets, values, corrections = table4("asap_table4_distance", corrected)
    source = {"source": ASAP, "table": "Table 4, distance", "corrections": told(corrections)}
    embedding = {
        "eqc": {"paper": 0.358, "reference": None},
        "sources": sources,
        "note": "as printed in Table 3, not computed here: the points are not published; Table 2 prints 0.384 "
        "for the same setting",
    }
    return published_matrix(name, sources, targets, values, source | {"embedding": embedding})


def cats_distances(name: str, column: str, table: str) -> SimilarityMatrix:
    """Distances of the pairs of which the paper has transfer."""
    cells = {(row["source"], row["target"]): float(row[column]) for row in rows_of("cats_distances")}
    sources, targets = pair_names(cells)
    values = np.array([[cells.get((source, target), np.nan) for target in targets] for source in sources])
    return published_matrix(name, sources, targets, values, {"source": CATS, "table": table})


def published_matrix(
    name: str, sources: Sequence[str], targets: Sequence[str], values: NDArray[np.float64], more: Mapping[str, Any]
) -> SimilarityMatrix:
    """A matrix of published values, with a record that claims nothing of how they were computed."""
    dataset: dict[str, Any] = {
        "location": "",
        "format": "as published",
        "samples": None,
        "fingerprint": "",
        "resampled_by": "not resampled",
        "treatment": {},
        "notes": [NOT_AT_HAND],
        "skipped": [],
        "seen_by": [],
        "remarks": [],
    }
    record = {
        "published": True,
        **more,
        "measure": f"{name}@1",
        "plugin": "none: as published",
        "dsim": "none: as published",
        "created": TRANSCRIBED,
        "parameters": {},
        "extractors": [],
        "seed": None,
        "bootstrap": 0,
        "test": 0,
        "datasets": dict.fromkeys((*sources, *targets), dataset),
        "conditions": [],
    }
    why = "published without intervals"
    return matrix_of(f"{name}@1", Direction.DISTANCE, sources, targets, values, NO_PAIR, why, record)


#: Columns of Table 3: the name of the score, and what turns what is printed into it.
TABLE3 = {
    "EQC": ("eqc", 1.0),
    "Correlation": ("pearson", 1.0),
    "RCI": ("spearman", 1.0),
    "Top-1 acc. (%)": ("top1", 0.01),
    "Top-2 acc. (%)": ("top2", 0.01),
    "Top-3 acc. (%)": ("top3", 0.01),
    "ΔDSC (%)": ("regret", 1.0),
}
MISREAD = {
    ("OTDD", "Top-3 acc. (%)"): ("50", "Table 3 prints top-3 as 0.5 where its neighbours are in percent: read as 50 %")
}
TABLE3_NOTES = {
    "Group of experts": "means of seven people",
    "Best expert": "the best of seven people in each column, not one and the same person",
}


def asap_rows() -> dict[str, Any]:
    """Table 3: approaches judged on the truth of Table 4."""
    rows = []
    for line in rows_of("asap_table3"):
        approach = line.pop("approach")
        shown = {column: text for column, text in line.items() if text}
        read = {column: MISREAD.get((approach, column), (text, ""))[0] for column, text in shown.items()}
        notes = [TABLE3_NOTES.get(approach, ""), *(MISREAD.get((approach, column), ("", ""))[1] for column in shown)]
        rows.append(
            {
                "measure": approach,
                "published": {
                    TABLE3[column][0]: round(float(text) * TABLE3[column][1], 6) for column, text in read.items()
                },
                "printed": shown,
                "source": f"{source_of(ASAP)}, Table 3",
                "note": "; ".join(note for note in notes if note),
            }
        )
    return {"schema": "dsim.published/1", "truth": "asap-dsc", "rows": rows}


def cats_rows() -> dict[str, Any]:
    """The two correlations of the text: of the distance, so that the score has the other sign."""
    note = (
        "Pearson's r of the distance (not its negative) and transferability, over 24 pairs with the three self pairs; "
        "the text calls it Spearman's. As a score of a ranking its sign is turned: where it is positive, farther "
        "sources transferred better"
    )
    rows = [
        {
            "measure": line["measure"],
            "published": {"pooled_pearson": -float(line["ρ"])},
            "printed": {"pooled r of distance": line["ρ"]},
            "source": f"{source_of(CATS)}, section V-B",
            "note": note,
        }
        for line in rows_of("cats_text")
    ]
    return {"schema": "dsim.published/1", "truth": "cats-auc", "rows": rows}


def source_of(paper: Mapping[str, str]) -> str:
    """First authors' paper in few words."""
    return "ASAP, doi:" + paper["doi"] if "doi" in paper else "van den Brandt et al. 2021, arXiv:" + paper["arxiv"]


def documents() -> dict[str, str]:
    """The text of every file that is made, by its path below benchmarks/."""
    truths = [asap_dsc("asap-dsc", True), asap_dsc("asap-dsc-printed", False), cats_auc()]
    matrices = {
        "asap-published": asap_distances("asap-published", True),
        "asap-published-printed": asap_distances("asap-published-printed", False),
        "cats-experts": cats_distances("cats-experts", "expert_hamming", "Fig. 4, experts: Hamming distance"),
        "cats-task2vec": cats_distances(
            "cats-task2vec", "task2vec_cosine", "Fig. 4, Task2Vec: cosine distance, mean of five draws of subsets"
        ),
    }
    rows = {"asap-dsc": asap_rows(), "cats-auc": cats_rows()}
    return {
        **{f"truth/{truth.name}/truth.json": truth.to_json() + "\n" for truth in truths},
        **{f"distances/{name}/matrix.json": matrix.to_json() + "\n" for name, matrix in matrices.items()},
        **{f"truth/{name}/published.json": to_json(document) + "\n" for name, document in rows.items()},
    }


def stale() -> list[str]:
    """Files that are not what this would write."""
    return [name for name, text in documents().items() if not holds(ROOT / name, text)]


def holds(path: Path, text: str) -> bool:
    """Whether a file has just this text."""
    return path.is_file() and path.read_text("utf-8") == text


def main() -> int:
    """Write the files that differ, or tell which they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file differs")
    asked = parser.parse_args()
    differing = stale()
    for name in differing:
        if not asked.check:
            write_text(ROOT / name, documents()[name])
        print(f"{'differs' if asked.check else 'wrote'}: {name}")
    return 1 if asked.check and differing else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The tables of the ASAP paper beside what was measured here, as they stand in docs/asap.md.

    python benchmarks/asap_tables.py [benchmarks/asap]

Prints Markdown from stored results: the leaderboard of biomed16-dsc, and the studies in benchmarks/asap, whose README
has their commands. The paper's datasets are others (9 sources, 12 targets): columns stand beside each other to compare
orders and sizes, not digits.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsim.leaderboard import Board, published_elsewhere
from dsim.stats.noise import spread

HERE = Path(__file__).parent
BOARD = HERE.parent / "docs" / "leaderboard" / "biomed16-dsc" / "results.json"
#: Rows of Table 3 and the rows of the leaderboard that they are held against.
UPPER = {
    "CC": "cc@1",
    "NMI": "nmi@1",
    "FRC": "frc@1",
    "OTDD": "otdd@1:labels=false",
    "KLD-TF": "kld-tf@1",
    "SL+PCA+UMAP": "sl-pca-umap@1",
    "Group of experts": None,
    "Best expert": None,
    "ASAP": "asap@1",
}
#: Rows of Table 3 and the variants of ``dsim asap ablate``.
LOWER = {"Ours-AE": "ae", "Ours-AE-T": "ae-t", "Ours-AE-S": "ae-s", "ASAP": "asap"}
#: Columns of Table 3: their headings, the scores of the judge, what they are multiplied by, and decimals.
COLUMNS = {
    "correlation": ("pearson", 1, 2),
    "RCI": ("spearman", 1, 2),
    "top-1, %": ("top1", 100, 0),
    "top-2, %": ("top2", 100, 0),
    "top-3, %": ("top3", 100, 0),
    "lost DSC, points": ("regret", 1, 1),
}
#: Table 2 of the paper: EQC by the dimension of the latent space.
TABLE_2 = {1: 0.591, 2: 0.384, 3: 0.406, 4: 0.412, 5: 0.388}


def main() -> None:
    folder = Path(sys.argv[1]) if sys.argv[1:] else HERE / "asap"
    for heading, lines in tables(folder).items():
        print(f"### {heading}\n", *lines, "", sep="\n")


def tables(folder: Path) -> dict[str, list[str]]:
    """Each table's lines by its heading."""
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    board = Board.from_json(BOARD)
    paper = {row.measure: row.published for row in published_elsewhere(board.truth)}
    return {
        "Table 3, measures": list(measures(paper, board)),
        "Table 3, ablation": list(ablation(paper, read["ablate"])),
        "Ablation, phantoms": list(ablation_again(read["ablate-phantoms"])),
        "Ways to train": list(trainings(read, board)),
        "Wrong membership, regret": list(robustness(read, "regret", 1, 1)),
        "Wrong membership, same nearest source, %": list(robustness(read, "same_nearest", 100, 0)),
        "Growing": list(growing(read["extend-6"])),
        "Table 2": list(dimensions(read["table2"])),
    }


def measures(paper: Mapping[str, Mapping[str, float]], board: Board) -> Iterator[str]:
    """Upper half of Table 3 beside the leaderboard."""
    rows = {row.measure: row.scores for row in board.rows if row.evaluation is not None}
    yield from _head("paper", "here")
    for approach, name in UPPER.items():
        here = {score: rows[name][score].value for score, _, _ in COLUMNS.values()} if name else {}
        yield _beside(approach, f"`{name}`" if name else "not asked", paper[approach], here)


def ablation(paper: Mapping[str, Mapping[str, float]], study: Mapping[str, Any]) -> Iterator[str]:
    """Lower half of Table 3 beside the means over seeds, and the contrasts."""
    yield from _head("paper", "EQC")
    for approach, name in LOWER.items():
        mean = _variant(study, name)["mean"]
        eqc = f"{paper[approach]['eqc']:.3f} / {_pm(mean['eqc'], 3)}"
        here = {score: mean[score]["mean"] for score, _, _ in COLUMNS.values()}
        yield _beside(approach, eqc, paper[approach], here)
    yield ""
    yield from _contrasts(study)


def ablation_again(study: Mapping[str, Any]) -> Iterator[str]:
    """The ablation on other data, by itself, and its contrasts."""
    yield "| variant | EQC | correlation | RCI | top-1, % | lost DSC, points |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name in LOWER.values():
        found = _variant(study, name)
        mean = {score: value["mean"] for score, value in found["mean"].items()}
        cells = [f"{mean['eqc']:.3f}", f"{mean['pearson']:.2f}", _interval(found["over_targets"]["spearman"], 1, 2)]
        cells += [f"{100 * mean['top1']:.0f}", _interval(found["over_targets"]["regret"], 1, 1)]
        yield f"| {name.upper()} | {' | '.join(cells)} |"
    yield ""
    yield from _contrasts(study)


def _contrasts(study: Mapping[str, Any]) -> Iterator[str]:
    """ASAP less each other variant."""
    yield "| ASAP less | EQC | lost DSC, points | RCI | correlation |"
    yield "|---|---:|---:|---:|---:|"
    eqc = {found["second"]: found for found in study["eqc_contrasts"]}
    scores = {(found["second"], found["score"]): found for found in study["contrasts"]}
    for name in list(LOWER.values())[:-1]:
        low, high = eqc[name]["low"], eqc[name]["high"]
        interval = "" if low is None else f" ({low:+.3f} to {high:+.3f})"
        cells = [f"{eqc[name]['mean']:+.3f}{interval}"]
        cells += [_contrast(scores[name, score]) for score in ("regret", "spearman", "pearson")]
        yield f"| {name.upper()} | {' | '.join(cells)} |"


def trainings(read: Mapping[str, Any], board: Board) -> Iterator[str]:
    """ASAP as trained in several ways, with intervals over targets, beside the baselines."""
    yield "| ASAP, trained | EQC | RCI | top-1, % | lost DSC, points |"
    yield "|---|---:|---:|---:|---:|"
    titles = {
        "ablate": "dsim's defaults, 12 epochs, means of 2",
        "paper": "`preset=paper`, 12 epochs",
        "reference": "`preset=reference`, 12 epochs",
    }
    shipped = next(row for row in board.rows if row.measure == "asap@1").scores
    yield _trained("the zoo's model, 120 epochs", shipped["eqc"].value, {n: vars(s) for n, s in shipped.items()})
    for name, title in titles.items():
        found = _variant(read[name], "asap")
        yield _trained(title, found["mean"]["eqc"]["mean"], found["over_targets"])
    (alone,) = read["loo"]["records"]
    yield _trained("dsim's defaults, 12 epochs, 16 times without the target", None, alone)
    judge = read["ablate"]["judge"]
    for name in ("random", "best fixed source, others"):
        yield _trained(f"*{name}*", None, judge["baselines"][name])
    yield _trained("*ceiling*", None, judge["ceiling"])


def _trained(title: str, eqc: float | None, scores: Mapping[str, Any]) -> str:
    cells = [
        "" if eqc is None else f"{eqc:.3f}",
        _interval(scores.get("spearman"), 1, 2),
        _interval(scores["top1"], 100, 0),
        _interval(scores["regret"], 1, 1),
    ]
    return f"| {title} | {' | '.join(cells)} |"


def _interval(score: Mapping[str, Any] | None, scale: float, digits: int) -> str:
    if score is None:
        return ""
    value, low, high = (f"{scale * score[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def robustness(read: Mapping[str, Any], name: str, scale: float, digits: int) -> Iterator[str]:
    """One quantity by measure and share of images of wrong membership, mean and deviation over seeds."""
    shares = [0.0, *read["robustness"]["shares"]]
    judged = [row for study in ("robustness", "robustness-trained") for row in read[study]["rows"]]
    yield "| measure | " + " | ".join(f"{share:.0%}" for share in shares) + " |"
    yield "|---|" + "---:|" * len(shares)
    for measure in dict.fromkeys(row["measure"] for row in judged):
        cells = []
        for share in shares:
            rows = [row for row in judged if (row["measure"], row["share"]) == (measure, share)]
            values = [scale * row[name] for row in rows if row.get(name) is not None]
            cells.append(_pm(spread(values).to_dict(), digits) if values else "–")
        yield f"| `{measure}` | {' | '.join(cells)} |"


def dimensions(study: Mapping[str, Any]) -> Iterator[str]:
    """Table 2 beside one training for each dimension; the finalists again, with seeds that had no say in the choice."""
    found = {trial["setting"]["n_emb"]: trial["eqc"] for trial in study["trials"]}
    yield "| dimensions | " + " | ".join(map(str, TABLE_2)) + " |"
    yield "|---|" + "---:|" * len(TABLE_2)
    yield "| EQC, paper | " + " | ".join(f"{eqc:.3f}" for eqc in TABLE_2.values()) + " |"
    yield "| EQC, here | " + " | ".join(f"{found[n]:.3f}" for n in TABLE_2) + " |"
    yield ""
    for finalist in study["finalists"]:
        setting = ", ".join(f"{name}={value}" for name, value in finalist["setting"].items())
        yield f"- {finalist['role']}, {setting}: EQC {_pm(finalist['eqc'], 3)} over {finalist['eqc']['n']} other seeds."
    for verdict in study["verdicts"]:
        yield f"- {verdict[0].upper()}{verdict[1:]}."


def growing(study: Mapping[str, Any]) -> Iterator[str]:
    """Extended models beside models trained anew: means and deviations over left-out sets and seeds."""
    yield "| model | EQC | less training anew | p | placed, % | of the new set, % | rank | same nearest, % | time |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for way, found in study["summary"].items():
        cells = [
            _pm(found["eqc"], 3),
            _pm(found["difference"], 3) if found["p"] is not None else "",
            "" if found["p"] is None else f"{found['p']:.2g}",
            *(f"{100 * found[name]['mean']:.0f}" for name in ("placed", "new")),
            _pm(found["rank"], 2),
            f"{100 * found['nearest']['mean']:.0f}",
            f"{found['ratio']:.3f}",
        ]
        yield f"| {way} | {' | '.join(cells)} |"


def _head(first: str, second: str) -> Sequence[str]:
    return (
        f"| {first} | {second} | {' | '.join(COLUMNS)} |",
        "|---|---|" + "---:|" * len(COLUMNS),
    )


def _beside(first: str, second: str, paper: Mapping[str, float], here: Mapping[str, float]) -> str:
    """A row with "paper / here" in each cell; a dash where there is nothing."""
    cells = []
    for score, scale, digits in COLUMNS.values():
        both = [f"{scale * one[score]:.{digits}f}" if score in one else "–" for one in (paper, here)]
        cells.append(" / ".join(both))
    return f"| {first} | {second} | {' | '.join(cells)} |"


def _variant(study: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(one for one in study["variants"] if one["variant"] == name)
    return found


def _pm(spread: Mapping[str, Any], digits: int) -> str:
    if spread.get("sd") is None:
        return f"{spread['mean']:.{digits}f}"
    return f"{spread['mean']:.{digits}f} ± {spread['sd']:.{digits}f}"


def _contrast(found: Mapping[str, Any]) -> str:
    interval = f"{found['low']:+.2f} to {found['high']:+.2f}"
    return f"{found['difference']:+.2f} ({interval}), p {found['p_adjusted']:.2g}"


if __name__ == "__main__":
    main()

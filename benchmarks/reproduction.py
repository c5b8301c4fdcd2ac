"""Every number of docs/reproduction.md, from stored data.

    python benchmarks/reproduction.py                          print the tables, as Markdown
    python benchmarks/reproduction.py docs/reproduction.md     put them into the page, each where its name stands

What the page says of the authors' own files, which are not stored here, comes from benchmarks/authors_files.py.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

import dsim
from dsim.evaluation import BY_NAME, Evaluation, contrast_all
from dsim.files import write_text
from dsim.stats.shares import wilson_interval
from dsim.truth import TransferMatrix, open_distances, open_truth, published

ASAP, DSC = "asap-published", "asap-dsc"
CATS = {"experts": "cats-experts", "Task2Vec": "cats-task2vec"}
LEVEL, POWER = 0.05, 0.8


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table: the first column is of names."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join(['---', *['---:'] * (len(columns) - 1)])}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def shown(score: str, value: float, digits: int = 3) -> str:
    """Shares in percent, regrets in points of Dice, correlations with three digits."""
    spec = BY_NAME[score]
    if math.isnan(value):
        return ""
    return f"{100 * value:.2f} %" if spec.share else f"{value:z.2f}" if spec.in_score_units else f"{value:z.{digits}f}"


def between(score: str, low: float, high: float) -> str:
    """Bounds of an interval."""
    return f"{shown(score, low)} to {shown(score, high)}" if not math.isnan(high) else f"{shown(score, low)} or more"


def chance(p: float) -> str:
    """A p with two digits."""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def value(found: Evaluation, score: str) -> float:
    """The measure's own."""
    return found.judgement.scores[score].value


def table_3() -> Iterator[str]:
    """ASAP's row of Table 3 beside what Table 4 gives, as printed and corrected."""
    corrected, printed = dsim.evaluate(ASAP, DSC), dsim.evaluate(f"{ASAP}-printed", f"{DSC}-printed")
    row = next(row for row in published(DSC) if row["measure"] == "ASAP")["published"]
    rows = []
    scores = (
        "pearson",
        "spearman",
        "top1",
        "top2",
        "top3",
        "regret",
        "regret_sum",
        "pooled_pearson",
        "pooled_spearman",
    )
    for name in scores:
        told = (row.get(name, math.nan), value(corrected, name), value(printed, name))
        rows.append([BY_NAME[name].title, *(shown(name, number) for number in told)])
    yield from table(["score", "Table 3", "Table 4, corrected", "Table 4, as printed"], rows)


def misprints() -> Iterator[str]:
    """What each correction does, and where the two cells stand out."""
    printed, distances = open_truth(f"{DSC}-printed"), f"{ASAP}-printed"
    dice = _corrected(printed, [("MoNuSeg", "LIVECell")])
    cases = {
        "nothing": (distances, printed),
        "the Dice": (distances, dice),
        "the distance": (ASAP, printed),
        "both": (ASAP, dice),
        "both, and the tie on RIGA": (ASAP, _corrected(dice, [("MoNuSeg", "RIGA"), ("PanNuKe", "RIGA")])),
    }
    rows = []
    for corrected, given in cases.items():
        found = dsim.evaluate(*given)
        cells = [(kind, name) for name in ("LIVECell", "LUMINOUS", "RIGA") for kind in ("pearson", "spearman")]
        own = [found.judgement.per_target[kind][found.targets.index(name)] for kind, name in cells]
        means = [f"{value(found, kind):.4f}" for kind in ("pearson", "spearman")]
        rows.append([corrected, *means, *(f"{number:.3f}" for number in own)])
    targets = [f"{symbol}, {name}" for name in ("LIVECell", "LUMINOUS", "RIGA") for symbol in ("r", "rho")]
    yield from table(["corrected", "mean Pearson", "RCI", *targets], rows)
    yield ""
    yield from table(["MoNuSeg less PanNuKe, as printed", "the odd row", "all other rows"], list(_odd_rows()))


def _corrected(truth: TransferMatrix, cells: Sequence[tuple[str, str]]) -> TransferMatrix:
    """The truth with some cells as the corrected one has them."""
    right, values = open_truth(DSC), truth.values.copy()
    for source, target in cells:
        place = truth.sources.index(source), truth.targets.index(target)
        values[place] = right.values[place]
    return replace(truth, values=values)


def _odd_rows() -> Iterator[list[str]]:
    """MoNuSeg and PanNuKe are both stained histology: their columns run beside each other, but for one row each."""
    distances, truth = open_distances(f"{ASAP}-printed"), open_truth(f"{DSC}-printed")
    given = {("distance", "LUMINOUS"): (distances, distances.values), ("Dice", "LIVECell"): (truth, truth.mean)}
    for (what, odd), (of, values) in given.items():
        gap = values[of.sources.index("MoNuSeg")] - values[of.sources.index("PanNuKe")]
        others = np.delete(gap, of.targets.index(odd))
        yield [what, f"{odd}: {gap[of.targets.index(odd)]:.2f}", f"{others.min():.2f} to {others.max():.2f}"]


def cats() -> Iterator[str]:
    """r and rho of distance and transferability, as the paper signs them, with and without self pairs."""
    rows = []
    for name, distances in CATS.items():
        for self_pairs in ("include", "exclude"):
            found = dsim.evaluate(distances, "cats-auc", self_pairs=self_pairs)
            r, rho = (0.0 - value(found, f"pooled_{kind}") for kind in ("pearson", "spearman"))
            pairs = int(found.counted.sum())
            naive = 2 * stats.t.sf(abs(r) * math.sqrt((pairs - 2) / (1 - r * r)), pairs - 2)
            printed = {"experts": "0.24", "Task2Vec": "-0.11"}[name] if self_pairs == "include" else ""
            rows.append(
                [f"{name}, self pairs {self_pairs}d", str(pairs), printed, f"{r:.3f}", f"{naive:.2f}", f"{rho:.4f}"]
            )
    columns = ["distance", "pairs", "printed", "Pearson of distance", "p, pairs as cases", "Spearman of distance"]
    yield from table(columns, rows)


def intervals() -> Iterator[str]:
    """95 % intervals of ASAP's scores over 12 targets, and of the cats paper's r over three."""
    found, plain = dsim.evaluate(ASAP, DSC), dsim.evaluate(ASAP, DSC, interval="percentile")
    scores = ("pearson", "spearman", "kendall", "weighted_kendall", "top1", "top2", "top3", "regret", "pooled_pearson")
    rows = []
    for name in scores:
        ours, other = found.judgement.scores[name], plain.judgement.scores[name]
        rows.append(
            [BY_NAME[name].title, shown(name, ours.value), *(between(name, s.low, s.high) for s in (ours, other))]
        )
    yield from table(["ASAP on its 12 targets", "value", "interval", "plain percentiles"], rows)
    yield ""
    rows = []
    for name, distances in CATS.items():
        found = dsim.evaluate(distances, "cats-auc", self_pairs="include")
        score = found.judgement.scores["pooled_pearson"]
        rows.append([name, f"{0.0 - score.value:.3f}", f"{0.0 - score.high:.3f} to {0.0 - score.low:.3f}"])
    yield from table(["r of distance, 3 targets resampled", "value", "interval"], rows)


def baselines() -> Iterator[str]:
    """ASAP and what it must beat, with the paired tests."""
    found = dsim.evaluate(ASAP, DSC)
    rows = []
    for other in (found.judgement, *found.baselines):
        scores = other.scores
        if math.isnan(scores["regret"].value):
            continue
        tested = {c.score: c for c in found.contrasts if c.second == other.name}
        row = ["ASAP" if other is found.judgement else other.name, shown("regret", scores["regret"].value)]
        row += [between("regret", scores["regret"].low, scores["regret"].high), shown("top1", scores["top1"].value)]
        row.append(shown("pearson", scores["pearson"].value))
        for name in ("regret", "top1", "pearson", "spearman", "weighted_kendall"):
            row.append(f"{chance(tested[name].p)} ({chance(tested[name].p_adjusted)})" if name in tested else "")
        rows.append(row)
    columns = ["selection by", "mean regret", "interval", "top-1", "mean Pearson"]
    columns += ["p regret", "p top-1", "p Pearson", "p RCI", "p weighted Kendall"]
    yield from table(columns, rows)


def cats_baselines() -> Iterator[str]:
    """The cats paper's measures as a choice of source, beside ImageNet and training without transfer."""
    found = [dsim.evaluate(distances, "cats-auc") for distances in CATS.values()]
    others = {other.name: other.scores for other in found[0].baselines if not math.isnan(other.scores["regret"].value)}
    named = dict(zip(CATS, (one.judgement.scores for one in found), strict=True)) | others
    scores = ("regret", "top1", "pearson", "spearman")
    rows = []
    for name, of in named.items():
        cells = [f"{of[s].value:.4f}" if s == "regret" else shown(s, of[s].value) for s in scores]
        rows.append([name, *cells])
    highest = found[0].ceiling
    rows.append(
        ["ceiling", *(f"{highest[s].value:.4f}" if s == "regret" else shown(s, highest[s].value) for s in scores)]
    )
    yield from table(["selection by, self pairs excluded", "mean regret, AUC", "top-1", "mean Pearson", "RCI"], rows)
    regret = next(c for c in contrast_all(found) if c.score == "regret")
    yield ""
    least = 2.0 ** (1 - regret.targets)
    told = f"Regret of the experts less that of Task2Vec: {regret.difference:.4f}"
    yield f"{told}, p {regret.p:.2f}; of three targets none is below {least:.2f}."


def rows_of_table_3() -> Iterator[str]:
    """Table 3's shares with Wilson's intervals, and which of its correlations lie within ASAP's interval."""
    own = dsim.evaluate(ASAP, DSC).judgement.scores["pearson"]
    rows = []
    for row in published(DSC):
        told = row["published"]
        low, high = wilson_interval(told["top1"], len(open_truth(DSC).targets), 0.95)
        r = told.get("pearson", math.nan)
        within = "" if math.isnan(r) else "yes" if own.low <= r <= own.high else "no"
        top1 = [shown("top1", told["top1"]), between("top1", low, high)]
        rows.append([row["measure"], *top1, shown("pearson", r), within, shown("regret", told.get("regret", math.nan))])
    columns = ["as published", "top-1", "interval", "correlation", "within ASAP's interval", "delta-DSC"]
    yield from table(columns, rows)


def resolution() -> Iterator[str]:
    """What can be told with 12 targets, and how many a correlation like ASAP's would need."""
    found = dsim.evaluate(ASAP, DSC)
    count, rivals = len(found.targets), len(published(DSC)) - 1
    rows = []
    for told, level in {"one comparison": LEVEL, f"Holm, the smallest of {rivals}": LEVEL / rivals}.items():
        # All that differ must differ one way: k targets have p = 2 / 2^k.
        fewest = next(k for k in range(1, 99) if 2.0 ** (1 - k) <= level)
        share = next(d for d in np.arange(0, 1, 0.001) if stats.binom.sf(fewest - 1, count, d) >= POWER)
        rows.append([told, str(fewest), f"{100 * fewest / count:.0f} points", f"{100 * share:.0f} points"])
    yield from table(
        ["top-1 of two measures, 12 targets", "targets that must differ", "smallest difference", "found in 80 %"], rows
    )
    yield ""
    r = found.judgement.per_target["pearson"]
    spread, own = float(np.std(r, ddof=1)), value(found, "pearson")
    needed = ((stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(POWER)) * spread / own) ** 2
    yield f"Pearson's r over targets: mean {own:.3f}, standard deviation {spread:.2f}."
    yield f"To separate such a mean from 0 in 80 % of cases takes {math.ceil(needed)} targets."
    regret = found.judgement.per_target["regret"]
    worst = {found.targets[i]: regret[i] for i in np.argsort(-regret) if regret[i] > 0}
    yield ""
    yield (
        "Regret by target: "
        + ", ".join(f"{name} {number:.2f}" for name, number in worst.items())
        + "; 0 on the others."
    )


SECTIONS = {
    section.__name__: section
    for section in (table_3, misprints, cats, intervals, baselines, cats_baselines, rows_of_table_3, resolution)
}
#: In the page a section stands between its name and the end, as comments.
_PLACE = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The text of the page with every section as it is now."""
    return _PLACE.sub(lambda found: "\n".join([found[1], *SECTIONS[found[2]](), "", found[3]]), page)


def main(arguments: Sequence[str]) -> None:
    """Print all sections, or put them into a page."""
    if arguments:
        path = Path(arguments[0])
        write_text(path, filled(path.read_text("utf-8")))
        return
    for section in SECTIONS.values():
        print(f"## {section.__doc__}", *section(), sep="\n", end="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])

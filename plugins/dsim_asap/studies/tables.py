"""The tables that studies print of their documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dsim.ui import print_table, say

Document = Mapping[str, Any]
#: Columns of an ablation's table of quality: title, quantity.
_QUALITY = {"EQC": "eqc", "EQC unseen": "eqc_validation"}
_JUDGED = {
    "correlation": "pearson",
    "RCI": "spearman",
    "top-1 %": "top1",
    "top-2 %": "top2",
    "top-3 %": "top3",
    "regret": "regret",
}
#: Columns of a robustness study's table.
_TITLES = {"spearman": "correlation", "same_nearest": "same nearest %", "regret": "regret", "top1": "top-1 %"}
#: Trials of a search that are shown, those of the lowest EQC first; the file holds all.
_TRIALS = 20


def shown(value: float | None, form: str) -> str:
    """Return a number in this format; empty for None."""
    return "" if value is None else format(value, form)


def show_ablation(written: Mapping[str, Any]) -> None:
    """Print the tables of an ablation's document."""
    _show_quality(written)
    _show_contrasts(written)
    _show_cost(written)


def _show_quality(written: Mapping[str, Any]) -> None:
    judge, seeds = written["judge"], len(written["seeds"])
    columns = {**_QUALITY, **(_JUDGED if judge else {})}
    rows = [
        [one["title"], *(_cell(name, one["mean"][name], judge) for name in columns.values())]
        for one in written["variants"]
    ]
    # A random source and the ceiling say what the scores are worth.
    for title, scores in (("random", judge["baselines"]["random"]), ("ceiling", judge["ceiling"])) if judge else ():
        values = {name: scores.get(name, {}).get("value") for name in _JUDGED.values()}
        if any(value is not None for value in values.values()):
            cells = ["" if value is None else _digits(name, value, judge) for name, value in values.items()]
            rows.append([title, *([""] * len(_QUALITY)), *cells])
    by = f", judged by {judge['truth']} ({len(judge['targets'])} targets)" if judge else ""
    each = f"{seeds} training{'s' if seeds > 1 else ''} of each, mean±deviation, {len(written['sources'])} datasets{by}"
    print_table(each, ["variant", *columns], rows, right=list(columns))


def _cell(name: str, mean: Mapping[str, Any], judge: Mapping[str, Any] | None) -> str:
    """Return a mean with its spread over seeds."""
    if mean["mean"] is None:
        return "none"
    deviation = "" if mean["sd"] is None else f"±{_digits(name, mean['sd'], judge)}"
    return f"{_digits(name, mean['mean'], judge)}{deviation}"


def _digits(name: str, value: float, judge: Mapping[str, Any] | None) -> str:
    from dsim.evaluation.scores import BY_NAME, digits

    if name in BY_NAME and BY_NAME[name].share:
        return f"{100 * value:.1f}"
    return digits(name, value, judge["unit"]) if judge and name in _JUDGED.values() else f"{value:.3f}"


def _show_contrasts(written: Mapping[str, Any]) -> None:
    """Print the reference less each other variant: EQC paired by seed, scores paired by target."""
    judge = written["judge"]
    rows = [
        ["EQC", one["second"], *_difference("eqc", one["mean"], one, judge), f"{one['n']} seeds"]
        for one in written["eqc_contrasts"]
    ]
    rows += [
        [title, one["second"], *_difference(name, one["difference"], one, judge), f"{one['targets']} targets"]
        for title, name in _JUDGED.items()
        for one in written["contrasts"]
        if one["score"] == name
    ]
    if rows:
        columns = ["score", "less that of", "difference", "95 % interval", "p", "paired over"]
        print_table(f"{written['reference']} against the others", columns, rows, right=columns[2:5])


def _difference(name: str, value: float | None, one: Mapping[str, Any], judge: Mapping[str, Any] | None) -> list[str]:
    if value is None:
        return ["none", "", ""]
    bounds = [one["low"], one["high"]]
    interval = "" if None in bounds else " to ".join(_digits(name, bound, judge) for bound in bounds)
    return [_digits(name, value, judge), interval, shown(one.get("p_adjusted", one["p"]), ".2g")]


def _show_cost(written: Mapping[str, Any]) -> None:
    columns = ["variant", "GMAC", "parameters", "training s", "images/s", "epochs", "embedding s", "of images"]
    rows = [
        [
            one["title"],
            f"{one['gmac']:.3f}",
            f"{one['parameters']:,}",
            f"{one['mean']['training_seconds']['mean']:.1f}",
            f"{one['mean']['images_per_second']['mean']:.1f}",
            ", ".join(dict.fromkeys(str(run["epochs"]) for run in one["runs"])),
            f"{one['mean']['embedding_seconds']['mean']:.2f}",
            str(one["embedded"]),
        ]
        for one in written["variants"]
    ]
    print_table("cost of one training", columns, rows, right=columns[1:])


def show_tuning(written: Document) -> None:
    """Print the trials of a search, the best first, and the settings that were trained again."""
    ranked = sorted(written["trials"], key=lambda trial: (trial["eqc"] is None, trial["eqc"] or 0.0))
    over, total = written["over"], len(ranked)
    rows = [
        [
            *_setting(trial, over),
            shown(trial["eqc"], ".3f") or "none",
            shown(trial["seconds"], ".1f"),
        ]
        for trial in ranked[:_TRIALS]
    ]
    title = f"{total} trials, seed {written['seed']}" + (f", the best {len(rows)}" if len(rows) < total else "")
    columns = [*over, "EQC", "training s"]
    print_table(title, columns, rows, right=columns)
    for reason in dict.fromkeys(trial["reason"] for trial in ranked[:_TRIALS] if trial["eqc"] is None):
        say(f"note: no EQC: {reason}")
    columns = ["trained again", *over, "EQC", "deviation", "95 % of the mean", "seeds"]
    print_table("", columns, [_finalist(one, over) for one in written["finalists"]], right=columns[1:])


def _finalist(one: Mapping[str, Any], over: Sequence[str]) -> list[str]:
    eqc = one["eqc"]
    interval = "" if eqc["low"] is None else f"{eqc['low']:.3f} to {eqc['high']:.3f}"
    mean = shown(eqc["mean"], ".3f") or "none"
    return [one["role"], *_setting(one, over), mean, shown(eqc["sd"], ".3f"), interval, str(eqc["n"])]


def _setting(one: Mapping[str, Any], over: Sequence[str]) -> list[str]:
    values = (one["setting"][name] for name in over)
    return ["/".join(f"{part:g}" for part in value) if isinstance(value, list) else f"{value:g}" for value in values]


def show_robustness(written: Document) -> None:
    """Print one row for each measure and share; share 0 is the same images with the next seed."""
    quantities, seeds = written["quantities"], len(written["seeds"])
    rows = [
        [curve["measure"], f"{100 * curve['share']:g} %", *(_of_seeds(name, curve[name]) for name in quantities)]
        for curve in written["curves"]
    ]
    titles = [_TITLES[name] for name in quantities]
    of = f"mean±deviation over {seeds} seed{'s' * (seeds > 1)}; 0 %: the next seed's clean distances"
    print_table(f"wrong membership, {of}", ["measure", "wrong", *titles], rows, right=["wrong", *titles])


def _of_seeds(name: str, mean: Mapping[str, Any]) -> str:
    if mean["mean"] is None:
        return "none"
    scale, digits = (100, 0) if name in ("same_nearest", "top1") else (1, 2)
    deviation = "" if mean["sd"] is None else f"±{scale * mean['sd']:.{digits}f}"
    return f"{scale * mean['mean']:.{digits}f}{deviation}"


def show_coherence(written: Document) -> None:
    """Print where unseen images are placed, and where foreign ones."""
    columns = ["dataset", "unseen", "groups", "nearest centre", "nearest mean distance", "inside its 95 %"]
    shares = ("by_centre", "by_mean_distance", "inside_own")
    rows = [
        [
            name,
            str(row["images"]),
            shown(row["groups"], "d"),
            *(percent_with_interval(row[share]) for share in shares),
        ]
        for name, row in [*written["unseen"].items(), ("all", written["all_unseen"])]
    ]
    print_table(f"{written['model']}: unseen images placed with their own", columns, rows, right=columns[1:])
    columns = ["foreign", "images", "spread", "over the median of the pool's", "over the widest", "inside any 95 %"]
    spreads = ("spread", "spread_over_median", "spread_over_widest")
    foreign = written["foreign"]
    rows = [
        [name, str(row["images"]), *(shown(row[key], ".2f") for key in spreads), percent_with_interval(row["inside"])]
        for name, row in foreign.items()
    ]
    if rows:
        print_table("foreign images", columns, rows, right=columns[1:])
    for name in (name for name, row in foreign.items() if row["trained_on"]):
        say(f"{name} is not foreign to this model: it was trained on it")


def percent_with_interval(share: Mapping[str, float]) -> str:
    """Return a share with its interval, in percent.

    >>> percent_with_interval({"share": 0.95, "low": 0.9, "high": 0.975})
    '95 % (90 to 98)'
    """
    return f"{share['share']:.0%}".replace("%", " %") + f" ({100 * share['low']:.0f} to {100 * share['high']:.0f})"


def show_placement(written: Document, most: int) -> None:
    """Print for each image the ``most`` datasets that are nearest."""
    columns = ["rank", "dataset", "mean distance", "rank of centre", "p"]
    for image in written["images"]:
        rows = [
            [
                str(row["rank"]),
                row["dataset"],
                shown(row["mean_distance"], ".3g"),
                str(row["centre_rank"]),
                shown(row["p"], ".3g"),
            ]
            for row in image["datasets"][:most]
        ]
        title = image["given"] if image["alone"] else f"{image['given']}: {image['id']}"
        print_table(title, columns, rows, right=[name for name in columns if name != "dataset"])


def show_strays(written: Document) -> None:
    """Print the images of a dataset that may not belong to it."""
    columns = ["image", "strength", "distance", "p", "nearest other", "distance to it", "p there"]
    fields = ("strength", "own", "p_own", "nearest", "other", "p_other")
    rows = [
        [row["id"], *(row[name] if name == "nearest" else shown(row[name], ".3g") for name in fields)]
        for row in written["strays"]
    ]
    right = [name for name in columns if name not in ("image", "nearest other")]
    print_table(f"{written['dataset']}: images that may not belong", columns, rows, right=right)


def show_map(written: Document) -> None:
    """Print one row for each dataset of a map, with the dataset that is nearest to it."""
    names = [dataset["name"] for dataset in written["datasets"]]
    rows = []
    for number, (dataset, distances) in enumerate(zip(written["datasets"], written["mean_distances"], strict=True)):
        others = [
            (far, name) for place, (far, name) in enumerate(zip(distances, names, strict=True)) if place != number
        ]
        far, name = min(others, key=lambda other: other[0], default=(None, ""))
        own = [dataset[key] for key in ("name", "role", "modality")]
        rows.append([*own, str(dataset["images"]), shown(distances[number], ".3f"), name, shown(far, ".3f")])
    columns = ["dataset", "role", "modality", "images", "distance within", "nearest", "distance to it"]
    right = ["images", "distance within", "distance to it"]
    print_table(f"{written['told']}: EQC {shown(written['eqc']['paper'], '.3f') or 'none'}", columns, rows, right=right)

"""The card beside the truth: what was measured, how, why so, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.cards import by_target, counted, listed, table
from benchmarks.phantom_truth.facts import LEARNT, Facts, facts
from dsim.truth import TransferMatrix

#: Percent of Dice below which a card says that nothing carried over well.
POOR = 50.0

WHY = """\
- **Phantoms**, since they need no download and no licence: the benchmark runs from a plain install. They are drawings,
  and what holds here need not hold among real datasets ([phantoms](../../../docs/phantoms.md)).
- **Targets.** The six target phantoms are sources with a few knobs turned a little: the source of the same modality
  ought to win. The nine sources are targets for the *other* eight: none shows their modality, so a measure has to find
  what carries over between modalities. The nine `-drifted` ones show new scenes in the style at which dsim's style
  ladder ends (colour 0.8, contrast -0.7, noise 0.7, illumination 0.6: chosen earlier, and for another purpose): the
  modality is there, but it looks different. The list was fixed before any measure's values on it were looked at.
- **48 images of 64 x 64 pixels** in every dataset: enough for these networks to learn each source, few enough for
  every measure to run on all 216 pairs in minutes. All sources have as many images, so size tells nothing here.
- **One recipe for all sources**, so that differences come from the data. Settings were chosen on the sources alone, by
  their validation loss and their own held-out scenes. GroupNorm, so that no statistics of the source's images are
  carried to the target. The augmentation is mild and usual; a stronger one would close gaps.
- **One trial was discarded**: two seeds with ReLU instead of LeakyReLU. Networks for small objects predicted 0.56
  within them, and the threshold of 0.5 decided by accident. It had the same best source for 22 of 24 targets
  (Spearman with these scores 0.96, mean over targets).
- **No baseline**: without a source there is no network, and no score, on an unlabelled target. Instead the table gives
  the Dice of calling every pixel foreground: a source below it is worse than not looking."""

LIMITS = """\
- The 24 targets show nine modalities, two or three each, and are not independent: intervals over targets are too narrow
  for a claim about new modalities.
- One small network, as it is, without fine-tuning. Another network, or fine-tuning on a few labelled images of the
  target, gives other numbers.
- Dice depends on how much of an image is foreground, and on whether objects are dark or bright: a source can do well
  on a target that it does not resemble otherwise.
- The same seed gives the same numbers on the same machine and libraries (two trainings were repeated: equal to the last
  digit); elsewhere they differ as between seeds."""


def card(truth: TransferMatrix) -> str:
    """The card as Markdown."""
    told = facts(truth)
    parts = [
        f"# {truth.name}",
        _summary(truth),
        "## What it says",
        _findings(truth, told),
        "## The sources, each on other scenes of its own phantom",
        _table_of_sources(truth, told),
        f"## Dice, {truth.unit}",
        "Mean over seeds ± standard deviation between them; targets in rows, sources in columns, the best in bold; no "
        "self pairs. *all*: every pixel called foreground.",
        _table_of_scores(truth, told),
        "## Why so",
        WHY,
        "## How",
        _recipe(truth.provenance),
        "## Limits",
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _summary(truth: TransferMatrix) -> str:
    record = truth.provenance
    return (
        f"Dice ({truth.unit}) of small U-Nets, each trained on one of {len(truth.sources)} source phantoms and scored "
        f"on {len(truth.targets)} targets: {truth.values.shape[2]} trainings per source, with different seeds. "
        f"Measured on {record['date']}. Licence: that of dsim.\n\n"
        "Use: judging measures on data that everyone has, `dsim evaluate MATRIX --truth phantoms-dsc`. The "
        "datasets are opened from the `location` that truth.json gives, and named as there."
    )


def _findings(truth: TransferMatrix, told: Facts) -> str:
    with_kin = [i for i, name in enumerate(told.kin) if name]
    won = sum(told.best[i] == told.kin[i] for i in with_kin)
    lost = [f"`{truth.targets[i]}` (`{told.best[i]}`)" for i in with_kin if told.best[i] != told.kin[i]]
    unlearnt = [name for name, own in zip(truth.sources, told.own, strict=True) if own < LEARNT]
    baseless = [
        f"`{name}`"
        for name, best in zip(truth.targets, told.means.T, strict=True)
        if _largest(best) < truth.provenance["all foreground"][name]
    ]
    poor = [f"`{name}`" for name, best in zip(truth.targets, told.means.T, strict=True) if _largest(best) < POOR]
    without = [told.best[i] for i in range(len(told.kin)) if i not in with_kin]
    lines = [
        f"Sources that were not learnt (own Dice below {LEARNT:g} %): {listed(unlearnt)}.",
        f"Of the {len(with_kin)} targets that have another source of their modality, that source is best for {won}. "
        f"Exceptions, with the best source: {listed(lost)}.",
        f"The {len(without)} sources as targets are served best by {counted(without)}.",
        f"Targets for which even the best source stays below {POOR:g} %: {listed(poor)}.",
        f"Targets for which no source beats calling everything foreground: {listed(baseless)}.",
        f"A source drawn at random loses {_points(told.regret_random)}.",
        f"The best fixed source, `{told.fixed}`, loses {_points(told.regret_fixed)}.",
        f"Between two seeds the sources of a target correlate by {told.seeds_agree:.2f} (Spearman, mean over targets "
        "and pairs of seeds); the best source of one seed is that of the mean of the others for "
        f"{100 * told.best_again:.0f} % of targets and seeds.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _table_of_sources(truth: TransferMatrix, told: Facts) -> str:
    trainings = truth.provenance["trainings"]
    rows = []
    for name, own, spread in zip(truth.sources, told.own, told.own_spread, strict=True):
        best = [each["best_epoch"] for each in trainings if each["source"] == name]
        rows.append([f"`{name}`", f"{own:.1f} ± {spread:.1f}", f"{min(best)} to {max(best)}"])
    return table(["source", "own Dice, %", "epoch that was kept"], rows)


def _table_of_scores(truth: TransferMatrix, told: Facts) -> str:
    rows = by_target(truth, told.best, lambda i, j: f"{told.means[i, j]:.1f} ± {told.spread[i, j]:.1f}")
    every = [f"{truth.provenance['all foreground'][target]:.1f}" for target in truth.targets]
    return table(["target", *truth.sources, "*all*"], [[*row, text] for row, text in zip(rows, every, strict=True)])


def _recipe(record: Mapping[str, Any]) -> str:
    told = {name: value for name, value in record["recipe"].items() if name != "version"} | record["rules"]
    settings = "\n".join(f"- {name.replace('_', ' ')}: {_plain(value)}" for name, value in told.items())
    conditions = "; ".join(
        ", ".join(f"{name} {value}" for name, value in each.items()) for each in record["conditions"]
    )
    return (
        f"    {record['command']}\n\n"
        f"trains {len(record['trainings'])} networks of {record['parameters']} parameters: "
        f"{60 * record['hours']:.0f} minutes of one thread, on two cores with other work beside it. Stopped and "
        f"started again it repeats nothing.\n\n{settings}\n\n"
        f"Under: {conditions}."
    )


def _points(lost: tuple[float, float, float]) -> str:
    return (
        f"{lost[0]:.1f} points of Dice against the best for each target "
        f"({lost[1]:.1f} where a source of the modality exists, {lost[2]:.1f} where none does)"
    )


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _largest(values: Any) -> float:
    return float(max(value for value in values if value == value))

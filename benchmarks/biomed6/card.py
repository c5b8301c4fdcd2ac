"""The card beside the truth: what was measured, of what, how it can be rebuilt, and what it says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.biomed6 import tables
from benchmarks.biomed6.gains import CONFIDENCE, Gains, gains
from benchmarks.biomed6.sets import Labelled
from benchmarks.cards import counted, listed
from benchmarks.real_sets import sections, storing
from benchmarks.real_sets.facts import Facts, facts
from dsim.transfer.classification.objective import build_classifier
from dsim.transfer.classification.recipe import ClassificationRecipe
from dsim.truth import TransferMatrix

#: AUC from scratch below which a target was hardly learnt.
LEARNT = 0.6

REBUILD = """\
The images are not shipped: the licences of some sets are not known, and one excludes commercial use. From which file
of its repository an image was made is not recorded. [images.csv](images.csv) has the class of each, and the first 16
digits of the sha256 of its shape, type and pixels, as `dsim.open_dataset(FILE).image_digests` gives them: whoever has
images can tell whether they are these. To build the sets anew, take the commit below, choose as *sampling* above says,
and write a set as an `.npz` with `images` (uint8, n x height x width x 3, gray repeated), `labels` (int64) and
`class_names`. Where a rule is not recorded the images will be others, without the fingerprints that truth.json gives:
measure again with the command below rather than judge by these numbers."""

LIMITS = """\
- Six targets, five sources each: an interval over six targets says little about other images. Two sets are chest
  X-rays, and a class of a third is, so that they are not independent.
- AUC from scratch is high where a task is easy; what a source can add, or spoil, is then small, and so are regrets.
- A small network on images of 64 pixels, trained on hundreds of them. A large network, more images, or weights from
  millions of photographs give other numbers.
- Folds of a set share training images and are no independent repetitions: standard errors of gains are widened for it,
  the analysis of variance and the ceiling are not. The noise of choosing these images from their collections is in
  none of them.
- The same seed gives the same numbers on the same machine and libraries; how far they differ elsewhere was not
  measured."""


def card(truth: TransferMatrix, known: Mapping[str, Labelled]) -> str:
    """The card as Markdown."""
    told, gained = facts(truth), gains(truth)
    parts = [
        f"# {truth.name}",
        _summary(truth),
        "## What it says",
        _findings(truth, told, gained),
        "## Transferability, %",
        "Gain over training from scratch in percent of it, Eq. 1 of "
        "[van den Brandt et al. 2021](https://arxiv.org/abs/2107.05940), of the means over folds, ± its standard "
        "error; targets in rows, sources in columns, the best in bold; *: told from 0 by the folds. Self pairs add "
        "nothing, by definition.",
        tables.gain(truth, told, gained),
        f"## {truth.score}",
        "Mean over folds ± standard deviation between them, which is also that of the folds themselves; the best in "
        "bold. In brackets training from scratch, the value of self pairs.",
        sections.scores(truth, told, digits=3),
        "## The targets",
        tables.targets(truth, told, gained),
        "## The sources",
        tables.sources(truth),
        "## How noisy it is, what a choice costs, and what the best measure could reach",
        tables.noise(truth, told, gained),
        tables.reach(told),
        "## The sets",
        tables.sets(truth, known),
        "## Rebuilding them",
        REBUILD,
        sections.origins(known),
        "## How",
        _how(truth),
        "## Limits",
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def command(truth: TransferMatrix) -> str:
    """The command line that measures it: settings that differ from the defaults."""
    recipe = ClassificationRecipe(**truth.provenance["recipe"])
    return storing.command("classification", truth, recipe.record(), ClassificationRecipe().record(), "--folds")


def _summary(truth: TransferMatrix) -> str:
    return (
        f"AUC of small networks on {len(truth.targets)} sets of real images with labels: each trained on one set, "
        f"then, with a new head, on another one, in {truth.repetitions} folds. The baseline starts from random "
        f"weights. {sections.measured(truth.provenance)}\n\n"
        f"Use: judging measures on real images with labels, `dsim evaluate MATRIX --truth {truth.name}`. The datasets "
        "are named as there; `location` in truth.json is below a data folder."
    )


def _findings(truth: TransferMatrix, told: Facts, gained: Gains) -> str:
    assert truth.baseline_mean is not None
    weak = [f"`{name}`" for name, auc in zip(truth.targets, truth.baseline_mean, strict=True) if auc < LEARNT]
    lines = [
        f"From scratch the targets reach an AUC of {truth.baseline_mean.min():.3f} to {truth.baseline_mean.max():.3f}. "
        f"Hardly learnt (below {LEARNT:g}): {listed(weak)}.",
        f"The targets are served best by {counted(told.best)}.",
        _signs(gained),
        f"The largest gain is {_pair(truth, gained, int(np.nanargmax(gained.percent)))}, the least "
        f"{_pair(truth, gained, int(np.nanargmin(gained.percent)))}.",
        f"A source drawn at random loses {_lost(told, 'random')} of AUC against the best for each target; the best "
        f"fixed source {_lost(told, 'best fixed source')} ({told.baselines['best fixed source'].note}); training from "
        f"scratch {_lost(told, 'no transfer')}.",
        _imagenet(truth),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _signs(gained: Gains) -> str:
    pairs = int((~np.isnan(gained.percent)).sum())
    up, down = gained.percent > 0, gained.percent < 0
    return (
        f"Of {pairs} pairs {up.sum()} gain over training from scratch and {down.sum()} lose. The folds tell "
        f"{(up & gained.clear).sum()} gains and {(down & gained.clear).sum()} losses from 0 (paired t-test of each "
        f"pair on its own; were there nothing to gain or lose, {(1 - CONFIDENCE) * pairs:.1f} would be expected)."
    )


def _pair(truth: TransferMatrix, gained: Gains, position: int) -> str:
    i, j = divmod(position, len(truth.targets))
    return f"{gained.percent[i, j]:+.1f} % (`{truth.sources[i]}` to `{truth.targets[j]}`)"


def _imagenet(truth: TransferMatrix) -> str:
    if truth.imagenet:
        return f"ImageNet is a source: {truth.provenance['imagenet']['reference']}."
    network = truth.provenance["recipe"]["network"]
    why = (
        "nobody publishes weights for the plain network, and with another one a difference would not be one of data"
        if network == "plain"
        else f"no published weights of {network} were given"
    )
    return f"There is no ImageNet baseline: {why}."


def _how(truth: TransferMatrix) -> str:
    record = truth.provenance
    recipe = ClassificationRecipe(**record["recipe"])
    weights = sum(each.numel() for each in build_classifier(recipe, 2, 0).parameters())
    return (
        f"    {command(truth)}\n    python -m benchmarks.biomed6 RESULTS\n\n"
        f"The first trains {len(record['trainings'])} networks on sources and {len(record['trained on targets'])} on "
        f"targets, of {weights} parameters with a head for two classes, seed {record['seed']}, and can be stopped at "
        "any moment and goes on; the second checks what was measured, and writes this card "
        "([transfer](../../../docs/transfer-classification.md)).\n\n"
        f"{sections.settings(record)}"
    )


def _lost(told: Facts, baseline: str) -> str:
    return f"{told.baselines[baseline].scores['regret'].value:.3f}"

"""Models of several sources of one kind: trained, and for measuring also without one source each; what the zoo gains.

    python -m benchmarks.zoo_kinds train RESULTS [--kind nuclei] [--jobs 1]
    python -m benchmarks.zoo_kinds store RESULTS [--kind nuclei] [--zoo FOLDER]
    python -m benchmarks.zoo_kinds compare

To be run from the root of the checkout. ``train`` can be stopped at any moment and goes on; ``store`` writes the model
of all sources into the zoo; ``compare`` prints, as Markdown, the best candidate's Dice for each target of biomed16-dsc
that is left out, of the older models and of those that replace them. It needs the zoo only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.biomed16.sets import origins
from benchmarks.cards import table
from benchmarks.real_sets.checking import opened
from benchmarks.real_sets.storing import DATA
from benchmarks.zoo_kinds.comparing import comparison, own_dice
from benchmarks.zoo_kinds.storing import store
from benchmarks.zoo_kinds.training import KINDS, RECIPE, train_all
from dsim.files.shipped import shipped
from dsim.truth import open_truth
from dsim.zoo import models

OLD, NEW, TRUTH = "unet8", "lite0unet", "biomed16-dsc"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.zoo_kinds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("train", "store", "compare"))
    parser.add_argument("results", type=Path, nargs="?", default=Path("zoo-kinds"), metavar="RESULTS")
    parser.add_argument("--kind", choices=KINDS, default="nuclei")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--zoo", type=Path, default=shipped("zoo"), metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    given = parser.parse_args(arguments)
    if given.what == "compare":
        print(_compared())
        return
    truth = open_truth(TRUTH)
    datasets = opened(truth, given.data)
    if given.what == "train":
        train_all(given.kind, datasets, given.results, given.jobs, RECIPE)
    else:
        model = store(given.kind, given.results, datasets, origins(truth, given.data), truth, given.zoo)
        print(f"{model.id}: Dice {model.manifest['training']['dice_held_out']:.1f} held out")


def _compared() -> str:
    known, truth = models(), open_truth(f"{TRUTH}-lite0")
    own = {name: float(truth.mean[i, truth.targets.index(name)]) for i, name in enumerate(truth.sources)}
    rows = [*own_dice(known, (OLD, NEW), own)]
    rows = [row for row in rows if row[1]]
    return f"{comparison(known, OLD)}\n\n{table(['source', f'own Dice, `{OLD}`', f'own Dice, `{NEW}`'], rows)}"


if __name__ == "__main__":
    main()

"""The truth of the 16 real sets, its card, and the zoo models, from the results of its measurement.

    python -m benchmarks.biomed16 RESULTS [--data ../shared/data] [--out FOLDER] [--zoo FOLDER] [--revision 1]
        [--fewest 3] [--learnt] [--replaces unet8]

To be run from the root of the checkout. ``RESULTS`` is the folder that ``dsim transfer segmentation --out
RESULTS/truth.json`` wrote, with its .work. Checks the truth against the images, writes truth.json, images.csv and
card.md into ``--out``, and a folder for each source into ``--zoo``; with ``--learnt`` only for those that were learnt.
Trains nothing; the same results give the same files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.biomed16.card import card, command
from benchmarks.biomed16.checking import check
from benchmarks.biomed16.choosing import chosen
from benchmarks.biomed16.model_card import LEARNT
from benchmarks.biomed16.models import write_models
from benchmarks.biomed16.replacing import mark_replaced
from benchmarks.biomed16.sets import listing, origins
from benchmarks.real_sets.checking import opened
from benchmarks.real_sets.storing import DATA, say, with_command, write
from dsim.errors import DsimError
from dsim.files.shipped import shipped
from dsim.truth import TransferMatrix
from dsim.zoo import is_model


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.biomed16",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: by the truth's name")
    parser.add_argument("--zoo", type=Path, default=shipped("zoo"), metavar="FOLDER")
    parser.add_argument("--revision", type=int, default=1, help="of the models' ids")
    parser.add_argument("--fewest", type=int, default=3, help="repetitions that the truth must have")
    parser.add_argument("--learnt", action="store_true", help=f"no model of a Dice below {LEARNT:g} on its own images")
    parser.add_argument("--replaces", default="", metavar="FAMILY", help="models that the new ones replace: unet8")
    given = parser.parse_args(arguments)
    try:
        store(**vars(given))
    except DsimError as error:
        sys.exit(f"{error.message}; {error.hint}")


def store(
    results: Path,
    data: Path,
    out: Path | None,
    zoo: Path,
    revision: int = 1,
    fewest: int = 3,
    learnt: bool = False,
    replaces: str = "",
) -> None:
    """Check and write everything; what is wrong with the truth is a DataError before anything is written."""
    truth = TransferMatrix.from_json(results / "truth.json")
    check(truth, fewest)
    datasets, known = opened(truth, data), origins(truth, data)
    trainings = chosen(truth, results)
    manifests = {}
    for manifest in write_models(trainings, truth, datasets, known, zoo, revision, LEARNT if learnt else 0.0):
        training = manifest["training"]
        manifests[training["pool"][0]["name"]] = manifest
        told = f"Dice {training['dice_held_out']:.1f} held out, {training['dice_training']:.1f} trained on"
        say(f"{manifest['id']}: {told}")
        if replaces and is_model(zoo / manifest["id"]):
            mark_replaced(zoo, f"{replaces}.{training['pool'][0]['name']}.r1", manifest["id"])
    options = _options(fewest, learnt, replaces)
    place = out or shipped("truth") / truth.name
    written = frozenset(name for name, manifest in manifests.items() if is_model(zoo / manifest["id"]))
    write(with_command(truth, command(truth)), listing(known), card(truth, known, manifests, written, options), place)


def _options(fewest: int, learnt: bool, replaces: str) -> str:
    """As they were given, but for what is usual."""
    given = {f" --fewest {fewest}": fewest != 3, " --learnt": learnt, f" --replaces {replaces}": bool(replaces)}
    return "".join(text for text, differs in given.items() if differs)


if __name__ == "__main__":
    main()

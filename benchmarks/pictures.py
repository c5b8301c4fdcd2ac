"""The pictures of published measures in the documentation, from the stored distances and truths.

    python benchmarks/pictures.py [--out FOLDER]

The same data give the same files, byte by byte. ``cats-experts`` and ``cats-task2vec`` are drawn with self pairs, as
the paper draws them in its Fig. 4.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import dsim
from dsim.plots import draw_ranks, draw_regret, draw_transfer

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def draw(out: Path) -> list[Path]:
    """Draw all of them into a folder; their paths."""
    paths = []
    for name in ("cats-experts", "cats-task2vec"):
        paths.append(out / f"{name}.png")
        draw_transfer(dsim.evaluate(name, "cats-auc", self_pairs="include"), paths[-1])
    asap = dsim.evaluate("asap-published", "asap-dsc")
    note = "Distances and Dice: Table 4 of the ASAP paper, corrected as the card of asap-dsc says."
    paths += [out / f"asap-{what}.png" for what in ("regret", "ranks", "transfer")]
    draw_regret([asap], paths[-3], note)
    draw_ranks(asap, paths[-2], note)
    draw_transfer(asap, paths[-1], note)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder, default: docs/images")
    for path in draw(parser.parse_args().out):
        print(path)


if __name__ == "__main__":
    main()

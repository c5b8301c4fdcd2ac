"""``dsim asap``: the studies of the paper, on anyone's datasets."""

from __future__ import annotations

import click

from dsim.ui import LazyGroup

_HELP = {
    "ablate": "What style and triplets add: AE, AE-T, AE-S and ASAP on one pool.",
    "tune": "Search alpha, beta, w and the latent dimension by EQC alone.",
    "map": "The map of all datasets, with thumbnails: PNG, SVG and an interactive page.",
    "place": "Rank datasets for single images; find those that do not belong.",
    "coherence": "Unseen and foreign images in the map: who is placed with its own.",
    "extend": "Add a dataset to a trained model without training anew.",
    "robustness": "Wrong dataset membership of 5 to 50 % of the images.",
}


@click.group(cls=LazyGroup, lazy={name: (text, f"dsim_asap.cli.{name}:{name}") for name, text in _HELP.items()})
def asap() -> None:
    """Studies of ASAP: what it is made of, how it is tuned, what its map shows."""

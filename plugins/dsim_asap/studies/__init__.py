"""``dsim asap``: the studies of the paper, on anyone's datasets."""

from __future__ import annotations

import click

from dsim.ui import LazyGroup

_COMMANDS = {
    "ablate": ("What style and triplets add: AE, AE-T, AE-S and ASAP on one pool.", "studies.commands"),
    "tune": ("Search alpha, beta, w and the latent dimension by EQC alone.", "studies.commands"),
    "map": ("The map of all datasets, with thumbnails: PNG, SVG and an interactive page.", "studies.commands"),
    "place": ("Rank datasets for single images; find those that do not belong.", "studies.placement"),
    "coherence": ("Unseen and foreign images in the map: who is placed with its own.", "studies.commands"),
    "extend": ("Add a dataset to a trained model without training anew.", "extension"),
    "robustness": ("Wrong dataset membership of 5 to 50 % of the images.", "studies.commands"),
}


@click.group(
    cls=LazyGroup, lazy={name: (text, f"dsim_asap.{home}:{name}_command") for name, (text, home) in _COMMANDS.items()}
)
def asap() -> None:
    """Studies of ASAP: what it is made of, how it is tuned, what its map shows."""

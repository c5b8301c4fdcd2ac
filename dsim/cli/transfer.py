"""``dsim transfer``: measure transfer itself."""

from __future__ import annotations

import click

from dsim.ui import LazyGroup


@click.group(
    cls=LazyGroup,
    lazy={
        "segmentation": (
            "Train a U-Net on each source, score it on each target.",
            "dsim.cli.transfer_segmentation:segmentation",
        ),
        "classification": (
            "Pre-train on each source, fine-tune on each target.",
            "dsim.cli.transfer_classification:classification",
        ),
    },
)
def transfer() -> None:
    """Measure transfer: networks trained on each source and scored on each target."""

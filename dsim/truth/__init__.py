"""What transfer really gave: scores of every source on every target, measured, and what was published of measures."""

from dsim.truth.matrix import TransferMatrix, TruthDataset

__all__ = ["TransferMatrix", "TruthDataset"]

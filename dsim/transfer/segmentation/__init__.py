"""Measured transfer of segmentation: a network trained on each source, scored by Dice on each target."""

from dsim.transfer.records import WORK
from dsim.transfer.segmentation.measuring import measure_segmentation
from dsim.transfer.segmentation.recipe import Recipe

__all__ = ["WORK", "Recipe", "measure_segmentation"]

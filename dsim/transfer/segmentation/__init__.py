"""Measured transfer of segmentation: a network trained on each source, scored by Dice on each target."""

from dsim.models import SegmentationRecipe
from dsim.transfer.jobs import WORK
from dsim.transfer.segmentation.measurement import measure_segmentation

__all__ = ["WORK", "SegmentationRecipe", "measure_segmentation"]

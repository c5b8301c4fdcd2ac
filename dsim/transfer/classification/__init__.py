"""Measured transfer of classification: pre-training on each source, fine-tuning on the folds of each target."""

from dsim.transfer.classification.measurement import measure_classification
from dsim.transfer.classification.recipe import ClassificationRecipe

__all__ = ["ClassificationRecipe", "measure_classification"]

"""Pre-labels: a segmentation model's masks of a target, beside its images, in the formats of annotation tools."""

from __future__ import annotations

from dsim.prelabel.labels import Settings
from dsim.prelabel.run import Model, Segments, open_model, prelabel, refuse_within
from dsim.prelabel.summary import PreLabels

__all__ = ["Model", "PreLabels", "Segments", "Settings", "open_model", "prelabel", "refuse_within"]

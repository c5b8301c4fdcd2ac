"""Energy distance: distances between two datasets, less those within them."""

from __future__ import annotations

from dsim.stats.kernels import Kernel, negative_distance
from dsim_distributions.pairs import KernelMeasure, Points
from dsim_distributions.specs import ENERGY


class EnergyDistance(KernelMeasure):
    """2 E|x - y| - E|x - x'| - E|y - y'|; distance, 0 on average for one population where unbiased."""

    spec = ENERGY

    def kernel(self, pooled: Points) -> Kernel:
        return negative_distance

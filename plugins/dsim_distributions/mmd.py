"""Squared maximum mean discrepancy with a kernel of one's choice."""

from __future__ import annotations

from dsim.plugin import MeasureError
from dsim.stats.kernels import Kernel, linear, median_distance, polynomial, with_bandwidth
from dsim_distributions.pairs import KernelMeasure, Points
from dsim_distributions.specs import MMD


class MaximumMeanDiscrepancy(KernelMeasure):
    """Squared maximum mean discrepancy; distance, 0 on average for one population where unbiased."""

    spec = MMD
    kernel_name: str
    bandwidth: float

    @property
    def settled(self) -> bool:
        return self.kernel_name in ("polynomial", "linear") or self.bandwidth > 0

    def kernel(self, pooled: Points) -> Kernel:
        if self.kernel_name in ("polynomial", "linear"):
            return {"polynomial": polynomial, "linear": linear}[self.kernel_name]
        bandwidth = self.bandwidth or median_distance(pooled)
        if not bandwidth > 0:
            raise MeasureError(
                "more than half of all pairs of images have equal features, so their median distance is no bandwidth",
                hint="give bandwidth=NUMBER, or kernel=polynomial",
            )
        return with_bandwidth(self.kernel_name, bandwidth)

"""Compare datasets: plan, fit, summarise each once, compare all pairs."""

from __future__ import annotations

from dsim.comparison.engine import compare

__all__ = ["compare"]

"""Is this installation sound? Versions, device, cache, weights and plugins, each with what would help."""

from __future__ import annotations

from dsim.doctor.examining import examine
from dsim.doctor.findings import Finding, Status

__all__ = ["Finding", "Status", "examine"]

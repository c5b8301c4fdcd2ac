"""Is this installation sound? Versions, device, cache, weights and plugins, each with what would help."""

from __future__ import annotations

from dsim.doctor.examination import examine
from dsim.doctor.versions import Finding, Status

__all__ = ["Finding", "Status", "examine"]

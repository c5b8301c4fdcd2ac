"""Checks of the installation: versions, device, cache, weights and plugins, each with a fix."""

from __future__ import annotations

from dsim.doctor.examination import examine
from dsim.doctor.versions import Finding, Status

__all__ = ["Finding", "Status", "examine"]

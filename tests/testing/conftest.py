"""Factories are named by strings such as "broken_measures:Lopsided", so this folder must be importable."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

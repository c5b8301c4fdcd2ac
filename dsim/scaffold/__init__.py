"""A plugin of one's own: a whole distribution from templates, ready to install. ``dsim plugin new`` is this."""

from __future__ import annotations

from dsim.scaffold.kinds import KINDS
from dsim.scaffold.names import Names, check_name
from dsim.scaffold.writing import LICENCES, new_plugin

__all__ = ["KINDS", "LICENCES", "Names", "check_name", "new_plugin"]

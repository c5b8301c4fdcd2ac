"""A new plugin: a whole distribution from templates, ready to install. ``dsim plugin new`` is this."""

from __future__ import annotations

from dsim.scaffold.new import KINDS, LICENCES, Names, check_name, new_plugin

__all__ = ["KINDS", "LICENCES", "Names", "check_name", "new_plugin"]

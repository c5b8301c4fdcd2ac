"""How a plugin's last check went, kept in the cache so that ``dsim plugins --why`` can tell it.

It holds as long as the plugin's version and source files are unchanged.
"""

from __future__ import annotations

import contextlib
import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from dsim.errors import DsimError
from dsim.files import slug, write_text
from dsim.registry import GROUP, Plugin, catalogue, default
from dsim.runtime import default_cache
from dsim.testing.installed import PluginReport


def keep(report: PluginReport) -> None:
    """Keep a report of all that a plugin brings; a cache that cannot be written costs nothing but the memory."""
    plugin = default().plugins[report.plugin]
    if len(report.parts) < sum(map(len, plugin.declared.values())):
        return
    document = {"stamp": _stamp(plugin), **report.to_dict()}
    with contextlib.suppress(DsimError):
        write_text(_path(plugin), json.dumps(document))


def kept(plugin: Plugin) -> dict[str, Any] | None:
    """The document of the plugin's last check; None where it was not checked as it is now."""
    try:
        document: dict[str, Any] = json.loads(_path(plugin).read_text("utf-8"))
        return document if document["stamp"] == _stamp(plugin) is not None else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _stamp(plugin: Plugin) -> str | None:
    return catalogue.stamp(EntryPoint(plugin.name, plugin.target, GROUP), plugin.dist, plugin.version)


def _path(plugin: Plugin) -> Path:
    return default_cache() / "plugin-checks" / f"{slug(plugin.name)}.json"

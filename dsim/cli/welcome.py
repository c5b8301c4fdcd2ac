"""What ``dsim`` alone says, and the headings under which ``dsim --help`` lists the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WELCOME = """\
dsim measures how similar annotated source datasets are to your images.

Which source, or which model, for my images?
  dsim recommend mine/                        the source to take, and how sure that is
  dsim prelabel mine/ --best --out prelabels  pre-labels by the model that was trained on it
Is my measure any good?
  dsim plugin new mymeasure                   a measure of one's own, ready to install
  dsim leaderboard                            every measure, judged against measured transfer
Where do my datasets lie?
  dsim compare --sources annotated/* mine/    a map of them, and who is near to whom
  dsim compare                                the same with built-in datasets, to try it

All commands: dsim --help      Is the installation sound: dsim doctor"""

#: The commands of the core in the order in which they are used.
_SECTIONS = {
    "Choose a source, pre-label": ("data", "compare", "recommend", "prelabel", "report"),
    "Know the measures": ("measures", "explain", "extract"),
    "Judge measures": ("truth", "evaluate", "leaderboard", "transfer"),
    "Extend": ("train", "zoo", "plugin", "plugins"),
    "Look after the installation": ("doctor", "cache", "completion"),
}
_OTHERS, _OF_PLUGINS = "Others", "Of plugins"


def sections(table: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """The names of ``table`` under their headings: the core's in the order of use, then those of plugins."""
    from dsim.registry import default

    core = default().plugins.get("core")
    own = [spec.name for spec in core.declared["dsim_commands"]] if core else []
    found = {title: [name for name in names if name in own] for title, names in _SECTIONS.items()}
    placed = {name for names in found.values() for name in names}
    found[_OTHERS] = [name for name in table if name in own and name not in placed]
    found[_OF_PLUGINS] = [name for name in table if name not in own]
    return {title: names for title, names in found.items() if names}

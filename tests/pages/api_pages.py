"""The reference of the Python API: a page for each published part, which mkdocstrings fills from the docstrings.

A part whose face lists names (``__all__``) shows these; a folder of modules shows the public names of each module.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from dsim.plugin import PUBLISHED

#: What users import beside what plugins do.
FOR_USERS = ("dsim", "dsim.maps", "dsim.plugin")

_HEAD = """\
# Python API

Every public name, from its docstring. What plugins import is documented once more, signature by signature and with the
hooks, in [the plugin API](../../plugin-api.md); a plugin imports nothing else of dsim.

| part | |
|---|---|
"""


def pages() -> dict[str, bytes]:
    """One page per part and their table, by path below docs/."""
    modules = {
        name: importlib.import_module(name) for name in sorted({*FOR_USERS, *(f"dsim.{part}" for part in PUBLISHED)})
    }
    made = {f"reference/api/{name}.md": _page(module).encode() for name, module in modules.items()}
    rows = "".join(f"| [`{name}`]({name}.md) | {_summary(module)} |\n" for name, module in modules.items())
    return {**made, "reference/api/index.md": (_HEAD + rows).encode()}


def public_names(module: ModuleType) -> list[str]:
    """Dotted names that a part's page documents: those of its face, or its modules where it has no face."""
    listed = getattr(module, "__all__", None)
    if listed:
        return [f"{module.__name__}.{name}" for name in sorted(listed, key=str.lower)]
    if not hasattr(module, "__path__"):
        return [module.__name__]
    found = pkgutil.walk_packages(module.__path__, f"{module.__name__}.")
    return [each.name for each in found if not each.name.rpartition(".")[2].startswith("_")]


def _page(module: ModuleType) -> str:
    directives = "\n\n".join(f"::: {name}" for name in public_names(module))
    return f"# {module.__name__}\n\n{_summary(module)}\n\n{directives}\n"


def _summary(module: ModuleType) -> str:
    text = (module.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
    return text.replace("|", r"\|").strip()

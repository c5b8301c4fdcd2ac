"""What came with dsim, and what was added to it: shipped files, plugins."""

from __future__ import annotations

from collections.abc import Iterator

from dsim.doctor.findings import Finding, Status
from dsim.files.shipped import shipped
from dsim.registry import OWN, default

#: What would be missed, by the name of the folder.
_SHIPPED = {"zoo": "models", "truth": "truths", "distances": "published distances", "schema": "schemas of documents"}


def shipped_files() -> Iterator[Finding]:
    """The folders that are shipped beside the code."""
    empty = [name for name in _SHIPPED if not _holds_something(name)]
    for name in empty:
        told = f"the shipped {_SHIPPED[name]} are not at {shipped(name)}"
        yield Finding("files", Status.BROKEN, told, "the installation is damaged: install dsim again")
    if not empty:
        yield Finding("files", Status.OK, f"{', '.join(_SHIPPED.values())} are at hand")


def _holds_something(name: str) -> bool:
    folder = shipped(name)
    return folder.is_dir() and any(folder.iterdir())


def plugins() -> Iterator[Finding]:
    """Plugins in use; of each that is not, where it broke, why, and what would help."""
    registry = default()
    strange = [f"{one.name} ({one.dist} {one.version})" for one in registry.plugins.values() if one.dist != OWN]
    built_in = len(registry.plugins) - len(strange)
    told = f"{built_in} built in; {', '.join(strange) or 'no others'}; {len(registry.measures)} measures"
    yield Finding("plugins", Status.OK, told)
    for failure in registry.failures:
        told = f"{failure.name} ({failure.dist} {failure.version}) is not in use: {failure.phase}: {failure.error}"
        yield Finding("plugins", Status.BROKEN, told, failure.hint or "tell its authors, or remove it")

"""One page for each kind of feature extractor, made of its declaration and what its module says."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from dsim.registry import ExtractorSpec, default

_HEAD = """\
# Extractors

What turns images into features. `dsim extract PATH --extractor KIND:NAME[OPTION=VALUE,...]` computes them; measures of
features take the same reference as the parameter `extractor`. [Features](../../features.md) tells what the options
mean, where weights come from, and what is kept.

| kind | |
|---|---|
"""


def pages() -> dict[str, bytes]:
    """All of them, and their table, by path below docs/."""
    specs = default().extractors
    found = {f"reference/extractors/{kind}.md": _page(spec).encode() for kind, spec in specs.items()}
    rows = "".join(f"| [`{kind}`]({kind}.md) | {_code(spec.title)} |\n" for kind, spec in specs.items())
    return {**found, "reference/extractors/index.md": (_HEAD + rows).encode()}


def _page(spec: ExtractorSpec) -> str:
    module, _, attribute = spec.factory.partition(":")
    source = importlib.import_module(module)
    options = ", ".join(f"`{option}`" for option in _options(source, attribute))
    return "\n".join(
        [
            f"# {spec.kind}:\n",
            f"{_code(spec.title[0].upper() + spec.title[1:])}.\n",
            f"{_ticks(inspect.getdoc(source))}\n",
            "| | |\n|---|---|",
            f"| reference | {_ticks(inspect.getdoc(getattr(source, attribute))).splitlines()[0]} |",
            f"| options | {options or 'see its title'} |",
            f"| code | `{spec.factory}` |\n",
            "[Features](../../features.md) tells what the options mean, and where weights come from.\n",
        ]
    )


def _options(source: Any, factory: str) -> tuple[str, ...]:
    """The options that the kind knows, where its module names them: FILE_OPTIONS for ``prepare_file``."""
    name = f"{factory.removeprefix('prepare').strip('_').upper()}_OPTIONS".strip("_")
    return tuple(getattr(source, name, None) or getattr(source, "_DEFAULTS", ()))


def _code(text: str) -> str:
    """The example after "as" as code."""
    before, word, example = text.partition(", as ")
    return before + (
        f"{word}`{example.replace(', or ', '`, or `')}`" if word and "(" not in example else f"{word}{example}"
    )


def _ticks(text: str | None) -> str:
    return (text or "").replace("``", "`")

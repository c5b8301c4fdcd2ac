"""The page docs/plugin-api.md, made of the signatures and docstrings of ``dsim.plugin`` and the hooks.

python tests/api/plugin_page.py > docs/plugin-api.md
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any

from dsim import plugin
from dsim.registry import hooks as hookspecs

PARTS = "\n".join(f"| `dsim.{name}` | {use} |" for name, use in plugin.PUBLISHED.items())
_HEAD = f"""# The plugin API

A plugin declares what it brings by `dsim.plugin`, version **{plugin.API_VERSION}** (`dsim.plugin.API_VERSION`), and
imports nothing else of dsim than this module and the parts below.

- A plugin's module says which version it was written for: `DSIM_API_VERSION = {plugin.API_VERSION}`. One that is
  written for another version is left out, and `dsim plugins --why NAME` says what to upgrade. One that says nothing is
  tried as it is.
- The version is raised when a hook or a name below changes so that a plugin could break. Names that are only added do
  not raise it.
- A name is deprecated, with a warning, for at least one minor version of dsim before it goes.
  [public-names.txt](public-names.txt) lists all names.

| part | what for |
|---|---|
{PARTS}

## What changed

- **Version 2**: trainings have a hook of their own, `dsim_trainers()`. `MeasureSpec.trainer` is gone: declare a
  `TrainerSpec`, whose factory is a `Trainer`; `dsim train NAME` runs it. Nothing else changed: a plugin that trains
  nothing only says `DSIM_API_VERSION = 2`.

[Writing a plugin](writing-a-plugin.md) shows how they are used. This page is made by
`python tests/api/plugin_page.py > docs/plugin-api.md`, and a test holds it to the code.
"""


#: Plugins are given these, or make them by functions: how they are constructed is none of their business.
_HANDED_OUT = {"Dataset", "DatasetView"}
#: Characters of a signature in one line.
_LONGEST = 100


def page() -> str:
    """The whole page."""
    parts = [_HEAD, "## Hooks\n"]
    hooks = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("dsim_")}
    for name, hook in hooks.items():
        parts.append(_entry(f"{name}{_signature(hook)}", hook))
    parts.append("## Names\n")
    for name in sorted(plugin.__all__, key=lambda name: (name.lower(), name)):
        parts += [f"### {name}\n", *_name(name, getattr(plugin, name))]
    return "\n".join(parts)


def _name(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, type):
        yield from _class(name, value)
    elif inspect.isfunction(value):
        yield _entry(f"{name}{_signature(value)}", value)
    elif callable(value):
        yield "```text\n@hookimpl\n```\n\nMarks a function of a plugin's module as a hook.\n"
    else:
        yield f"```text\n{name} = {value!r}\n```\n"


def _class(name: str, cls: type) -> Iterator[str]:
    if issubclass(cls, enum.Enum):
        members = "\n".join(f"{name}.{member.name} = {member.value!r}" for member in cls)
        yield f"```text\n{members}\n```\n\n{_told(cls)}\n"
        return
    called = name if name in _HANDED_OUT or getattr(cls, "_is_protocol", False) else f"{name}{_signature(cls)}"
    yield _entry(called, cls)
    for method, function in vars(cls).items():
        if method.startswith("_") and method != "__call__":
            continue
        if not inspect.getdoc(function) or (not function.__doc__ and method in dir(cls.__mro__[1])):
            continue
        if isinstance(function, property):
            yield _entry(f"{name}.{method}: {_returned(function)}", function)
        elif isinstance(function, classmethod):
            yield _entry(f"{name}.{method}{_signature(function.__func__)}", function.__func__)
        elif inspect.isfunction(function):
            yield _entry(f"{name}.{method}{_signature(function)}", function)


class _Bare(str):
    """An annotation that is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _returned(found: property) -> str:
    return str(inspect.signature(found.fget).return_annotation) if found.fget else ""


def _signature(called: Any) -> str:
    """Literal, in one line or one parameter a line; a default that a factory makes is shown as ``{}``."""
    found = inspect.signature(called)
    bare = [one.replace(annotation=_bare(one.annotation)) for one in found.parameters.values()]
    text = str(found.replace(parameters=bare, return_annotation=_bare(found.return_annotation)))
    text = text.replace("<factory>", "{}")
    if len(text) <= _LONGEST:
        return text
    given = [re.sub(r"^\(|\)$", "", str(inspect.Signature([one]))) for one in bare]
    stars = [place for place, one in enumerate(bare) if one.kind is one.KEYWORD_ONLY][:1]
    given = [one.removeprefix("*, ") for one in given]
    for place in stars:
        given.insert(place, "*")
    lines = "".join(f"    {one},\n" for one in given).replace("<factory>", "{}")
    return f"(\n{lines}) -> {_bare(found.return_annotation)}"


def _bare(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _entry(signature: str, owner: Any) -> str:
    told = _told(owner)
    return f"```text\n{signature}\n```\n" + (f"\n{told}\n" if told else "")


def _told(owner: Any) -> str:
    """The docstring's first paragraph; a dataclass that has none but the generated one says nothing."""
    text = inspect.cleandoc(owner.__doc__ or "")
    if dataclasses.is_dataclass(owner) and text.startswith(f"{getattr(owner, '__name__', '')}("):
        return ""
    return text.split("\n\n")[0].replace("``", "`").replace("<", r"\<").replace("*", r"\*")


if __name__ == "__main__":
    print(page(), end="")

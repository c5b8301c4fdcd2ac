"""The names of a new plugin, all made of one, and whether they are free."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from dsim import plugin
from dsim.errors import UsageError
from dsim.registry import Plugin, PluginFailure, default, name_of

#: As the conformance kit asks of a measure; so the distribution, module and class that are made of it are valid too.
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40


@dataclass(frozen=True)
class Names:
    """What a plugin is called where.

    >>> names = Names("mean-shift")
    >>> names.dist, names.package, names.cls
    ('dsim-mean-shift', 'dsim_mean_shift', 'MeanShift')
    """

    name: str

    @property
    def dist(self) -> str:
        """Of the distribution, for pip."""
        return f"dsim-{self.name}"

    @property
    def package(self) -> str:
        """Of the importable package."""
        return self.dist.replace("-", "_")

    @property
    def cls(self) -> str:
        """Of the class."""
        return "".join(word.capitalize() for word in self.name.split("-"))


def check_name(name: str) -> Names:
    """The names made of ``name``; UsageError where it is malformed, or where something installed has one of them."""
    names = Names(name)
    _check_form(names)
    for taken, owner in _taken(names):
        raise UsageError(f"{taken} is taken by {owner}", hint="choose another name; dsim plugins lists what is in use")
    return names


def _check_form(names: Names) -> None:
    name = names.name
    if not _NAME.fullmatch(name):
        found = re.findall(r"[a-z0-9]+", name.lower())
        proposed = "-".join(found).lstrip("0123456789-")
        hint = "write lower-case words of letters and digits, joined by hyphens"
        raise UsageError(f"{name!r} cannot name a plugin", hint=f"{hint}: {proposed}" if proposed else hint)
    if name.startswith("dsim-"):
        raise UsageError(f"{name!r} would become dsim-{name}", hint=f"leave dsim- away: {name.removeprefix('dsim-')}")
    if len(name) > _LONGEST:
        raise UsageError(f"{name!r} is longer than {_LONGEST} characters", hint="users type it: choose a short one")
    if keyword.iskeyword(names.cls) or names.cls in plugin.__all__:
        owner = "Python" if keyword.iskeyword(names.cls) else "dsim.plugin"
        raise UsageError(
            f"{name!r} would make a class {names.cls}, which is a name of {owner}", hint=f"for example {name}-measure"
        )


def _taken(names: Names) -> Iterator[tuple[str, str]]:
    """Names that are not free, each with who has it."""
    registry = default()
    known: list[Plugin | PluginFailure] = [*registry.plugins.values(), *registry.failures]
    for item in known:
        if item.name == names.name:
            yield f"the plugin name {names.name!r}", f"{item.dist} {item.version}"
    for loaded in registry.plugins.values():
        for hook, declared in loaded.declared.items():
            if names.name in map(name_of, declared):
                yield f"the name {names.name!r} in {hook}()", f"{loaded.dist} {loaded.version}"
    try:
        found = distribution(names.dist)
        yield f"the distribution name {names.dist!r}", f"{found.name} {found.version}, which is installed"
    except PackageNotFoundError:
        pass
    if importlib.util.find_spec(names.package) is not None:
        yield f"the module name {names.package!r}", "a module that is installed"

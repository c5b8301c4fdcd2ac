"""Findings, and the checks of installed libraries: present, new enough, and fitting together."""

from __future__ import annotations

import importlib
import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version

from dsim.runtime import VERSION


class Status(StrEnum):
    """``dsim doctor`` has exit code 1 if something is broken; notes do not change it."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One line of ``dsim doctor``: topic, status, text, and a fix (empty if nothing is wrong).

    >>> Finding("cache", Status.OK, "empty").to_dict()
    {'topic': 'cache', 'status': 'ok', 'text': 'empty', 'help': ''}
    """

    topic: str
    status: Status
    text: str
    help: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the finding as JSON values."""
        return {key: str(value) for key, value in asdict(self).items()}


#: ``numpy>=1.26``, ``mkdocs<2,>=1.6; extra == 'docs'``: name, bounds, marker.
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*\(?(?P<bounds>[^;)]*)\)?\s*(?:;\s*(?P<marker>.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_USES = {
    "docs": "builds the documentation",
    "dev": "runs the tests",
    "bench": "times other libraries beside dsim",
    "tsne": "lays out maps by t-SNE",
}
_TOPIC = "versions"


def libraries() -> Iterator[Finding]:
    """Yield the versions of dsim and Python, required libraries, and whether torch and torchvision fit and load.

    Raises PackageNotFoundError where dsim itself is not installed.
    """
    yield Finding(_TOPIC, Status.OK, f"dsim {VERSION}, Python {platform.python_version()}")
    wanted = [(name, least) for name, least, extra in requirements() if not extra]
    faults = [fault for name, least in wanted if (fault := _fault(name, least))]
    yield from faults
    if not faults:
        shown = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "numpy"))
        yield Finding(_TOPIC, Status.OK, f"{len(wanted)} libraries, all new enough; {shown}")
    yield from _pair()


def optional() -> Iterator[Finding]:
    """Yield the extras of dsim: complete, or the missing libraries.

    Raises PackageNotFoundError where dsim itself is not installed.
    """
    by_extra: dict[str, list[str]] = {}
    for name, least, extra in requirements():
        if extra:
            by_extra.setdefault(extra, []).extend([name] if _fault(name, least) else [])
    for extra, lacking in sorted(by_extra.items()):
        what = f"dsim[{extra}], which {_USES.get(extra, 'is optional')}"
        if lacking:
            text = f"{what}, lacks {', '.join(lacking)}"
            yield Finding("optional", Status.NOTE, text, f"to install them: pip install 'dsim[{extra}]'")
        else:
            yield Finding("optional", Status.OK, f"{what}, is complete")


def requirements() -> list[tuple[str, str, str]]:
    """Return name, least version and extra ("" for none) of each library that the installed dsim requires.

    Raises PackageNotFoundError where dsim is not installed.
    """
    found = []
    for line in requires("dsim") or ():
        match = _REQUIREMENT.match(line)
        if match is None:
            continue
        least = re.search(r">=\s*([\w.]+)", match["bounds"])
        extra = _EXTRA.search(match["marker"] or "")
        found.append((match["name"], least[1] if least else "", extra[1] if extra else ""))
    return found


def _fault(name: str, least: str) -> Finding | None:
    wanted = f"'{name}>={least}'" if least else name
    try:
        here = version(name)
    except PackageNotFoundError:
        return Finding(_TOPIC, Status.BROKEN, f"{name} is not installed", f"pip install {wanted}")
    if _numbers(here) < _numbers(least):
        text = f"{name} is {here}, and dsim needs {least} or newer"
        return Finding(_TOPIC, Status.BROKEN, text, f"pip install --upgrade {wanted}")
    return None


def _numbers(text: str) -> tuple[int, ...]:
    """The release of a version; what follows it (``rc1``, ``+cu124``) does not count.

    >>> _numbers("2.15.0+cu124"), _numbers("1.26rc1")
    ((2, 15, 0), (1, 26))
    """
    release = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in release[0].split(".")) if release else ()


def _pair() -> Iterator[Finding]:
    """torchvision is compiled for one version of torch; with another one its operators are missing, or crash."""
    try:
        torch, made_for = version("torch"), _torch_of(requires("torchvision") or ())
    except PackageNotFoundError:
        return
    if made_for and made_for != _numbers(torch):
        wanted = ".".join(map(str, made_for))
        text = f"torchvision {version('torchvision')} is made for torch {wanted}, and torch is {torch}"
        yield Finding(_TOPIC, Status.BROKEN, text, "install both at once: pip install --upgrade torch torchvision")
        return
    for name in ("torch", "torchvision"):
        try:
            importlib.import_module(name)
        except Exception as error:
            text = f"{name} cannot be imported: {type(error).__name__}: {error}"
            yield Finding(
                _TOPIC, Status.BROKEN, text, "install both anew: pip install --force-reinstall torch torchvision"
            )
            return


def _torch_of(lines: list[str] | tuple[str, ...]) -> tuple[int, ...]:
    """The torch that a distribution pins; empty where it pins none.

    >>> _torch_of(["numpy", "torch (==2.15.0)"])
    (2, 15, 0)
    """
    pinned = (re.match(r"torch\s*\(?==\s*([\w.+]+)", line) for line in lines)
    return next((_numbers(found[1]) for found in pinned if found), ())

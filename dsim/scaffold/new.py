"""Write a new plugin from templates: its kinds, the names made of one, and a folder laid down whole or not at all."""

from __future__ import annotations

import datetime
import importlib.util
import json
import keyword
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from dsim import plugin
from dsim.errors import DsimError, UnknownNameError, UsageError
from dsim.registry import Plugin, PluginFailure, default, name_of


@dataclass(frozen=True)
class Kind:
    """One kind of plugin.

    Parameters
    ----------
    title : what the example does, for README and metadata.
    module : the module that does the work; ``templates/<kind>`` holds it.
    requires : distributions that its code imports.
    example : a command that uses it; ``{name}`` stands for the plugin's name.
    """

    title: str
    module: str
    requires: tuple[str, ...]
    example: str


KINDS: Mapping[str, Kind] = {
    "measure": Kind("A measure of dataset similarity", "measure", ("dsim", "numpy"), "dsim compare --measure {name}"),
    "extractor": Kind(
        "A feature extractor",
        "extractor",
        ("dsim", "numpy"),
        'dsim compare --measure frechet --extractor "{name}:[bins=16]"',
    ),
    "trainer": Kind(
        "A trainer of a feature extractor",
        "trainer",
        ("dsim", "safetensors", "torch"),
        "dsim train {name} phantoms:xray phantoms:fundus --out run",
    ),
    "reader": Kind("A reader of datasets", "reader", ("dsim", "numpy"), "dsim data inspect images.npy"),
    "command": Kind("A command", "command", ("click", "dsim"), "dsim {name} phantoms:fundus"),
}


#: As the conformance kit asks of a measure; so the distribution, module and class that are made of it are valid too.
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40


@dataclass(frozen=True)
class Names:
    """The names of a plugin in each place.

    >>> names = Names("mean-shift")
    >>> names.dist, names.package, names.cls
    ('dsim-mean-shift', 'dsim_mean_shift', 'MeanShift')
    """

    name: str

    @property
    def dist(self) -> str:
        """The name of the distribution, for pip."""
        return f"dsim-{self.name}"

    @property
    def package(self) -> str:
        """The name of the importable package."""
        return self.dist.replace("-", "_")

    @property
    def cls(self) -> str:
        """The name of the class."""
        return "".join(word.capitalize() for word in self.name.split("-"))


def check_name(name: str) -> Names:
    """Return the names made of ``name``; raises UsageError where it is malformed, or one of them is taken."""
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


_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX, _PACKAGE = ".tmpl", "PACKAGE"
#: Only names without spaces: ``${{ matrix.python }}`` of a workflow stays as it is.
_FIELD = re.compile(r"\{\{(\w+)\}\}")

#: Licences by SPDX identifier.
LICENCES: tuple[str, ...] = ("MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-or-later")


def new_plugin(name: str, out: Path = Path(), *, kind: str = "measure", licence: str = "MIT", author: str = "") -> Path:
    """Write the distribution ``dsim-NAME`` into the folder ``out``, and return its folder.

    Parameters
    ----------
    name : lower-case words joined by hyphens; of the plugin and of what it brings.
    out : where the new folder is made; it is made too where it is missing.
    kind : one of ``KINDS``. ``licence`` is one of ``LICENCES``.
    author : in metadata and licence; default: "the authors of dsim-NAME".

    Raises UsageError for a name that is malformed or taken, an unknown kind or licence, and where the folder exists:
    nothing is overwritten. An interrupted call leaves no folder of that name.
    """
    names = check_name(name)
    for what, value, known in (("kind", kind, tuple(KINDS)), ("licence", licence, LICENCES)):
        if value not in known:
            raise UnknownNameError(what, value, known, hint=f"choose one of: {', '.join(known)}")
    folder = out / names.dist
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} exists, and nothing is overwritten", hint="choose another --out, or remove it")
    _lay_down(folder, _files(names, kind, _fields(names, kind, licence, author)))
    return folder


def _fields(names: Names, kind: str, licence: str, author: str) -> Mapping[str, str]:
    """The text of each field of the templates."""
    about = KINDS[kind]
    author = author.strip() or f"the authors of {names.dist}"
    if not author.isprintable():
        raise UsageError(f"author {author!r} holds what cannot be printed", hint="give a name in one line")
    return {
        "name": names.name,
        "dist": names.dist,
        "package": names.package,
        "cls": names.cls,
        "title": about.title,
        "module": about.module,
        "example": about.example.format(name=names.name),
        "dependencies": ", ".join(f'"{required}"' for required in about.requires),
        "licence": licence,
        "author": author,
        "author_toml": json.dumps(author, ensure_ascii=False),
        "year": str(datetime.date.today().year),
    }


def _files(names: Names, kind: str, fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Path within the distribution, and text, of every file."""
    yield "LICENSE", _filled(_TEMPLATES / "licences" / f"{fields['licence']}.txt", fields)
    for root, inside in ((_TEMPLATES / "common", ""), (_TEMPLATES / kind, "src/")):
        for template in sorted(root.rglob(f"*{_SUFFIX}")):
            path = template.relative_to(root).as_posix().removesuffix(_SUFFIX)
            yield inside + path.replace(_PACKAGE, names.package), _filled(template, fields)


def _filled(template: Path, fields: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda found: fields[found.group(1)], template.read_text("utf-8"))


def _lay_down(folder: Path, files: Iterator[tuple[str, str]]) -> None:
    """Under a hidden name first: a folder that has the name is whole."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    except OSError as error:
        hint = "choose an --out that can be written"
        raise DsimError(f"cannot write to {folder.parent}: {error.strerror}", hint=hint) from error
    try:
        for name, text in files:
            path = workshop / folder.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        (workshop / folder.name).rename(folder)
    except OSError as error:
        hint = "free disk space, or choose another --out"
        raise DsimError(f"cannot write {folder}: {error.strerror}", hint=hint) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)

"""Fill the templates, and lay the folder down whole or not at all."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from dsim.errors import DsimError, UnknownNameError, UsageError
from dsim.scaffold.kinds import KINDS
from dsim.scaffold.names import Names, check_name

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
    """What stands for each field of the templates."""
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

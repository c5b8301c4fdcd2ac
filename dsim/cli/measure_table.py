"""The page of all measures: a Markdown table, made of what they declare."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from dsim.registry import MeasureSpec, Registry

_HEAD = """\
# Measures

Made by `dsim measures --markdown`. `dsim explain NAME` tells all of one measure: formula, parameters, presets.

- **needs**: what is read of a dataset. Features are computed from the images where they are not given. Some parameters
  need less; the page of the measure says so.
- **symmetric**: source and target can be interchanged. **itself**: no other dataset is nearer to a dataset than itself.
- **uncertainty**: *intervals* by bootstrap; *floor*, the value between two halves of a dataset; *test*, a p-value by
  permutation, unless the measure was fitted on the sources. See [results](results.md).
- **cost** is in images n, m and numbers per image d, of a summary or a pair of datasets.
"""
_COLUMNS = ("measure", "needs", "direction", "range", "symmetric", "itself", "uncertainty", "cost", "references")
_NUMBER = re.compile(r"\bdoi:(?P<doi>10\.\d{4,}/[^\s,;]+)|\barXiv[: ](?P<arxiv>\d{4}\.\d{4,5})")


def page(registry: Registry, specs: Sequence[MeasureSpec]) -> str:
    """The page of these measures; those that come with dsim have a page of their own, which is linked."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(tuple(_cells(registry, spec)) for spec in specs)]
    return "\n".join([_HEAD, *(f"| {' | '.join(row)} |" for row in rows)])


def _cells(registry: Registry, spec: MeasureSpec) -> Iterator[str]:
    name = f"{spec.name}@{spec.version}"
    linked = f"[{name}](measures/{spec.name}.md)" if registry.origin(spec.name).dist == "dsim" else name
    yield f"{linked}<br>{_plain(spec.title)}"
    yield ", ".join(sorted(spec.needs))
    yield str(spec.direction)
    yield " to ".join(_bound(bound) for bound in spec.bounds) + (f" {spec.unit}" if spec.unit else "")
    yield "yes" if spec.symmetric else "no"
    yield "nearest" if spec.self_is_optimal else "not always"
    yield ", ".join(uncertainty(spec)) or "none"
    yield _plain(spec.cost)
    yield "<br>".join(_linked(reference) for reference in spec.references)


def uncertainty(spec: MeasureSpec) -> list[str]:
    """What can be said of how sure a value is."""
    return [*(["intervals"] if spec.resamples else []), *(["floor", "test"] if spec.two_sample else [])]


def _bound(bound: float) -> str:
    return f"{bound:g}" if math.isfinite(bound) else "∞" if bound > 0 else "-∞"


def _linked(reference: str) -> str:
    """The reference with its DOI or arXiv number as a link.

    >>> _linked("Pearson 1895, doi:10.1098/rspl.1895.0041")
    'Pearson 1895, [doi:10.1098/rspl.1895.0041](https://doi.org/10.1098/rspl.1895.0041)'
    """
    parts, end = [], 0
    for found in _NUMBER.finditer(reference):
        doi, arxiv = found["doi"], found["arxiv"]
        address = f"https://doi.org/{quote(doi, safe='/:;.-_')}" if doi else f"https://arxiv.org/abs/{arxiv}"
        parts += [_plain(reference[end : found.start()]), f"[{_plain(found[0])}]({address})"]
        end = found.end()
    return "".join([*parts, _plain(reference[end:])])


def _plain(text: str) -> str:
    """Text that stays within its cell, and is taken neither for emphasis nor for HTML.

    >>> _plain("k <= n_classes")
    'k &lt;= n\\\\_classes'
    """
    # Not every reader of Markdown takes a backslash before < for an escape.
    return re.sub(r"([|*_\[\]])", r"\\\1", re.sub(r"\s+", " ", text)).replace("<", "&lt;")

"""Names that are too long for their place: shortened in the middle, and never two to the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

#: What stands for the part that is left out.
ELLIPSIS = "…"


def cell_len(text: str) -> int:
    """Return how many cells of a terminal a text takes: letters of some scripts take two.

    >>> cell_len("abc"), cell_len("核")
    (3, 2)
    """
    from rich import cells

    return cells.cell_len(text)


def shorten(name: str, width: int) -> str:
    """Return the name in at most ``width`` cells of a terminal, both of its ends kept.

    >>> shorten("dsb2018_stage1_fluo", 12)
    'dsb201…_fluo'
    """
    return name if cell_len(name) <= width else _joined(name, width // 2, width)


def shorten_distinctly(names: Iterable[str], width: int) -> dict[str, str]:
    """Return each name in at most ``width`` cells of a terminal; different names stay different.

    Both ends are kept. Where they are equal, the share of the ends is moved, then the part in which the names differ
    is shown, and at last they are numbered.

    >>> shorten_distinctly(["nuclei_fluorescence_day1", "nuclei_fluorescence_day2", "em"], 12)
    {'em': 'em', 'nuclei_fluorescence_day1': 'nuclei…_day1', 'nuclei_fluorescence_day2': 'nuclei…_day2'}
    >>> list(shorten_distinctly(["a_long_name_1_of_a_series", "a_long_name_2_of_a_series"], 12).values())
    ['a_l…1_of…ies', 'a_l…2_of…ies']
    """
    given = list(dict.fromkeys(names))
    result = {name: name for name in given if cell_len(name) <= width}
    too_long = [name for name in given if name not in result]
    for head in sorted(range(1, max(2, width - 1)), key=lambda cells: abs(cells - width // 2)):
        short = {name: _joined(name, head, width) for name in too_long}
        if _distinct([*result.values(), *short.values()]):
            return result | short
    return result | _by_difference(too_long, width, set(result.values()))


def _distinct(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


def _joined(name: str, head: int, width: int) -> str:
    """The first ``head`` cells and as many of the last as the width leaves."""
    first = _first(name, head)
    return f"{first}{ELLIPSIS}{_last(name, width - cell_len(first) - 1)}"


def _first(name: str, cells: int) -> str:
    while cell_len(name) > max(cells, 0):
        name = name[:-1]
    return name


def _last(name: str, cells: int) -> str:
    while cell_len(name) > max(cells, 0):
        name = name[1:]
    return name


def _by_difference(names: Sequence[str], width: int, taken: set[str]) -> dict[str, str]:
    """Names that are equal after any cut in the middle, by the part that differs; by numbers where that fails too."""
    shared = next((place for place, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), 0)
    middle = max(3, width // 3)
    ends = max(1, (width - middle - 2) // 2)
    short = {}
    for name in names:
        part = _first(name[shared:], middle)
        short[name] = _first(name, ends) + ELLIPSIS + part + ELLIPSIS
        short[name] += _last(name, width - cell_len(short[name]))
    counted = Counter([*short.values(), *taken])
    numbers = {name: number for number, name in enumerate(names, 1) if counted[short[name]] > 1}
    return {**short, **{name: _first(name, width - 1 - len(str(n))) + f"{ELLIPSIS}{n}" for name, n in numbers.items()}}

"""Which settings a tuning tries: at random, every combination, or one parameter at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dsim.plugin import UsageError
from dsim_asap.specs import SPEC

#: What can be searched over, and the values of a grid unless others are given (Fig. 4 and Table 2 of the paper).
LEVELS: dict[str, tuple[Any, ...]] = {
    "alpha": tuple(step / 10 for step in range(11)),
    "beta": tuple(step / 10 for step in range(11)),
    "w": (),
    "n_emb": (1, 2, 3, 4, 5),
}
SEARCHES = ("random", "grid", "lines")
#: Steps of the weights w in a grid: quarters, 35 ways to share them among four maps.
_QUARTERS = 4

Setting = dict[str, Any]
Over = dict[str, tuple[Any, ...]]


def parse_over(text: str) -> Over:
    """The parameters to search over, each with its values in a grid where they are given: ``alpha=0/0.5/1,beta``.

    Raises UsageError for one that cannot be searched over, or a value that it cannot have.

    >>> parse_over("n_emb=2/3,w")
    {'n_emb': (2, 3), 'w': ()}
    """
    from dsim.errors import UnknownNameError

    over: Over = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, values = part.partition("=")
        if name not in LEVELS:
            raise UnknownNameError("parameter to search over", name, LEVELS, hint=f"choose from {', '.join(LEVELS)}")
        if name == "w" and values:
            raise UsageError("w is searched over all its shares", hint="write --over w, and --set w=... for fixed ones")
        parsed = tuple(SPEC.parameter(name).parse(value) for value in values.split("/")) if values else LEVELS[name]
        over[name] = parsed
    if not over:
        raise UsageError("nothing to search over", hint=f"give --over {','.join(LEVELS)}")
    return over


def settings_of(search: str, over: Over, base: Mapping[str, Any], trials: int | None, seed: int) -> list[Setting]:
    """The settings to try, the given ones first; each is of the parameters searched over.

    Parameters
    ----------
    search : ``random`` draws alpha and beta evenly from [0, 1], w evenly from all shares (Dirichlet), n_emb from 1 to
        5; ``grid`` is every combination; ``lines`` changes one parameter at a time.
    base : all parameters as they are given. ``trials`` : how many at random, 20 by default; else the most there may be.

    Raises UsageError for a grid of more than ``trials``.

    >>> base = {"alpha": 0.5, "w": (0.5, 0.5)}
    >>> [setting["alpha"] for setting in settings_of("lines", {"alpha": (0.0, 0.5, 1.0)}, base, None, 0)]
    [0.5, 0.0, 1.0]
    """
    given = {name: base[name] for name in over}
    if search == "random":
        found: Iterator[Setting] = (_drawn(over, base, seed, number) for number in range(1, trials or 20))
    else:
        found = _grid(over, base) if search == "grid" else _lines(over, given, base)
    settings = _distinct([given, *found])
    if search != "random" and trials is not None and len(settings) > trials:
        raise UsageError(
            f"--search {search} over {', '.join(over)} is {len(settings)} trainings, more than --trials {trials}",
            hint="search over fewer, give fewer values (--over alpha=0.3/0.5/0.7), or --search random",
        )
    return settings


def _drawn(over: Over, base: Mapping[str, Any], seed: int, number: int) -> Setting:
    """The draw of one trial; it does not depend on how many there are, so that a search can be made longer."""
    from dsim.random import stream

    rng = stream(seed, "asap tune", str(number))
    # All are drawn, whatever is asked for: what is searched over besides does not change the draws of the others.
    drawn: Setting = {
        "alpha": round(float(rng.uniform()), 2),
        "beta": round(float(rng.uniform()), 2),
        "n_emb": int(rng.integers(1, 6)),
        "w": _rounded(rng.dirichlet(np.ones(len(base.get("w", (1,)))))),
    }
    return {name: drawn[name] for name in over}


def _rounded(shares: np.ndarray[Any, Any]) -> tuple[float, ...]:
    """Shares in hundredths that still add up to 1: what is left goes to those that rounding down cost most."""
    hundredths = np.floor(100 * shares).astype(int)
    for place in np.argsort(hundredths - 100 * shares)[: 100 - hundredths.sum()]:
        hundredths[place] += 1
    return tuple(float(part) / 100 for part in hundredths)


def _values(name: str, over: Over, base: Mapping[str, Any]) -> Sequence[Any]:
    return over[name] if name != "w" else list(_shares(len(base["w"])))


def _shares(maps: int) -> Iterator[tuple[float, ...]]:
    """All ways to share quarters among the maps."""
    for cuts in itertools.combinations(range(_QUARTERS + maps - 1), maps - 1):
        edges = (-1, *cuts, _QUARTERS + maps - 1)
        yield tuple((b - a - 1) / _QUARTERS for a, b in itertools.pairwise(edges))


def _grid(over: Over, base: Mapping[str, Any]) -> Iterator[Setting]:
    for values in itertools.product(*(_values(name, over, base) for name in over)):
        yield dict(zip(over, values, strict=True))


def _lines(over: Over, given: Setting, base: Mapping[str, Any]) -> Iterator[Setting]:
    for name in over:
        for value in _values(name, over, base):
            yield {**given, name: value}


def _distinct(settings: Sequence[Setting]) -> list[Setting]:
    return [setting for number, setting in enumerate(settings) if setting not in settings[:number]]

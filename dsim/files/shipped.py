"""Folders that are shipped beside the code: inside the package in a wheel, in place in a checkout."""

from __future__ import annotations

from pathlib import Path

#: Folders by name: where each lies in the checkout.
_PLACES = {
    "zoo": "zoo",
    "truth": "benchmarks/truth",
    "kinds": "benchmarks/kinds",
    "selection": "benchmarks/selection",
    "distances": "benchmarks/distances",
    "schema": "docs/schema",
    "standings": "docs/leaderboard",
}


def shipped(name: str) -> Path:
    """Return the shipped folder of that name; a damaged installation may lack it.

    Raises KeyError for a name other than ``zoo``, ``truth``, ``kinds``, ``selection``, ``distances``, ``schema`` and
    ``standings``.

    >>> shipped("schema").is_dir()
    True
    """
    package = Path(__file__).parents[1]
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / _PLACES[name]

"""A row of a side-by-side table: the same work by dsim and by a peer, in one run, with both values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One race. ``seconds`` are medians; ``aim`` is the ratio wanted, 0 where none was set."""

    measure: str
    work: str
    peer: str
    peer_seconds: float
    seconds: float
    difference: float
    aim: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times faster dsim is."""
        return self.peer_seconds / self.seconds


def race(
    measure: str,
    work: str,
    peer: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    *,
    aim: float = 0.0,
    repeats: int = 3,
) -> Row:
    """Run both in turn, ``repeats`` times after one unmeasured round; the values' relative difference is reported."""
    values = ours(), theirs()
    seconds: tuple[list[float], list[float]] = [], []
    for _ in range(repeats):
        for side, run in enumerate((ours, theirs)):
            started = time.perf_counter()
            run()
            seconds[side].append(time.perf_counter() - started)
    own, other = (sorted(times)[repeats // 2] for times in seconds)
    scale = max(abs(values[0]), abs(values[1]), 1e-300)
    return Row(measure, work, peer, other, own, abs(values[0] - values[1]) / scale, aim)


def show(rows: Iterable[Row]) -> None:
    """Print the rows as a Markdown table, each as soon as it is there."""
    print("| measure | work | peer | peer, s | dsim, s | times faster | aim | relative difference |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for row in rows:
        aim = f"{row.aim:g}" if row.aim else ""
        print(
            f"| {row.measure} | {row.work} | {row.peer} | {row.peer_seconds:.4g} | {row.seconds:.4g} "
            f"| {row.ratio:.1f} | {aim} | {row.difference:.0e} |",
            flush=True,
        )

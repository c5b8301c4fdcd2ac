"""The result of a comparison: named rows and columns, intervals, verdicts, and the provenance of every number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, UsageError
from dsim.files import write_text
from dsim.files.documents import array, nullable, number, or_nan, read_either, to_json
from dsim.measures.answer import answer, in_short
from dsim.measures.presentation import describe_result, draw_result, only_target
from dsim.measures.ranking import Ranked, Ranking
from dsim.measures.resemblance import Resemblance
from dsim.measures.verdict import Verdict, tied_sources
from dsim.registry import Direction, load

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from dsim.data import Dataset

SCHEMA = "dsim.matrix/1"
_HINT = "give a matrix.json that dsim wrote"
#: Verdicts that the short form names.
_SAID = 3


@dataclass(frozen=True)
class SimilarityMatrix:
    """Values of one measure for all pairs of sources (rows) and targets (columns).

    Parameters
    ----------
    values : float64, shape (sources, targets); NaN where a cell failed, with the reason in ``notes``,
        which otherwise holds the measure's remark on the value.
    same : bool, shape (sources, targets): the pair is one and the same dataset; it is never ranked.
    low, high : bounds of the bootstrap interval, or None. ``first_share`` : share of resamples in which the source
        ranks first for the target. ``confidence``, ``replicates`` : of these intervals.
    floor : by name of each dataset, the mean value between two random halves of it, NaN with the reason in
        ``floor_notes``; None where the measure is not of two samples, or none was asked for.
    p_values : of the permutation test that both datasets are samples of one population, for each pair by itself; NaN
        where a dataset meets itself, or with the reason in ``p_notes``; None without a test. ``permutations`` : of it.
    verdicts : one per target. ``provenance`` : everything the numbers depend on.
    clouds : points of each dataset's images (n, k), for measures that embed; for pictures, not part of the JSON.
    """

    measure: str
    direction: Direction
    unit: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    values: NDArray[np.float64]
    notes: tuple[tuple[str, ...], ...]
    same: NDArray[np.bool_]
    verdicts: Mapping[str, Verdict]
    provenance: Mapping[str, Any]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    first_share: NDArray[np.float64] | None = None
    confidence: float = 0.95
    replicates: int = 0
    floor: Mapping[str, float] | None = None
    floor_notes: Mapping[str, str] = field(default_factory=dict)
    p_values: NDArray[np.float64] | None = None
    p_notes: tuple[tuple[str, ...], ...] | None = None
    permutations: int = 0
    clouds: Mapping[str, NDArray[np.float64]] | None = field(default=None, compare=False)

    @property
    def status(self) -> tuple[tuple[str, ...], ...]:
        """``ok`` or ``failed`` of each cell, (sources, targets)."""
        return tuple(tuple("failed" if math.isnan(value) else "ok" for value in row) for row in self.values)

    @property
    def failed(self) -> list[tuple[str, str, str]]:
        """(source, target, reason) of each failed cell."""
        return [
            (source, target, self.notes[i][j])
            for i, source in enumerate(self.sources)
            for j, target in enumerate(self.targets)
            if math.isnan(self.values[i, j])
        ]

    @property
    def p_adjusted(self) -> NDArray[np.float64] | None:
        """p-values adjusted by Holm's method for the sources of each target, float64 (sources, targets); None untested.

        Holm 1979, see ``dsim.stats.shares.holm``.
        """
        import numpy as np

        from dsim.stats.shares import holm

        return None if self.p_values is None else np.stack([holm(column) for column in self.p_values.T], axis=1)

    def value(self, source: str, target: str) -> float:
        """Return the value of one pair, by name; raises DataError where the matrix does not have it."""
        return float(self.values[self._position(source, self.sources), self._position(target, self.targets)])

    def ranking(self, target: str) -> Ranking:
        """Return the sources for a target, best first, without the target itself; failed cells come last.

        Raises DataError where the matrix has no such target.
        """
        column = self._position(target, self.targets)
        rows = [row for row in range(len(self.sources)) if not self.same[row, column]]
        rows.sort(key=lambda row: self._key(row, column))
        entries = tuple(self._ranked(row, column) for row in rows)
        return Ranking(target, entries, self.verdicts[target])

    def distances(self, target: str) -> dict[str, float]:
        """Return the distance of each source to a target, small is near; NaN where its cell failed.

        The target itself is left out. Raises DataError where the matrix has no such target.
        """
        column = self._position(target, self.targets)
        column_values = (self.direction.sign * self.values[:, column]).tolist()
        return {
            source: value
            for source, value, same in zip(self.sources, column_values, self.same[:, column], strict=True)
            if not same
        }

    def nearest(self, target: str) -> tuple[str, ...]:
        """Return the source that is nearest to a target, or several where they tie; none where no cell has a value.

        Raises DataError where the matrix has no such target.
        """
        return tied_sources(self.distances(target))

    def best(self, target: str | None = None) -> str | None:
        """Return the source that is nearest to a target, the first of several that tie; None where none has a value.

        The target may be left out where there is only one. ``verdicts`` says how sure the choice is. Raises DataError
        where the matrix has no such target, and UsageError where one of several must be named.
        """
        return next(iter(self.nearest(only_target(self.targets) if target is None else target)), None)

    def rankings(self) -> list[Ranking]:
        """Return the ranking of every target."""
        return [self.ranking(target) for target in self.targets]

    def _key(self, row: int, column: int) -> tuple[bool, float]:
        value = float(self.values[row, column])
        return (True, 0.0) if math.isnan(value) else (False, self.direction.sign * value)

    def _ranked(self, row: int, column: int) -> Ranked:
        def at(values: NDArray[np.float64] | None) -> float:
            return math.nan if values is None else float(values[row, column])

        return Ranked(
            source=self.sources[row],
            value=float(self.values[row, column]),
            low=at(self.low),
            high=at(self.high),
            first_share=at(self.first_share),
            note=self.notes[row][column],
            p=at(self.p_values),
            p_adjusted=at(self.p_adjusted),
        )

    def _position(self, name: str, names: Sequence[str]) -> int:
        if name not in names:
            raise DataError(f"the matrix has no dataset {name!r}", hint=f"it has: {', '.join(names)}")
        return list(names).index(name)

    def __repr__(self) -> str:
        said = [f"{target}: {in_short(verdict)}" for target, verdict in list(self.verdicts.items())[:_SAID]]
        failed = len(self.failed)
        said += [f"{failed} cell{'s' * (failed != 1)} failed"] if failed else []
        return describe_result(type(self).__name__, self.measure, self.sources, self.targets, said)

    def __str__(self) -> str:
        rankings = [str(self.ranking(target)) for target in self.targets if target in self.verdicts]
        return "\n\n".join([f"{self.measure}, {self.direction}", *rankings])

    def _repr_html_(self) -> str:
        from dsim.pages import format_number, render_result

        nearest = [(place, name) for place, target in enumerate(self.targets, 1) for name in self.nearest(target)]
        rows = [
            [source, *(format_number(value) if value == value else "failed" for value in row)]
            for source, row in zip(self.sources, self.values.tolist(), strict=True)
        ]
        judged = [self.ranking(target) for target in self.verdicts]
        said = [answer(ranking.verdict, len(ranking.entries)) for ranking in judged]
        said += [f"{source} for {target} failed: {reason}" for source, target, reason in self.failed]
        small = "small" if self.direction is Direction.DISTANCE else "large"
        strong = [(self.sources.index(name), place) for place, name in nearest]
        title = f"{self.measure}: {self.direction} of sources (rows) to targets; {small} means similar"
        return render_result(title, ["source", *self.targets], rows, said, strong=strong)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return the heat map of the values, (sources, targets), as a matplotlib figure; with a path also as a file.

        Raises UsageError for a path that does not end in .png or .svg.
        """
        return draw_result("draw_heatmap", path, self)

    def plot_embedding(self, path: str | Path | None = None) -> Figure:
        """Return the map of all images, points (n, k) of each dataset, as a figure; with a path also as a file.

        Raises UsageError where the measure embeds nothing, and for a matrix that was read from a file: those hold none.
        """
        if not self.clouds:
            read = "embedding" in self.provenance
            fix = "compare anew: files hold no points" if read else "choose a measure that embeds, such as asap"
            raise UsageError(f"the matrix of {self.measure} has no points to draw", hint=fix)
        roles = {**dict.fromkeys(self.targets, "target"), **dict.fromkeys(self.sources, "source")}
        return draw_result("draw_embedding", path, self.clouds, roles, title=f"{self.measure}: where the datasets lie")

    def report(self, path: str | Path, datasets: Iterable[Dataset] = ()) -> Path:
        """Write the HTML report that ``dsim compare --report`` writes, and return its path.

        ``datasets`` : those whose images are shown though they lie in memory; all others are opened where they lie.
        Raises UsageError unless the name ends in .html, and DsimError where the disk refuses.
        """
        written: Path = load("dsim.cli.report:write_matrix_report")(self, Path(path), datasets)
        return written

    def to_frame(self) -> pd.DataFrame:
        """Return the values as a table (sources, targets)."""
        import pandas as pd

        return pd.DataFrame(
            self.values, index=pd.Index(self.sources, name="source"), columns=pd.Index(self.targets, name="target")
        )

    def to_csv(self, path: str | Path) -> None:
        """Write the values (sources, targets) as CSV, atomically. Raises DsimError where the disk refuses."""
        write_text(Path(path), self.to_frame().to_csv())

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.matrix/1``; NaN is null, and rankings are spelled out for readers.

        Values are rows (sources, targets).
        """
        return {
            "schema": SCHEMA,
            "measure": self.measure,
            "direction": str(self.direction),
            "unit": self.unit,
            "sources": list(self.sources),
            "targets": list(self.targets),
            "values": nullable(self.values),
            "status": [list(row) for row in self.status],
            "notes": [list(row) for row in self.notes],
            "same": self.same.tolist(),
            "low": nullable(self.low),
            "high": nullable(self.high),
            "first_share": nullable(self.first_share),
            "confidence": self.confidence,
            "replicates": self.replicates,
            "floor": None if self.floor is None else {name: number(value) for name, value in self.floor.items()},
            "floor_notes": dict(self.floor_notes),
            "p_values": nullable(self.p_values),
            "p_adjusted": nullable(self.p_adjusted),
            "p_notes": None if self.p_notes is None else [list(row) for row in self.p_notes],
            "permutations": self.permutations,
            "rankings": [_ranking_dict(ranking) for ranking in self.rankings()],
            "provenance": dict(self.provenance),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the JSON text; written atomically where a path is given. Raises DsimError where the disk refuses."""
        return to_json(self.to_dict(), path)

    @classmethod
    def from_json(cls, source: str | Path) -> SimilarityMatrix:
        """Return the matrix of a document, from a path or its text; raises DataError where it is not one.

        Its values are float64 (sources, targets).
        """
        return cls.from_dict(*read_either(source, _HINT))

    @classmethod
    def of_distances(
        cls, sources: Sequence[str], targets: Sequence[str], values: NDArray[np.float64], same: NDArray[np.bool_]
    ) -> SimilarityMatrix:
        """Return distances float64 (sources, targets) under these names; pairs that are ``same`` are not ranked."""
        return cls(
            measure="distances",
            direction=Direction.DISTANCE,
            unit="",
            sources=tuple(sources),
            targets=tuple(targets),
            values=values,
            notes=(("",) * len(targets),) * len(sources),
            same=same,
            verdicts={},
            provenance={},
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], what: str = "the document") -> SimilarityMatrix:
        """Return the matrix of a JSON document; raises DataError where it is not one.

        Not held to the letter of the schema, so that documents of earlier and later versions can be read. Its values
        are float64 (sources, targets).
        """
        if document.get("schema") != SCHEMA:
            raise DataError(f"{what} has schema {document.get('schema')!r}, not {SCHEMA!r}", hint=_HINT)
        try:
            return cls(**_fields(document))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{what} is not a whole {SCHEMA}: {type(error).__name__}: {error}", hint=_HINT) from None


def _fields(document: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {
        "measure": document["measure"],
        "direction": Direction(document["direction"]),
        "unit": document["unit"],
        "sources": tuple(document["sources"]),
        "targets": tuple(document["targets"]),
        "values": _array(document["values"]),
        "notes": tuple(tuple(row) for row in document["notes"]),
        "same": np.array(document["same"], dtype=bool),
        "verdicts": {ranking["target"]: _read_verdict(ranking) for ranking in document["rankings"]},
        "provenance": document["provenance"],
        "low": _optional(document["low"]),
        "high": _optional(document["high"]),
        "first_share": _optional(document["first_share"]),
        "confidence": document["confidence"],
        "replicates": document["replicates"],
        **_significance(document),
    }


def _significance(document: Mapping[str, Any]) -> dict[str, Any]:
    """Floor and p-values; documents that were written before these were known have none."""
    floor, p_notes = document.get("floor"), document.get("p_notes")
    return {
        "floor": None if floor is None else {name: or_nan(value) for name, value in floor.items()},
        "floor_notes": dict(document.get("floor_notes", {})),
        "p_values": _optional(document.get("p_values")),
        "p_notes": None if p_notes is None else tuple(tuple(row) for row in p_notes),
        "permutations": document.get("permutations", 0),
    }


def _array(rows: Sequence[Sequence[float | None]]) -> NDArray[np.float64]:
    table: NDArray[np.float64] = array(rows, "the matrix", _HINT)
    return table


def _optional(rows: Sequence[Sequence[float | None]] | None) -> NDArray[np.float64] | None:
    return None if rows is None else _array(rows)


def _ranking_dict(ranking: Ranking) -> dict[str, Any]:
    verdict = ranking.verdict
    return {
        "target": ranking.target,
        "best": verdict.best,
        "second": verdict.second,
        "clear": verdict.clear,
        "margin_low": number(verdict.low),
        "margin_high": number(verdict.high),
        "verdict": verdict.reason,
        "within_floor": verdict.within_floor,
        "resemblance": None if verdict.resemblance is None else verdict.resemblance.to_dict(),
        "order": [entry.source for entry in ranking.entries],
    }


def _read_verdict(ranking: Mapping[str, Any]) -> Verdict:
    # Documents that were written before it was assessed have none.
    resemblance = ranking.get("resemblance")
    return Verdict(
        target=ranking["target"],
        best=ranking["best"],
        second=ranking["second"],
        clear=ranking["clear"],
        low=or_nan(ranking["margin_low"]),
        high=or_nan(ranking["margin_high"]),
        reason=ranking["verdict"],
        within_floor=ranking.get("within_floor"),
        resemblance=None if resemblance is None else Resemblance.from_dict(resemblance),
    )

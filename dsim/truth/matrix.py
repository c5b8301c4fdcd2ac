"""Measured transfer: the scores of models trained on each source, on each target, with their repetitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, did_you_mean
from dsim.files.documents import array, check, digest, nullable, read_either, to_json
from dsim.measures import SimilarityMatrix, decide, describe_result, draw_result, only_target
from dsim.registry import Direction, load
from dsim.truth.checks import check_truth
from dsim.truth.table import read_table, to_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


SCHEMA = "dsim.transfer/1"
_HINT = "give a truth that dsim wrote, or a CSV; see docs/truth.md"
_LENGTHS = "null where a score was not measured"
#: The reason of a missing cell without one.
_NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class TruthDataset:
    """The facts about one dataset of a truth.

    Parameters
    ----------
    images : how many the models were trained on (a source) or scored on; 0 where it is not known.
    location : what ``open_dataset`` reads, ``phantoms:...`` or a path below a data folder; empty where nobody has it.
    fingerprint : of the images, sha256, so that nobody judges with others; empty where it is not known.
    note : anything a reader should know.
    """

    images: int = 0
    location: str = ""
    fingerprint: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class TransferMatrix:
    """Scores of transfer from each source to each target; higher is better.

    Parameters
    ----------
    name : of the truth.
    score : what was measured: ``DSC``, ``AUC``, ``accuracy``, or another name with ``bounds``.
    unit : ``"%"`` where the scores run to 100, else ``""``.
    values : float64, shape (sources, targets, repetitions); NaN where a cell or a repetition was not measured, with
        the reason of a whole cell in ``reasons``.
    bounds : smallest and largest possible score; ``bounds_of`` knows those of DSC, AUC and accuracy.
    repetition : what was repeated: ``seed`` (each training anew) or ``fold`` (the same folds of a target for all its
        sources, so that what a fold has in common says nothing of sources); empty for a single measurement.
    baseline : float64, shape (targets, repetitions): the score on each target without any source; or None.
    imagenet : name of the source that is ImageNet; empty without one.
    datasets : what is known of them, by name. ``reasons`` : of missing cells, by (source, target).
    provenance : where the numbers come from.

    Raises DataError where names, shapes, or values are not what they should be. The arrays are copied, and cannot be
    written to. Two truths are equal that have the same digest.

    >>> truth = TransferMatrix("mine", "DSC", "%", ("a", "b"), ("t",), [[[60.0, 62.0]], [[40.0, 44.0]]], (0, 100),
    ...                        repetition="seed", baseline=[[50.0, 50.0]])
    >>> truth.mean.tolist(), truth.transferability.tolist()
    ([[61.0], [42.0]], [[22.0], [-16.0]])
    """

    name: str
    score: str
    unit: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    values: NDArray[np.float64]
    bounds: tuple[float, float]
    repetition: str = ""
    baseline: NDArray[np.float64] | None = None
    imagenet: str = ""
    datasets: Mapping[str, TruthDataset] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = {
            "sources": tuple(self.sources),
            "targets": tuple(self.targets),
            "values": _frozen(self.values, self.name, "values"),
            "bounds": (float(self.bounds[0]), float(self.bounds[1])),
            "baseline": None if self.baseline is None else _frozen(self.baseline, self.name, "baseline"),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)
        check_truth(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TransferMatrix) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        said = [f"{self.score}{f' in {self.unit}' if self.unit else ''}"]
        said += [f"{len(self.missing)} pairs not measured"] if self.missing else []
        return describe_result(type(self).__name__, self.name, self.sources, self.targets, said)

    def _repr_html_(self) -> str:
        from dsim.pages import format_number, render_result

        best = [self.best(target) for target in self.targets]
        rows = [
            [source, *(format_number(value) for value in row)]
            for source, row in zip(self.sources, self.mean.tolist(), strict=True)
        ]
        strong = [(self.sources.index(name), place) for place, name in enumerate(best, 1) if name is not None]
        title = f"{self.name}: {self.score} of models trained on sources (rows), on each target"
        said = [f"{source} for {target}: {reason}" for source, target, reason in self.missing]
        return render_result(title, ["source", *self.targets], rows, said, strong=strong)

    def best(self, target: str | None = None) -> str | None:
        """Return the source, other than the target itself, that really served a target best; None without a score.

        The target may be left out where there is only one. Raises DataError where the truth has no such target.
        """
        import numpy as np

        target = only_target(self.targets) if target is None else target
        scores = self.mean[:, self._position(target, "target", self.targets)].copy()
        scores[[name == target for name in self.sources]] = np.nan
        return None if np.isnan(scores).all() else self.sources[int(np.nanargmax(scores))]

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return the heat map of the mean scores, (sources, targets), as a figure; with a path also as a file.

        Raises UsageError for a path that does not end in .png or .svg.
        """
        legend = f"{self.score}{f', {self.unit}' if self.unit else ''} (large is better)"
        title = f"{self.name}: measured transfer"
        return draw_result("draw_heatmap", path, self._as_similarity(), title=title, legend=legend)

    def report(self, path: str | Path) -> Path:
        """Write one HTML page on the scores, (sources, targets), and return its path.

        The best source of each target, all scores, their heat map, the datasets, and where the numbers come from; the
        page needs nothing else. Raises UsageError unless the name ends in .html, and DsimError where the disk refuses.

        >>> import tempfile
        >>> truth = TransferMatrix("mine", "DSC", "%", ("a", "b"), ("t",), [[[60.0]], [[40.0]]], (0, 100))
        >>> page = truth.report(Path(tempfile.mkdtemp()) / "mine.html")
        >>> "a served t best" in page.read_text("utf-8")
        True
        """
        written: Path = load("dsim.report:write_truth_report")(self, path)
        return written

    def _as_similarity(self) -> SimilarityMatrix:
        import numpy as np

        reasons = {(source, target): reason for source, target, reason in self.missing}
        bare = SimilarityMatrix.of_distances(
            self.sources, self.targets, self.mean, np.array([[s == t for t in self.targets] for s in self.sources])
        )
        scores = replace(bare, measure=self.score, direction=Direction.SIMILARITY, unit=self.unit)
        return replace(
            scores,
            notes=tuple(tuple(reasons.get((s, t), "") for t in self.targets) for s in self.sources),
            verdicts={target: decide(target, scores.distances(target)) for target in self.targets},
        )

    @property
    def mean(self) -> NDArray[np.float64]:
        """Means over the known repetitions, float64 (sources, targets); NaN where there is none."""
        from dsim.stats.ranking import mean_known

        return mean_known(self.values, axis=-1)

    @property
    def baseline_mean(self) -> NDArray[np.float64] | None:
        """Means of the baseline over the known repetitions, float64 (m,) for m targets; None without a baseline."""
        from dsim.stats.ranking import mean_known

        return None if self.baseline is None else mean_known(self.baseline, axis=-1)

    @property
    def repetitions(self) -> int:
        """The largest number of times that a pair was measured."""
        return int(self.values.shape[2])

    @property
    def transferability(self) -> NDArray[np.float64] | None:
        """Relative gain over training without a source, percent, float64 (sources, targets); None without a baseline.

        (score - baseline) / baseline * 100 of the means over repetitions: Eq. 1 of van den Brandt et al. 2021,
        arXiv:2107.05940. NaN where either is missing or the baseline is 0.
        """
        import numpy as np

        base = self.baseline_mean
        if base is None:
            return None
        usable = np.where(base == 0, np.nan, base)
        gain: NDArray[np.float64] = (self.mean - usable) / usable * 100
        return gain

    @property
    def missing(self) -> list[tuple[str, str, str]]:
        """(source, target, reason) of each pair without any value."""
        import numpy as np

        empty = np.isnan(self.mean)
        return [
            (source, target, self.reasons.get((source, target), _NOT_MEASURED))
            for i, source in enumerate(self.sources)
            for j, target in enumerate(self.targets)
            if empty[i, j]
        ]

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON of score, unit, bounds, names, values, repetition and baseline."""
        judges = ("score", "unit", "bounds", "sources", "targets", "values", "repetition", "baseline")
        document = self.to_dict()
        return digest({key: document[key] for key in judges})

    def restrict(self, sources: Sequence[str], targets: Sequence[str]) -> TransferMatrix:
        """Return the truth of these sources and targets, in this order, without all others.

        A source may have no value for the targets that are left; its missing cells then keep, or get, a reason. Raises
        DataError for a name that the truth does not have. Values are float64 (sources, targets, repetitions).
        """
        rows = [self._position(name, "source", self.sources) for name in sources]
        columns = [self._position(name, "target", self.targets) for name in targets]
        kept = {*sources, *targets}
        return replace(
            self,
            sources=tuple(sources),
            targets=tuple(targets),
            values=self.values[rows][:, columns],
            baseline=self._baseline_of(columns),
            imagenet=self.imagenet if self.imagenet in sources else "",
            datasets={name: dataset for name, dataset in self.datasets.items() if name in kept},
            reasons={(s, t): reason for s, t, reason in self.missing if s in sources and t in targets},
        )

    def _baseline_of(self, columns: Sequence[int]) -> NDArray[np.float64] | None:
        import numpy as np

        if self.baseline is None or np.isnan(self.baseline[columns]).all():
            return None
        kept: NDArray[np.float64] = self.baseline[columns]
        return kept

    def _position(self, name: str, role: str, names: Sequence[str]) -> int:
        if name not in names:
            raise DataError(
                f"truth {self.name!r} has no {role} {name!r}.{did_you_mean(name, names)}",
                hint=f"it has: {', '.join(names)}",
            )
        return list(names).index(name)

    def to_frame(self) -> pd.DataFrame:
        """Return the means over repetitions as a table (sources, targets)."""
        import pandas as pd

        return pd.DataFrame(
            self.mean, index=pd.Index(self.sources, name="source"), columns=pd.Index(self.targets, name="target")
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.transfer/1``; NaN is null.

        Values are nested lists (sources, targets, repetitions).
        """
        return _to_document(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the JSON text; written atomically where a path is given. Raises DsimError where the disk refuses."""
        return to_json(self.to_dict(), path)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TransferMatrix:
        """Return the truth of a JSON document; raises DataError, which names the fault.

        Scores are float64 (sources, targets, repetitions).
        """
        return _from_document(document)

    @classmethod
    def from_json(cls, source: str | Path) -> TransferMatrix:
        """Return the truth of a ``dsim.transfer/1`` document, from a path or its text; DataError names the fault.

        Scores are float64 (sources, targets, repetitions).
        """
        return _from_document(*read_either(source, _HINT))

    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the tidy table, one measured score a line, of docs/truth.md; written atomically where a path is given.

        Provenance, reasons and the facts about datasets are in the JSON alone. Raises DsimError where the disk refuses.
        """
        return to_table(self, path)

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        *,
        name: str | None = None,
        score: str | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> TransferMatrix:
        """Return the truth of a tidy table ``source,target[,repetition],SCORE``; see docs/truth.md.

        ``name`` is that of the file by default; ``score`` says which column, where there are several; ``bounds`` of a
        score that is not DSC, AUC or accuracy. Raises DataError, which names the line and the fault. Scores are
        float64 (sources, targets, repetitions).
        """
        return cls(**read_table(Path(path), name=name, score=score, bounds=bounds))


def _frozen(values: Any, name: str, what: str) -> NDArray[np.float64]:
    import numpy as np

    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"truth {name!r} has {what} that are not an array of numbers: {error}",
            hint="numbers in rows of one length; NaN where a score was not measured",
        ) from None
    array.setflags(write=False)
    return array


def _to_document(truth: TransferMatrix) -> dict[str, Any]:
    """The document; NaN is null, and each missing pair has its reason."""
    return {
        "schema": SCHEMA,
        "name": truth.name,
        "score": truth.score,
        "unit": truth.unit,
        "bounds": list(truth.bounds),
        "sources": list(truth.sources),
        "targets": list(truth.targets),
        "repetition": truth.repetition,
        "values": nullable(truth.values),
        "baseline": nullable(truth.baseline),
        "imagenet": truth.imagenet,
        "datasets": {name: asdict(dataset) for name, dataset in truth.datasets.items()},
        "missing": [{"source": source, "target": target, "reason": why} for source, target, why in truth.missing],
        "provenance": dict(truth.provenance),
    }


def _from_document(document: Mapping[str, Any], what: str = "the document") -> TransferMatrix:
    """The truth of a document that holds to the schema; DataError says where one does not."""
    check(document, SCHEMA, what, _HINT)
    name, baseline = document["name"], document["baseline"]
    return TransferMatrix(
        name=name,
        score=document["score"],
        unit=document["unit"],
        bounds=(document["bounds"][0], document["bounds"][1]),
        sources=tuple(document["sources"]),
        targets=tuple(document["targets"]),
        repetition=document["repetition"],
        values=array(document["values"], f"truth {name!r}, values", _LENGTHS),
        baseline=None if baseline is None else array(baseline, f"truth {name!r}, baseline", _LENGTHS),
        imagenet=document["imagenet"],
        datasets={name: TruthDataset(**dataset) for name, dataset in document["datasets"].items()},
        reasons={(cell["source"], cell["target"]): cell["reason"] for cell in document["missing"]},
        provenance=document["provenance"],
    )

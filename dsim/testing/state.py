"""Checks of what a measure leaves behind, and of whether it can be repeated, written down and kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dsim.data.formats.pixels import array_digest
from dsim.errors import UsageError
from dsim.measures import SimilarityMatrix, SimilarityMeasure
from dsim.registry import parse_call
from dsim.testing.report import Failure, NotApplicable
from dsim.testing.specimens import Specimen
from dsim.testing.subject import Subject, require_repeats, same

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _determinism(subject: Subject) -> str:
    """Two instances with one seed give one value."""
    differing = subject.repetition()
    if differing is not None:
        message = f"one seed, two values: {differing[0]!r} and {differing[1]!r}"
        raise Failure(message, "draw only from the rng you are given")
    return "values depend on the seed, and repeat with it" if subject.draws else "nothing random"


def _global_random_state(subject: Subject) -> None:
    """The global random generators of random, numpy and torch are left as they were."""
    touched = subject.alone.drawn_from
    if touched:
        raise Failure(f"it draws from the global state of {', '.join(touched)}", "draw only from the rng you are given")


def _inputs_unmutated(subject: Subject) -> None:
    """Neither fitting, summarising nor comparing changes a dataset, and comparing changes no summary."""
    source, target = subject.specimens.ladder[:2]
    before = _digests(source), _digests(target)
    summaries = subject.summarise(source, as_source=True), subject.summary(target)
    if before != (_digests(source), _digests(target)):
        raise Failure("summarising changes the dataset's arrays", "copy before you change: features.copy()")
    arrays = [array for summary in summaries for array in _arrays(summary)]
    held = [array_digest(array) for array in arrays]
    try:
        for array in arrays:
            array.flags.writeable = False
        subject.measure.compare(*summaries)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise Failure(f"comparing writes into a summary: {error}", "copy before you change") from None
    if held != [array_digest(array) for array in arrays]:
        raise Failure("comparing changes a summary", "copy before you change")


def _digests(specimen: Specimen) -> list[str]:
    import numpy as np

    dataset = specimen.dataset
    parts = [] if dataset.features is None else [np.asarray(dataset.features)]
    if dataset.backing is not None:
        parts += [dataset.native(i) for i in range(len(dataset))]
    parts += [dataset.mask(i) for i in dataset.annotated]
    return [array_digest(part) for part in parts]


def _arrays(value: Any) -> Iterator[NDArray[Any]]:
    """All arrays within a summary."""
    import numpy as np

    if isinstance(value, np.ndarray):
        yield value
    elif dataclasses.is_dataclass(value):
        yield from (array for field in dataclasses.fields(value) for array in _arrays(getattr(value, field.name)))
    elif isinstance(value, dict):
        yield from (array for part in value.values() for array in _arrays(part))
    elif isinstance(value, (list, tuple)):
        yield from (array for part in value for array in _arrays(part))


def _written_form(subject: Subject) -> str:
    """repr is the call that builds the same measure again, for the given and for changed parameters and presets."""
    hint = "leave the constructor, params and __repr__ to SimilarityMeasure"
    for measure in _variants(subject):
        try:
            rebuilt = _rebuilt(measure)
        except UsageError as error:
            raise Failure(f"{measure!r} cannot be read: {error.message}", hint) from None
        if rebuilt.identity != measure.identity or rebuilt.params != measure.params:
            message = f"{measure!r} is read as {rebuilt!r} with {rebuilt.params}, not {measure.params}"
            raise Failure(message, hint)
    return repr(subject.given)


def _variants(subject: Subject) -> Iterator[SimilarityMeasure[Any]]:
    yield subject.given
    choices = [{parameter.name: choice} for parameter in subject.spec.parameters for choice in parameter.choices]
    for values in (*subject.spec.presets.values(), *choices):
        with suppress(UsageError):  # the check parameters reports what cannot be built
            yield type(subject.given)(**values)


def _rebuilt(measure: SimilarityMeasure[Any]) -> SimilarityMeasure[Any]:
    name, texts = parse_call(repr(measure))
    if name != measure.spec.name:
        raise UsageError(f"it calls {name!r}, and the measure is {measure.spec.name!r}")
    return type(measure)(**{key: measure.spec.parameter(key).parse(text) for key, text in texts.items()})


def _kept_summary(subject: Subject) -> str:
    """A summary survives the store: read back, it compares as before."""
    from dsim.comparison import decode, encode, summary_type
    from dsim.store import ContentStore

    kind = summary_type(type(subject.measure))
    near, far = subject.specimens.ladder[:2]
    source, target = subject.summary(near, as_source=True), subject.summary(far)
    hint = "make S in SimilarityMeasure[S] a frozen dataclass of arrays, numbers and strings"
    if getattr(type(source), "transient", False):
        raise NotApplicable(f"{type(source).__name__} is declared transient: it is made again from cached features")
    if kind is None or type(source) is not kind:
        message = (
            f"the class names {kind.__name__ if kind else 'no dataclass'}, the summary is a {type(source).__name__}"
        )
        raise Failure(f"summaries cannot be cached: {message}", hint)
    store = ContentStore(subject.folder / "kept")
    try:
        store.put("summaries", {"specimen": "source"}, *encode(source))
        record = store.get("summaries", {"specimen": "source"})
        restored = decode(kind, record.arrays, record.attributes) if record else None
        value = float(subject.measure.compare(restored, target))
    except Exception as error:
        raise Failure(f"a summary cannot be kept: {type(error).__name__}: {error}", hint) from error
    same(subject, float(subject.measure.compare(source, target)), value, "before and after the store", hint, 1e-12)
    return kind.__name__


def _matrix(subject: Subject) -> str:
    """The engine's matrix holds the measure's values, and comes back whole from its JSON."""
    from dsim.comparison import compare, is_outside_bounds

    require_repeats(subject)
    chosen = [subject.specimens.ladder[step] for step in (0, 1, 3)]
    pool = [specimen.dataset for specimen in chosen]
    found = compare(pool, measure=subject.unfitted(), bootstrap=0, runtime=subject.runtime)
    # Bounds have a check of their own.
    failed = [cell for cell in found.failed if not is_outside_bounds(cell[2])]
    if failed:
        raise Failure(f"the engine has failed cells: {failed[0]}", "ordinary datasets must have a value")
    if SimilarityMatrix.from_json(found.to_json()).to_dict() != found.to_dict():
        raise Failure("the matrix does not come back from its JSON", "values must be plain floats")
    if not subject.draws and not subject.given.fits_pool:
        for i, j in ((0, 1), (2, 0)):
            source, target = subject.summary(chosen[i], as_source=True), subject.summary(chosen[j])
            value = float(subject.measure.compare_many([source], [target])[0, 0])
            same(subject, value, float(found.values[i, j]), "alone and in the engine", "keep no state between calls")
    return f"{len(pool)} x {len(pool)} cells"


def _embedding(subject: Subject) -> str:
    """As declared by embeds: the summary holds one finite point per image, float (n, k)."""
    import numpy as np

    if not subject.spec.embeds:
        raise NotApplicable("embeds is declared False")
    start = subject.specimens.ladder[0]
    points = np.asarray(subject.measure.embedding(subject.summary(start)))
    if points.ndim != 2 or len(points) != len(start) or not np.isfinite(points).all():
        message = f"embedding has shape {points.shape} for {len(start)} images"
        raise Failure(message, "return finite points, shape (n, k)")
    return f"{points.shape[1]} dimensions"


STATE = (_determinism, _global_random_state, _inputs_unmutated, _written_form, _kept_summary, _matrix, _embedding)

"""Checks of a kind of extractors: an example of it must turn images into the same features every time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError
from dsim.registry import ExtractorSpec, Need, Plugin, format_bracketed, parse_bracketed
from dsim.runtime import Runtime
from dsim.testing.declaration import check_texts, declares_alone, loaded
from dsim.testing.report import Failure, Report, cause_of
from dsim.testing.runner import named, run_gated
from dsim.testing.specimens import Specimens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.features import Blueprint, Extractor

#: Features of one image alone and among others may differ by rounding.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class _Subject:
    """One kind, the example that is tried, and a folder for its cache."""

    spec: ExtractorSpec
    plugin: Plugin
    folder: Path

    @property
    def reference(self) -> str:
        return self.spec.example or f"{self.spec.kind}:"

    @cached_property
    def runtime(self) -> Runtime:
        return Runtime(device="cpu", offline=True, cache=self.folder)

    def prepared(self, reference: str = "") -> Blueprint:
        from dsim.features import prepare

        return prepare(reference or self.reference, self.runtime)

    def opened(self) -> Extractor:
        return self.prepared().open("cpu")

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """Twelve specimens (n, C, H, W), float32, as the extractor takes them."""
        import numpy as np

        from dsim.features import parse_transform

        transform = parse_transform(self.prepared().recipe.transform)
        dataset = Specimens(frozenset({Need.IMAGES})).ladder[0].dataset
        return np.stack([transform.apply(dataset.pixels(index)) for index in range(len(dataset))])


def check_extractor(spec: ExtractorSpec, plugin: Plugin) -> Report:
    """Return the report on a kind of extractors: checks on the CPU, without any download, of features (n, d)."""
    with TemporaryDirectory(prefix="dsim-conformance-") as folder:
        results = run_gated(_CHECKS, _Subject(spec, plugin, Path(folder)), "works")
    return Report(spec.kind, tuple(results), "extractor")


def _spec(subject: _Subject) -> str:
    """The spec is complete."""
    declared = subject.spec
    check_texts(declared.kind, {"title": declared.title}, {"factory": declared.factory})
    if subject.reference.partition(":")[0] != declared.kind:
        raise Failure(f"the example {subject.reference!r} is of another kind", f"begin it with {declared.kind}:")
    return declared.title


def _registration(subject: _Subject) -> str:
    """Declaring it imports nothing heavy."""
    declares_alone(subject.plugin.target)
    return subject.plugin.target


def _factory(subject: _Subject) -> str:
    """The factory can be imported."""
    loaded(subject.spec.factory)
    return subject.spec.factory


def _works(subject: _Subject) -> str:
    """The example gives finite features float32 (n, d), one row per image."""
    import numpy as np

    found: Any = subject.opened()(subject.images.copy())
    shape: tuple[int, ...] = getattr(found, "shape", ())
    dtype = getattr(found, "dtype", None)
    if len(shape) != 2 or shape[0] != len(subject.images) or dtype != np.float32:
        message = f"{subject.reference} gives {type(found).__name__} {dtype} {shape} for {len(subject.images)} images"
        raise Failure(message, "return a numpy array float32 (images, features)")
    if not np.isfinite(found).all():
        raise Failure(f"{subject.reference} gives NaN or infinity for ordinary images", "give finite features")
    return f"{subject.reference}: {shape[1]} features"


def _recipe(subject: _Subject) -> str:
    """The recipe names every number once: its reference calls the same extractor again."""
    first = subject.prepared().recipe
    again = subject.prepared(first.reference).recipe
    if again.key() != first.key() or again.reference != first.reference:
        raise Failure(f"{first.reference!r} is read as {again.reference!r}", "make Recipe.reference the canonical call")
    if not first.network.startswith(subject.spec.kind):
        raise Failure(
            f"network {first.network!r} does not begin with {subject.spec.kind!r}", "name the kind in Recipe.network"
        )
    return first.reference


def _unknown_option(subject: _Subject) -> None:
    """An option that it does not have is refused with UsageError, never swallowed."""
    head, options = parse_bracketed(subject.reference)
    hint = "call check_options in the factory"
    try:
        subject.prepared(format_bracketed(head, {**options, "no_such_option": "1"}))
    except UsageError:
        return
    except Exception as error:
        raise Failure(f"it raised {cause_of(error)}", hint) from None
    raise Failure("no_such_option=1 was accepted", hint)


def _determinism(subject: _Subject) -> None:
    """Opened twice, it gives the same features."""
    one, other = (subject.opened()(subject.images.copy()) for _ in range(2))
    _same(one, other, "opened twice, it gives other features", "draw weights from a seed that the recipe names")


def _batch_size(subject: _Subject) -> None:
    """Features of an image do not depend on the images beside it, but for rounding (1e-4)."""
    import numpy as np

    opened = subject.opened()
    alone = np.concatenate([opened(image[None].copy()) for image in subject.images])
    hint = "treat each image by itself; networks run in eval mode"
    _same(opened(subject.images.copy()), alone, "alone, an image has other features than among others", hint)


def _inputs_unmutated(subject: _Subject) -> None:
    """Extracting leaves the images as they were."""
    import numpy as np

    given = subject.images.copy()
    subject.opened()(given)
    if not np.array_equal(given, subject.images):
        raise Failure("it changes the images that it is given", "copy before you change")


def _same(one: Any, other: Any, message: str, hint: str) -> None:
    import numpy as np

    if one.shape != other.shape or not np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE * np.abs(one).max()):
        raise Failure(message, hint)


_CHECKS = named(
    (_spec, _registration, _factory, _works, _recipe, _unknown_option, _determinism, _batch_size, _inputs_unmutated)
)

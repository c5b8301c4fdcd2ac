"""From a dataset at hand to a fingerprint that can travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.measures import DatasetView
from dsim.plugin import Need
from dsim.stats.divergences import shared_edges
from dsim_kld.files import GIVEN, Record
from dsim_kld.fingerprint import finite_blocks, take

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime


def make_record(dataset: Dataset, extractor: str, bins: int, scale: float, runtime: Runtime, least: int = 1) -> Record:
    """The fingerprint of a dataset, with means and histograms, good for every variant of the measure.

    Raises DataError where there are fewer than ``least`` images: the histograms of few images tell much of each.
    """
    if len(dataset) < least:
        raise DataError(
            f"{dataset.name!r} has {len(dataset)} images; a fingerprint of fewer than {least} tells too much of each",
            hint="give more images, or lower --least where the images are no secret",
        )
    view = DatasetView(dataset, frozenset({Need.FEATURES}), "dsim fingerprint", runtime)
    reference, recipe = ("", dict(GIVEN)) if dataset.features is not None else _identity(extractor, runtime)
    found = take(finite_blocks(view, extractor), shared_edges(bins, scale))
    return Record(dataset.name, found, reference, recipe, bins, scale, view.fingerprint, origin=dataset.location)


def _identity(extractor: str, runtime: Runtime) -> tuple[str, dict[str, str]]:
    """The extractor as others call it, and its recipe: a path of this machine is nobody else's business."""
    from dsim.features import recipe

    found = recipe(extractor, runtime)
    head, bracket, rest = found.reference.partition("[")
    options = [part for part in rest.removesuffix("]").split(",") if part and not part.startswith("weights=")]
    return (f"{head}[{','.join(options)}]" if bracket and options else head), dict(found.key())

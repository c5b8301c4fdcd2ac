"""Which model places the images: one of the zoo, one in a folder, or one that is trained on the given datasets now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UsageError
from dsim_asap.specs import ZOO_MODEL

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim.zoo import Model


@dataclass(frozen=True)
class Chosen:
    """A model by its reference as an extractor; ``zoo:ID`` or ``file:FOLDER``.

    ``told`` is what to call it before people, who do not care for folders of a cache.
    """

    reference: str
    told: str

    @cached_property
    def model(self) -> Model:
        """Its manifest, read once; raises UsageError for what is no autoencoder's latent space."""
        model = _described(self.reference)
        if model.manifest["output"]["kind"] != "latent":
            raise UsageError(
                f"{self.reference} gives {model.manifest['output']['kind']}, no points of a latent space",
                hint=f"choose a model that dsim zoo train asap has trained, such as {ZOO_MODEL}",
            )
        return model

    def has_seen(self, dataset: Dataset) -> bool:
        """Whether the model was trained on this very dataset, whatever its name."""
        from dsim.zoo import trained_on

        return trained_on(self.model, dataset) is not None


def choose(reference: str | None) -> Chosen:
    """A trained model; the zoo's own without a reference. Raises UsageError for what cannot be one.

    >>> choose(None).told
    'asap-resnet18.biomed16.r1'
    """
    wanted = reference or ZOO_MODEL
    kind, colon, name = wanted.partition(":")
    if kind not in ("zoo", "file") or not colon or not name:
        raise UsageError(f"{wanted!r} is no model of a latent space", hint="write --model zoo:ID or file:FOLDER")
    chosen = Chosen(wanted, name if kind == "zoo" else Path(name).name)
    _ = chosen.model  # refused now, before any image is decoded
    return chosen


def fit(datasets: Sequence[Dataset], settings: Sequence[str], seed: int, runtime: Runtime) -> Chosen:
    """A model trained on these datasets, from the cache where it is finished; ``settings`` are NAME=VALUE."""
    from dsim_asap.studies.trained import recipe_of, trained

    folder = trained(datasets, recipe_of(settings), seed, runtime)
    return Chosen(f"file:{folder}", f"trained on these {len(datasets)} datasets, seed {seed}")


def _described(reference: str) -> Model:
    from dsim.plugin import parse_bracketed
    from dsim.zoo import find, read_model

    kind, _, name = reference.partition(":")
    return find(parse_bracketed(name)[0]) if kind == "zoo" else read_model(Path(name))


def choose_or_fit(
    reference: str | None, pool: Sequence[Dataset], wanted: bool, settings: Sequence[str], seed: int, runtime: Runtime
) -> Chosen:
    """What a command was asked for: a trained model, or one that is trained on the pool.

    Raises UsageError where both were asked for, or settings of a training without one.
    """
    if wanted and reference:
        raise UsageError("--fit trains a model, so it takes none", hint="leave out --model, or --fit")
    if settings and not wanted:
        raise UsageError(f"--set {settings[0]}: only a training reads this", hint="add --fit, or leave it out")
    return fit(pool, settings, seed, runtime) if wanted else choose(reference)

"""Datasets as clouds of latent points: which model places them, where images lie, and which modality they state."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UsageError
from dsim_asap.specs import ZOO_MODEL

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim.zoo import Model

Role = Literal["source", "target"]

#: Families of modalities and their terms, in the order in which they are looked for: special ones before general ones.
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("electron microscopy", ("electron", "sstem", "fib-sem")),
    ("blood smear", ("blood smear", "blood cell", "bone marrow")),
    ("histology", ("histolog", "histopath", "h&e", "immunohisto")),
    ("fluorescence", ("fluoresc",)),
    ("transmitted light", ("phase contrast", "phase-contrast", "dic ", "differential interference", "bright field")),
    ("dermoscopy", ("dermoscop", "dermatoscop")),
    ("fundus", ("fundus", "retinal photograph")),
    ("endoscopy", ("endoscop", "colonoscop", "gastroscop", "laparoscop")),
    ("ultrasound", ("ultrasound", "sonograph", "echocardio")),
    ("OCT", ("optical coherence",)),
    ("CT", ("computed tomography", "ct scan")),
    ("MRI", ("magnetic resonance", "mri")),
    ("X-ray", ("x-ray", "xray", "radiograph", "mammogra")),
    ("photographs", ("natural", "photograph")),
)


@dataclass(frozen=True)
class Chosen:
    """A model by its reference as an extractor, ``zoo:ID`` or ``file:FOLDER``, and its title for people."""

    reference: str
    title: str

    @cached_property
    def model(self) -> Model:
        """The model, its manifest read once; raises UsageError where its output is not a latent space."""
        kind, model = _read(self.reference).manifest["output"]["kind"], _read(self.reference)
        if kind != "latent":
            raise UsageError(
                f"{self.reference} gives {kind}, not points of a latent space",
                hint=f"choose a model that dsim train asap has trained, such as {ZOO_MODEL}",
            )
        return model

    def has_seen(self, dataset: Dataset) -> bool:
        """Return whether the model was trained on this very dataset, whatever its name."""
        from dsim.zoo import trained_on

        return trained_on(self.model, dataset) is not None


def _read(reference: str) -> Model:
    from dsim.plugin import parse_bracketed
    from dsim.zoo import find, read_model

    kind, _, name = reference.partition(":")
    return find(parse_bracketed(name)[0]) if kind == "zoo" else read_model(Path(name))


def choose(reference: str | None) -> Chosen:
    """Return a trained model; the zoo's own without a reference. Raises UsageError for anything else.

    >>> choose(None).title
    'asap-resnet18.biomed16.r1'
    """
    wanted = reference or ZOO_MODEL
    kind, colon, name = wanted.partition(":")
    if kind not in ("zoo", "file") or not colon or not name:
        raise UsageError(f"{wanted!r} is not a model of a latent space", hint="write --model zoo:ID or file:FOLDER")
    chosen = Chosen(wanted, name if kind == "zoo" else Path(name).name)
    _ = chosen.model  # refused now, before any image is decoded
    return chosen


def choose_or_fit(
    reference: str | None, pool: Sequence[Dataset], fit: bool, settings: Sequence[str], seed: int, runtime: Runtime
) -> Chosen:
    """Return a trained model, or with ``fit`` one that is trained on the pool now, or taken from the cache.

    Raises UsageError where both were asked for, or settings of a training (NAME=VALUE) without one.
    """
    from dsim_asap.fitting import recipe_of, train_once

    if fit and reference:
        raise UsageError("--fit trains a model, so it does not take one", hint="leave out --model, or --fit")
    if settings and not fit:
        raise UsageError(f"--set {settings[0]}: only a training reads this", hint="add --fit, or leave it out")
    if not fit:
        return choose(reference)
    folder = train_once(pool, recipe_of(settings), seed, runtime)
    return Chosen(f"file:{folder}", f"trained on these {len(pool)} datasets, seed {seed}")


@dataclass(frozen=True)
class Cloud:
    """One dataset in the latent space.

    ``points`` : float64 (n, k), in the order of the dataset's images. ``seen`` : whether the model was trained on it.
    """

    dataset: Dataset
    points: NDArray[np.float64]
    role: Role = "source"
    seen: bool = False

    def __len__(self) -> int:
        return len(self.points)

    @property
    def name(self) -> str:
        return self.dataset.name

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """The mean of the points, (k,)."""
        mean: NDArray[np.float64] = self.points.mean(axis=0)
        return mean

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """Distance of each point to the centre, (n,)."""
        distances: NDArray[np.float64] = np.linalg.norm(self.points - self.centre, axis=1)
        return distances

    @property
    def representative(self) -> int:
        """The image nearest to the centre, the first of equals."""
        return int(self.distances.argmin())


def embed(datasets: Sequence[Dataset], chosen: Chosen, runtime: Runtime, role: Role = "source") -> list[Cloud]:
    """Return the clouds of datasets by a model; points come from the cache where they are known.

    Raises NeedError for a dataset without images.
    """
    from dsim.features import extract
    from dsim.plugin import Need

    clouds = []
    for dataset in datasets:
        dataset.require(Need.IMAGES, "dsim asap")
        points = extract(dataset, chosen.reference, runtime).astype(np.float64)
        clouds.append(Cloud(dataset, points, role, chosen.has_seen(dataset)))
    return clouds


def family(stated: str) -> str:
    """Return the family of modalities that a description names; the description itself where it names none.

    Datasets describe themselves in their own words, so that a map by words would be a map by datasets.

    >>> family("H&E histology RGB 40x"), family("colonoscopy RGB"), family("Raman maps")
    ('histology', 'endoscopy', 'Raman maps')
    """
    # Hyphens and the end of the text are as good as spaces, so that "dic " does not find itself in "dictionary".
    text = f" {stated.lower()} "
    return next((name for name, terms in FAMILIES if any(term in text for term in terms)), stated)


def stated(dataset: Dataset) -> str:
    """Return the modality that a dataset states: its attribute ``modality``, else that of a META.json in its folder.

    Where observers differ, the answer of most of them, the first in the alphabet of equals. Empty without a statement.

    >>> from dsim.data.phantoms import open_phantom
    >>> stated(open_phantom("fundus", count=1))
    'fundus'
    """
    from dsim.data.attributes import votes_of

    votes = Counter(filter(None, votes_of(dataset.attributes).get("modality", {}).values()))
    if votes:
        return min(votes, key=lambda answer: (-votes[answer], answer))
    try:
        meta = json.loads((Path(dataset.location) / "META.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # it is there for people; a map does not fail for it
    modality = meta.get("modality", "") if isinstance(meta, dict) else ""
    return modality.strip() if isinstance(modality, str) else ""

"""A dataset: named samples whose pixels, masks and labels are read when asked for, and never before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dsim.data.ids import refuse_duplicates
from dsim.errors import DataError, NeedError
from dsim.files.documents import digest
from dsim.registry import Need

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from dsim.data.treatment import Treatment
    from dsim.store import Rows


#: ``location`` and ``format`` of a dataset of arrays.
IN_MEMORY, ARRAYS = "memory", "arrays"
#: So that a million ids are never one text.
_IDS_AT_ONCE = 4096


class Backing(Protocol):
    """Where the images (h, w, c) and masks (h, w) of a dataset lie; picklable, and without open files."""

    def image(self, index: int) -> NDArray[Any]:
        """Return decoded pixels as stored, shape (H, W, C), any numeric dtype; alpha and palette already resolved.

        Raises UnreadableImageError that names the image.
        """

    def image_digest(self, index: int) -> str:
        """Return the sha256 of the stored bytes of an image (of the recipe, for generated ones); decodes nothing.

        Raises UnreadableImageError where they cannot be read.
        """

    def mask(self, index: int) -> NDArray[Any]:
        """Return an integer mask, shape (H, W); 0 is background. Raises NeedError where the image has none."""

    def mask_digest(self, index: int) -> str:
        """Return the sha256 of the stored bytes of the mask (h, w). Raises NeedError where the image has none."""


@dataclass(frozen=True)
class Dataset:
    """An immutable, lazy dataset of 2D images; DataError where it is empty, or where lengths or ids do not fit.

    Parameters
    ----------
    name : unique within one comparison.
    ids : one per sample, unique; readers sort them.
    backing : reads pixels and masks; None for a dataset that was given as features only.
    labels, groups, splits : one text per sample, or None where the dataset has none.
    attributes : properties of the dataset as a whole (used by expert measures).
    features : numbers (n, d) given by the user, an array or rows of a file; feature measures use them as they are.
    masked : whether the samples have masks: all, none, or one answer per sample. Equal answers become one, so that it
        is true wherever there is a mask at all; ``annotated`` says which samples have one.
    dtypes : numpy dtype name of each sample's stored pixels, known from the headers; None where only decoding shows it.
    location, format : where it came from and how it was understood. ``notes`` and ``skipped`` hold the rest.
    model : the segmentation model that was trained on the dataset: ``zoo:ID``, a file, or a folder that holds one;
        None where there is none. It is loaded by those who use it.
    options : which slices of volumes were asked for, as ``[slices=3]``; empty where nothing was.
    whole : of a subset of deeper images, the dataset whose images decide how they are scaled; None for all others.
    cache : the folder in which the measured range of deeper images is remembered; None: the default cache.
    """

    name: str
    ids: Sequence[str]
    backing: Backing | None = None
    labels: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    features: Rows | None = None
    masked: bool | tuple[bool, ...] = False
    dtypes: tuple[str, ...] | None = None
    model: str | None = None
    location: str = IN_MEMORY
    options: str = ""
    format: str = ARRAYS
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    whole: Dataset | None = field(default=None, repr=False)
    cache: Path | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.ids:
            raise DataError(
                f"dataset {self.name!r} is empty", hint=f"give at least one image; looked at {self.location}"
            )
        refuse_duplicates(self.name, self.ids)
        per_sample = {
            "labels": self.labels,
            "groups": self.groups,
            "splits": self.splits,
            "dtypes": self.dtypes,
            "features": self.features,
            "answers whether it has a mask": None if isinstance(self.masked, bool) else self.masked,
        }
        for what, values in per_sample.items():
            if values is not None and len(values) != len(self.ids):
                raise DataError(
                    f"dataset {self.name!r} has {len(self.ids)} samples but {len(values)} {what}",
                    hint=f"give one of the {what} per sample",
                )
        if not isinstance(self.masked, bool) and len(set(self.masked)) == 1:
            object.__setattr__(self, "masked", self.masked[0])

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted(set(self.labels or ())))

    def has(self, need: Need) -> bool:
        """Return whether a measure with this need can use the dataset."""
        return {
            Need.IMAGES: self.backing is not None,
            Need.FEATURES: self.features is not None or self.backing is not None,
            Need.LABELS: self.labels is not None,
            Need.MASKS: bool(self.masked),
            Need.ATTRIBUTES: bool(self.attributes),
            Need.MODEL: self.model is not None,
        }[need]

    def require(self, need: Need, wanted_by: str) -> None:
        """Raise NeedError, with the ways to supply what is missing, unless ``has(need)``."""
        if not self.has(need):
            object = "one" if need is Need.MODEL else "them"
            hint = _SUPPLY[need].format(name=self.name)
            raise NeedError(f"dataset {self.name!r} has no {need}, and {wanted_by} needs {object}", hint=hint)

    def native(self, index: int) -> NDArray[Any]:
        """Return pixels as stored, shape (H, W, C), native dtype. Raises NeedError without images."""
        return self._backing("images").image(index)

    def pixels(self, index: int) -> NDArray[Any]:
        """Return pixels ready for use, shape (H, W, C): uint8 where 8 bits were stored, else float32 in [0, 1].

        Deeper images are scaled by percentiles of the whole dataset (see ``treatment``), never clipped to white.
        Raises NeedError without images.
        """
        return self.treatment.apply(self.native(index))

    def mask(self, index: int) -> NDArray[Any]:
        """Return the integer mask, shape (H, W). Raises NeedError that names the image where it has none."""
        self.require(Need.MASKS, "this step")
        if not self.has_mask(index):
            raise NeedError(
                f"image {self.ids[index]!r} of dataset {self.name!r} has no mask",
                hint="give it one, or take the images that have one: dataset.annotated_part()",
            )
        return self._backing("masks").mask(index)

    def has_mask(self, index: int) -> bool:
        """Return whether this image (h, w, c) has a mask (h, w)."""
        return self.masked if isinstance(self.masked, bool) else self.masked[index]

    @property
    def annotated(self) -> Sequence[int]:
        """The positions of the images (h, w, c) that have masks (h, w), in order."""
        if isinstance(self.masked, bool):
            return range(len(self) if self.masked else 0)
        return tuple(index for index, has_mask in enumerate(self.masked) if has_mask)

    @property
    def annotation(self) -> str:
        """How many images have masks, in words; empty where all have one, or none.

        >>> import numpy as np
        >>> from dsim.data import from_arrays
        >>> blank = np.zeros((3, 8, 8), np.uint8)
        >>> from_arrays(blank, masks=[blank[0], None, None]).annotation
        'masks for 1 of 3 images'
        """
        if isinstance(self.masked, bool):
            return ""
        return f"masks for {len(self.annotated)} of {len(self)} images"

    def annotated_part(self, note: Callable[[str], None] | None = None) -> Dataset:
        """Return the dataset of the images (h, w, c) that have masks (h, w): itself where all have one.

        Otherwise its notes say how many it is of, and ``note`` gets the same text. Raises NeedError where no image
        has a mask.
        """
        self.require(Need.MASKS, "this step")
        if self.masked is True:
            return self
        used = f"uses the {len(self.annotated)} of {len(self)} images that have masks"
        if note is not None:
            note(f"{self.name}: {used}")
        part = self.subset(self.annotated)
        return replace(part, notes=(*part.notes, used))

    @property
    def reference(self) -> str:
        """The text that ``open_dataset`` takes to open it again, where it was opened from a place."""
        return self.location + self.options

    @cached_property
    def treatment(self) -> Treatment:
        """The way stored numbers (h, w, c) become intensities in [0, 1]: decided once, for all subsets, and recorded.

        Raises DataError where deeper images hold NaN or infinity.
        """
        from dsim.data.treatment import decide_treatment

        return self.whole.treatment if self.whole is not None else decide_treatment(self)

    def remember_in(self, cache: Path) -> None:
        """Remember the measured range of deeper images in this folder from now on; no value of the dataset changes."""
        object.__setattr__(self, "cache", cache)
        if self.whole is not None:
            self.whole.remember_in(cache)

    @cached_property
    def image_digests(self) -> tuple[str, ...]:
        """sha256 of the bytes of each image (h, w, c), in order; NeedError without images."""
        backing = self._backing("images")
        return tuple(backing.image_digest(index) for index in range(len(self)))

    @cached_property
    def images_fingerprint(self) -> str:
        """sha256 over the sorted (id, digest of bytes) of the images; labels and masks do not enter.

        Of a subset of deeper images it is also of the whole: scaled by another one, they are other images. Raises
        NeedError without images.
        """
        own = sorted(zip(self.ids, self.image_digests, strict=True))
        return digest(own if self.whole is None else [own, self.whole.images_fingerprint])

    @cached_property
    def order(self) -> str:
        """sha256 of the ids in their order, which the other fingerprints leave out."""
        state = hashlib.sha256(b'{"ids":[')
        for start in range(0, len(self), _IDS_AT_ONCE):
            chunk = json.dumps(tuple(self.ids[start : start + _IDS_AT_ONCE]), separators=(",", ":"))
            state.update(("," if start else "").encode() + chunk[1:-1].encode())
        state.update(b"]}")
        return state.hexdigest()

    @cached_property
    def masks_fingerprint(self) -> str:
        """sha256 over the sorted (id, digest of bytes) of the masks (h, w); NeedError where there are none."""
        self.require(Need.MASKS, "this step")
        backing = self._backing("masks")
        return digest(sorted((self.ids[i], backing.mask_digest(i)) for i in self.annotated))

    @cached_property
    def features_fingerprint(self) -> str:
        """sha256 of the features (n, d) that were given, with their shape and dtype; DataError where there are none."""
        from dsim.data.arrays import fingerprint

        if self.features is None:
            raise DataError(
                f"dataset {self.name!r} was not given features", hint="give them: from_arrays(features=...)"
            )
        return fingerprint(self.features)

    @cached_property
    def model_fingerprint(self) -> str:
        """The identity of the model: a zoo id never changes what it names; of a file, the sha256 of its bytes.

        Raises NeedError without a model, WeightsError where there is no file.
        """
        from dsim.data.model_option import model_identity

        self.require(Need.MODEL, "this step")
        return model_identity(str(self.model))

    def fingerprint(self, needs: Iterable[Need]) -> str:
        """Return the identity of exactly that part of the dataset which these needs read.

        Raises NeedError where the dataset does not have it.
        """
        parts: dict[str, str] = {}
        for need in sorted(set(needs)):
            parts[need] = self._fingerprint_of(need)
        if self.groups is not None:
            parts["groups"] = digest(sorted(zip(self.ids, self.groups, strict=True)))
        return digest(sorted(parts.items()))

    def _fingerprint_of(self, need: Need) -> str:
        if need is Need.FEATURES:
            return self.features_fingerprint if self.features is not None else self.images_fingerprint
        if need is Need.LABELS:
            return digest(sorted(zip(self.ids, self.labels or (), strict=True)))
        if need is Need.ATTRIBUTES:
            return digest(sorted(self.attributes.items()))
        if need is Need.MODEL:
            return self.model_fingerprint
        return self.masks_fingerprint if need is Need.MASKS else self.images_fingerprint

    def subset(self, indices: Sequence[int], name: str | None = None) -> Dataset:
        """Return the dataset of these samples, in this order; ids stay, so its fingerprints differ.

        Deeper images are scaled as in the whole, so that its parts, for training and for tests, stay comparable.
        Features (n, d) are taken by rows. Raises DataError for no sample, or for one taken twice.
        """
        from dsim.data.treatment import deep_samples

        chosen = [int(i) for i in indices]

        def pick(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
            return None if values is None else tuple(values[i] for i in chosen)

        part = replace(
            self,
            name=name or self.name,
            ids=tuple(self.ids[i] for i in chosen),
            backing=None if self.backing is None else Subset(self.backing, tuple(chosen)),
            labels=pick(self.labels),
            groups=pick(self.groups),
            splits=pick(self.splits),
            masked=self.masked if isinstance(self.masked, bool) else tuple(self.masked[i] for i in chosen),
            dtypes=pick(self.dtypes),
            features=None if self.features is None else self.features[chosen],
            whole=None,
        )
        if self.whole is None and len(part) == len(self):
            return part  # all of its images in another order decide the same
        return replace(part, whole=self if self.whole is None else self.whole) if deep_samples(part) else part

    def with_model(self, reference: str | Path) -> Dataset:
        """Return the same dataset with the segmentation model that was trained on it: ``zoo:ID``, a file or folder.

        Raises WeightsError where there is no such file.
        """
        from dsim.data.model_option import checked_model

        return replace(self, model=checked_model(str(reference)))

    def renamed(self, name: str) -> Dataset:
        """Return the same dataset under another name."""
        return replace(self, name=name)

    def _backing(self, what: str) -> Backing:
        if self.backing is None:
            raise NeedError(
                f"dataset {self.name!r} has no {what}: it was given as features only", hint=_SUPPLY[Need.IMAGES]
            )
        return self.backing


@dataclass(frozen=True)
class Subset:
    """Some images (h, w, c) and masks (h, w) of another backing; reading raises what that raises, such as NeedError."""

    whole: Backing
    indices: tuple[int, ...]

    def image(self, index: int) -> NDArray[Any]:
        return self.whole.image(self.indices[index])

    def image_digest(self, index: int) -> str:
        return self.whole.image_digest(self.indices[index])

    def mask(self, index: int) -> NDArray[Any]:
        return self.whole.mask(self.indices[index])

    def mask_digest(self, index: int) -> str:
        return self.whole.mask_digest(self.indices[index])


_SUPPLY = {
    Need.IMAGES: "give a folder of images, or from_arrays(images=...), "
    "or choose a measure: dsim measures --needs features",
    Need.FEATURES: "give images, or from_arrays(features=...)",
    Need.LABELS: "use class folders or a manifest with a label column, "
    "or choose a label-free measure: dsim measures --needs images",
    Need.MASKS: "put them under masks/ beside images/ with the images' stems, "
    "or choose a measure without: dsim measures --needs images",
    Need.ATTRIBUTES: "give a table of them: dsim compare --attributes FILE.csv, or attributes.csv in its folder, "
    "or from_arrays(attributes=...); dsim expert rate writes one",
    Need.MODEL: "name the segmentation model that was trained on it: '{name}[model=FILE]' or '[model=zoo:ID]', "
    "or train one: dsim transfer segmentation --sources DATASET --targets DATASET --out FOLDER",
}

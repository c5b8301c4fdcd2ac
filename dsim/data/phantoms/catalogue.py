"""The named phantoms: nine sources, and six targets whose nearest source is known because they are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from dsim.data.phantoms.camera import Content, Scene, Sitting, Style
from dsim.data.phantoms.microscopy import fluorescence, histology, phase_contrast, relief
from dsim.data.phantoms.photographs import dermoscopy, endoscopy, fundus
from dsim.data.phantoms.radiology import ultrasound, xray
from dsim.errors import UnknownNameError

Draw = Callable[[Sitting], Scene]


@dataclass(frozen=True)
class Phantom:
    """One named phantom.

    Parameters
    ----------
    name : its name. ``draw`` draws one scene of its modality.
    title : one line for lists.
    classes : the labels, each visible in the image.
    subject : what the masks mark. ``group`` : what consecutive images have in common.
    style, content : where its knobs stand.
    source : the source that a target is a variant of; empty for a source.
    """

    name: str
    draw: Draw
    title: str
    classes: tuple[str, ...]
    subject: str
    group: str
    style: Style = field(default_factory=Style)
    content: Content = field(default_factory=Content)
    source: str = ""

    @property
    def modality(self) -> str:
        """The name of the source that shows the same modality: its own, if it is a source."""
        return self.source or self.name


_SOURCES = (
    Phantom(
        "fluorescence",
        fluorescence,
        "fluorescent nuclei",
        ("interphase", "mitotic"),
        "nuclei",
        "well",
        Style(noise=0.12, blur=0.12),
    ),
    Phantom(
        "histology",
        histology,
        "H&E-stained tissue",
        ("benign", "tumour"),
        "nuclei",
        "slide",
        Style(noise=0.08),
    ),
    Phantom(
        "phase-contrast",
        phase_contrast,
        "adherent cells in phase contrast",
        ("rounded", "spread"),
        "cells",
        "well",
        Style(noise=0.12),
    ),
    Phantom(
        "relief",
        relief,
        "cells in DIC-like relief",
        ("dividing", "flat"),
        "cells",
        "well",
        Style(noise=0.08),
    ),
    Phantom(
        "ultrasound",
        ultrasound,
        "B-mode ultrasound of layered tissue",
        ("cyst", "solid"),
        "lesions",
        "patient",
        Style(noise=0.1),
    ),
    Phantom("xray", xray, "chest radiographs", ("clear", "opacity"), "lungs", "patient", Style(noise=0.1, blur=0.1)),
    Phantom(
        "dermoscopy",
        dermoscopy,
        "pigmented skin lesions",
        ("keratosis", "melanoma", "nevus"),
        "lesion",
        "patient",
        Style(noise=0.08, illumination=0.35),
    ),
    Phantom(
        "fundus",
        fundus,
        "colour photographs of the retina",
        ("healthy", "retinopathy"),
        "optic disc",
        "patient",
        Style(noise=0.08, blur=0.1),
    ),
    Phantom(
        "endoscopy",
        endoscopy,
        "colonoscopy with polyps",
        ("adenoma", "hyperplastic"),
        "polyps",
        "video",
        Style(noise=0.06, blur=0.12),
    ),
)


def _variant(source: str, name: str, title: str, style: Mapping[str, float], content: Mapping[str, float]) -> Phantom:
    """The source with some knobs turned."""
    base = next(phantom for phantom in _SOURCES if phantom.name == source)
    style_there, content_there = base.style.turned(style), base.content.turned(content)
    return replace(base, name=name, title=title, style=style_there, content=content_there, source=source)


_TARGETS = (
    _variant(
        "fluorescence",
        "fluorescence-dim",
        "short exposure: faint, noisy, crowded",
        style={"colour": -0.3, "contrast": -0.4, "noise": 0.3},
        content={"density": 0.7, "scale": 0.4},
    ),
    _variant(
        "histology",
        "histology-pale",
        "another stain and scanner: pale, warm, soft",
        style={"colour": 0.1, "contrast": -0.2, "blur": 0.2},
        content={"scale": 0.6, "shape": 0.45},
    ),
    _variant(
        "ultrasound",
        "ultrasound-portable",
        "a hand-held probe: flat contrast, more noise",
        style={"contrast": -0.35, "noise": 0.3, "blur": 0.3, "texture": 0.65},
        content={"scale": 0.4},
    ),
    _variant(
        "xray",
        "xray-bedside",
        "bedside exposures: hazy, uneven, less inspiration",
        style={"contrast": -0.25, "illumination": 0.45, "noise": 0.2},
        content={"scale": 0.35, "shape": 0.15},
    ),
    _variant(
        "dermoscopy",
        "dermoscopy-phone",
        "a phone's camera: colder, blurred, larger lesions",
        style={"colour": -0.12, "blur": 0.4, "illumination": 0.5, "noise": 0.15},
        content={"scale": 0.6, "density": 0.3},
    ),
    _variant(
        "fundus",
        "fundus-handheld",
        "a hand-held camera: blurred, dim at the rim",
        style={"blur": 0.35, "illumination": 0.6, "noise": 0.2, "contrast": -0.2},
        content={"density": 0.35},
    ),
)

_CATALOGUE = {p.name: p for p in (*_SOURCES, *_TARGETS)}

#: Target to its nearest source, by construction: same modality, some knobs turned.
TRUE_SOURCE: Mapping[str, str] = {p.name: p.source for p in _CATALOGUE.values() if p.source}


def names() -> list[str]:
    """All phantoms, the sources first."""
    return list(_CATALOGUE)


def source_names() -> list[str]:
    """The nine phantoms of different modalities.

    >>> len(source_names())
    9
    """
    return [p.name for p in _CATALOGUE.values() if not p.source]


def target_names() -> list[str]:
    """The six variants; ``TRUE_SOURCE`` names their sources.

    >>> TRUE_SOURCE[target_names()[0]]
    'fluorescence'
    """
    return list(TRUE_SOURCE)


def phantom(name: str) -> Phantom:
    """The phantom of that name; an unknown one is refused with the nearest known."""
    if name not in _CATALOGUE:
        raise UnknownNameError("phantom", name, names(), hint="list them: dsim data phantoms --list")
    return _CATALOGUE[name]

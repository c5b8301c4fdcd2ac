"""Methods that map the images of a dataset, by their texts: a trainer of maps, or features and a layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from dsim.errors import UnknownNameError, UsageError, repeated
from dsim.registry import Product, format_bracketed, parse_bracketed, split_outside_brackets

if TYPE_CHECKING:
    from dsim.embeddings import Layout
    from dsim.registry import TrainerSpec

LAYOUTS = ("tsne", "umap", "pca")
#: Features that need no training, by name.
BASELINES: Mapping[str, str] = {
    "pixels": "the pixels themselves, in colour, at their own size up to 64 pixels",
    "imagenet": "a network trained on photographs (ImageNet), shipped with dsim",
    "zoo": "the network whose features dsim compares datasets by",
}
_IMAGENET = "zoo:lite0.imagenet.r1"
_HOW = "write FEATURES+LAYOUT, such as pixels+tsne, or the name of a trainer of maps (dsim train lists them)"


@dataclass(frozen=True)
class Method:
    """One way to map the images of a dataset.

    Parameters
    ----------
    text : by which it is called and named, canonical.
    kind : ``trainer`` (the features, or the map, are trained on the dataset itself, without labels), ``baseline``
        (one of ``BASELINES``), or ``reference`` (any extractor).
    name : of the trainer or baseline, or the extractor's reference.
    layout : of the features; empty where the method gives places in the plane itself.
    parameters : of the trainer, all of them, checked.
    """

    text: str
    kind: Literal["trainer", "baseline", "reference"]
    name: str
    layout: Layout | Literal[""] = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether it trains a network on the dataset."""
        return self.kind == "trainer"

    @property
    def is_fixed(self) -> bool:
        """Whether every seed gives the same map."""
        return not self.trains and self.layout in ("", "pca")


def read_methods(texts: Sequence[str]) -> tuple[Method, ...]:
    """Return the methods of texts, in their order; raises UsageError for none, for one given twice, and as below."""
    methods = tuple(read_method(text) for text in texts)
    if not methods:
        raise UsageError("there is no method to compare", hint=_HOW)
    for twice in repeated(method.text for method in methods):
        raise UsageError(f"method {twice!r} is given twice", hint="give it once")
    return methods


def read_method(text: str) -> Method:
    """Return the method of a text.

    Parameters
    ----------
    text : ``FEATURES+LAYOUT`` or ``MAP``. FEATURES is a baseline (``pixels``, ``imagenet``, ``zoo``), a trainer of
        extractors, as ``simclr[size=32,epochs=50]``, or an extractor, as ``file:RUN/model`` or ``timm:resnet18``;
        LAYOUT is ``tsne``, ``umap`` or ``pca``. MAP is a trainer of maps with its settings, or an extractor whose
        features are places in the plane. ``preset=NAME`` among the settings is a preset of the trainer.

    Raises
    ------
    UnknownNameError, UsageError
        For an unknown name, layout, preset or parameter, and for a value that is refused.

    >>> read_method("pixels + tsne").text, read_method("imagenet+umap").layout
    ('pixels+tsne', 'umap')
    """
    features, layout = _divided(text)
    head, options = parse_bracketed(features)
    if ":" in head:
        return Method(_joined(features, layout), "reference", features, layout)
    if head in BASELINES:
        if options or not layout:
            wrong = "takes no settings" if options else "has no places in the plane of its own"
            raise UsageError(f"{head!r} in method {text!r} {wrong}", hint=f"write {head}+tsne")
        return Method(_joined(head, layout), "baseline", head, layout)
    return _of_trainer(text, head, options, layout)


def _divided(text: str) -> tuple[str, Layout | Literal[""]]:
    """The features and the layout; a plus sign within brackets, or in a path, belongs to the features."""
    parts = split_outside_brackets(text.strip(), "+")
    last = parts[-1].strip()
    if len(parts) == 1:
        return last, ""
    if last not in LAYOUTS:
        raise UnknownNameError(f"layout in method {text!r}", last, LAYOUTS, hint=f"layouts are: {', '.join(LAYOUTS)}")
    return "+".join(parts[:-1]).strip(), cast("Layout", last)


def _joined(features: str, layout: str) -> str:
    return f"{features}+{layout}" if layout else features


def _of_trainer(text: str, name: str, options: Mapping[str, str], layout: Layout | Literal[""]) -> Method:
    from dsim.registry import default

    trainers = {spec.name: spec for spec in default().trainers.values() if product_of(spec, layout) in spec.produces}
    if name not in trainers:
        known = [*(BASELINES if layout else ()), *trainers]
        listed = f"{'features' if layout else 'trainers of maps'} are: {', '.join(known)}"
        more = ", or an extractor KIND:NAME" if layout else f"; features take a layout: {name}+tsne"
        raise UnknownNameError("features" if layout else "trainer of maps", name, known, hint=listed + more)
    spec = trainers[name]
    given = {key: spec.parameter(key).parse(value) for key, value in options.items() if key != "preset"}
    values = spec.values(given, options.get("preset", ""))
    return Method(_joined(format_bracketed(name, options), layout), "trainer", name, layout, values)


def product_of(spec: TrainerSpec, layout: str) -> Product:
    """Return what a method takes of a trainer: features where they are laid out, else a map."""
    return Product.EXTRACTOR if layout else Product.MAP


def reference_of(baseline: str, side: int) -> str:
    """Return the extractor of a baseline for images of this side, pixels.

    Raises KeyError for another name.

    >>> reference_of("pixels", 48), reference_of("imagenet", 48)
    ('pixels:[channels=3,side=48]', 'zoo:lite0.imagenet.r1')
    """
    from dsim.measures import EXTRACTOR

    return {
        "pixels": format_bracketed("pixels:", {"side": str(min(side, 64)), "channels": "3"}),
        "imagenet": _IMAGENET,
        "zoo": str(EXTRACTOR.default),
    }[baseline]

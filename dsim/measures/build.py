"""Build measures from the text that calls them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from dsim.errors import DsimError, PluginError, UnknownNameError, UsageError
from dsim.measures.interface import SimilarityMeasure
from dsim.registry import (
    MeasureSpec,
    Registry,
    default,
    describe_failure,
    format_bracketed,
    format_call,
    line_of,
    load,
    parse_bracketed,
    parse_call,
)


def build_measure(measure: str | SimilarityMeasure[Any], registry: Registry | None = None) -> SimilarityMeasure[Any]:
    """Return the measure called ``name:param=value,...``; a measure is returned as it is.

    ``preset=NAME`` sets several parameters at once. ``registry`` is the one of this installation unless given.
    Raises UnknownNameError for an unknown measure, parameter or preset, UsageError for a value that is refused, and
    PluginError where the plugin's class does not carry the spec that it declares.

    >>> build_measure("cc:size=32")
    cc:size=32
    """
    if not isinstance(measure, str):
        if not hasattr(measure, "spec"):
            raise UsageError(f"{measure!r} is not a measure", hint="give a name such as 'asap', or a SimilarityMeasure")
        return measure
    name, texts = parse_call(measure)
    spec = (registry or default()).measure_spec(name)
    values = dict(_preset(spec, texts.pop("preset"))) if "preset" in texts else {}
    values.update({key: spec.parameter(key).parse(value) for key, value in texts.items()})
    factory = load(spec.factory)
    if getattr(factory, "spec", None) != spec:
        raise PluginError(
            f"{spec.factory} does not carry the spec that declares measure {name!r}",
            hint="give the class the attribute spec, the same object that the hook returns",
        )
    return _constructed(spec, factory, values)


#: By what a spec declares, the methods of which it needs one, each in its own class.
_DECLARED: Mapping[str, tuple[str, ...]] = {
    "resamples": ("resample", "compare_resampled", "compare_with_replicates"),
    "two_sample": ("merge",),
    "embeds": ("embedding",),
    "fits_pool": ("fit",),
}


def _constructed(spec: MeasureSpec, factory: Any, values: Mapping[str, Any]) -> SimilarityMeasure[Any]:
    """The measure; PluginError names a method that is missing or misspelt, and the line of whatever else goes wrong."""
    where = f"{factory.__module__}.{factory.__qualname__}"
    for method in sorted(getattr(factory, "__abstractmethods__", ())):
        raise PluginError(
            f"measure {spec.name!r} has no method {method!r}", hint=f"write {method} in {where}{_near(factory, method)}"
        )
    for declared, methods in _DECLARED.items():
        if getattr(spec, declared) and all(_inherited(factory, method) for method in methods):
            raise PluginError(
                f"measure {spec.name!r} declares {declared} but has no method {methods[0]!r}",
                hint=f"write {methods[0]} in {where}, or declare {declared}=False{_near(factory, methods[0])}",
            )
    try:
        built: SimilarityMeasure[Any] = factory(**values)
    except DsimError:
        raise
    except Exception as error:
        cause = describe_failure(error, factory.__module__)
        # Without a line in the plugin, it is the call that does not fit.
        takes = f"let {where}.__init__ take the spec's parameters by name: {', '.join(values) or 'none'}"
        hint = f"mend that line of {where}" if line_of(error, [factory.__module__]) else takes
        raise PluginError(f"measure {spec.name!r} cannot be made: {cause}", hint=hint) from error
    return built


def _inherited(factory: Any, method: str) -> bool:
    return getattr(factory, method, None) is getattr(SimilarityMeasure, method)


def _near(factory: Any, method: str) -> str:
    """The method of the class that was probably meant to be this one."""
    own = [name for name, value in vars(factory).items() if callable(value) and not hasattr(SimilarityMeasure, name)]
    near = difflib.get_close_matches(method, own, n=1)
    return f"; it has {near[0]!r}: did you mean {method!r}?" if near else ""


def _preset(spec: MeasureSpec, name: str) -> Mapping[str, Any]:
    if name not in spec.presets:
        hint = f"it has: {', '.join(spec.presets)}" if spec.presets else "it has none"
        raise UnknownNameError(f"preset of measure {spec.name!r}", name, spec.presets, hint=hint)
    return spec.presets[name]


def with_weights(measure_text: str, weights: str) -> str:
    """Return the call with ``weights=FILE`` given to the measure's extractor.

    Raises UsageError where the measure uses no network, and UnknownNameError for an unknown measure.

    >>> with_weights("asap:model=zoo:other", "encoder.safetensors")
    'asap:model=zoo:other[weights=encoder.safetensors]'
    """
    name, texts = parse_call(measure_text)
    spec = default().measure_spec(name)
    chosen = [parameter for parameter in spec.parameters if parameter.type == "extractor"]
    if not chosen:
        raise UsageError(f"measure {name!r} uses no network", hint="leave --weights away")
    head, options = parse_bracketed(texts.get(chosen[0].name, str(chosen[0].default)))
    return format_call(name, {**texts, chosen[0].name: format_bracketed(head, {**options, "weights": weights})})


def with_extractor(measure_text: str, extractor: str) -> str | None:
    """Return the call with its parameter ``extractor`` set, unless it names one itself; None without that parameter.

    Raises UnknownNameError for an unknown measure.

    A measure whose network goes by another name (``asap:model=...``) is that network, and is left alone.

    >>> with_extractor("asap", "timm:resnet18.a1_in1k") is None
    True
    """
    name, texts = parse_call(measure_text)
    spec = default().measure_spec(name)
    if not any(parameter.name == "extractor" and parameter.type == "extractor" for parameter in spec.parameters):
        return None
    return format_call(name, {"extractor": extractor, **texts})

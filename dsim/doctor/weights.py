"""Which weights are at hand: those of the zoo, and those that measures and their presets name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsim.doctor.findings import Finding, Status
from dsim.errors import DsimError, WeightsError
from dsim.registry import MeasureSpec, default
from dsim.runtime import Runtime

#: Kinds of extractors that need no weights from elsewhere.
_SHIPPED = ("zoo", "pixels")
_ELSEWHERE = "fetched when first used; without network: --weights FILE, or docs/howto/offline.md"


def zoo() -> Iterator[Finding]:
    """Every model's weights against its manifest. (``dsim zoo verify`` also asks each network its probe.)"""
    from dsim.zoo import models

    try:
        known = models()
    except DsimError as error:
        yield Finding("zoo", Status.BROKEN, error.message, error.hint or "install dsim again")
        return
    sound = 0
    for model in known:
        try:
            model.verify()
        except DsimError as error:
            yield Finding("zoo", Status.BROKEN, error.message, error.hint or "install dsim again")
        else:
            sound += 1
    yield Finding("zoo", Status.OK, f"{sound} models with the weights that their manifests promise")


def of_presets() -> Iterator[Finding]:
    """Networks that measures name by default or in a preset, and that are not shipped: at hand, or to be fetched."""
    from dsim.features.extractor import prepare

    at_hand = []
    for reference, users in named(default().measures.values()).items():
        for_whom = f"for {', '.join(users)}"
        try:
            prepare(reference, Runtime(offline=True))
        except WeightsError:
            yield Finding("weights", Status.NOTE, f"{reference} is not at hand; {for_whom}", _ELSEWHERE)
        except DsimError as error:
            yield Finding("weights", Status.BROKEN, f"{error.message} ({reference}; {for_whom})", error.hint or "")
        else:
            at_hand.append(reference)
    if at_hand:
        yield Finding("weights", Status.OK, f"at hand: {', '.join(at_hand)}")


def named(specs: Iterable[MeasureSpec]) -> dict[str, list[str]]:
    """References of networks whose weights are not shipped, each with the calls that name it."""
    found: dict[str, list[str]] = {}
    for spec in specs:
        networks = [parameter for parameter in spec.parameters if parameter.type == "extractor"]
        calls = {spec.name: {parameter.name: parameter.default for parameter in networks}}
        calls |= {f"{spec.name}:preset={preset}": dict(values) for preset, values in spec.presets.items()}
        for call, values in calls.items():
            for parameter in networks:
                reference = str(values.get(parameter.name, ""))
                if reference and reference.partition(":")[0] not in _SHIPPED:
                    found.setdefault(reference, []).append(call)
    return found

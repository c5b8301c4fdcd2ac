"""All examinations in turn; one that fails itself is a finding, and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dsim.doctor import machine, network, parts, storage, versions, weights
from dsim.doctor.findings import Finding, Status

Examination = Callable[[], Iterator[Finding]]


def examinations(online: bool) -> dict[str, Examination]:
    """What is looked at, by topic, in the order in which one thing rests on another."""
    found: dict[str, Examination] = {
        "versions": versions.examine,
        "files": parts.shipped_files,
        "device": machine.device,
        "memory": machine.memory,
        "cache": storage.examine,
        "plugins": parts.plugins,
        "zoo": weights.zoo,
        "weights": weights.of_presets,
        "optional": versions.optional,
    }
    return {**found, "network": network.examine} if online else found


def examine(*, online: bool = False) -> Iterator[Finding]:
    """Findings as they are made; nothing is raised, whatever is broken, and without ``online`` no network is used."""
    for topic, look in examinations(online).items():
        try:
            yield from look()
        except Exception as error:
            told = f"could not be examined: {type(error).__name__}: {error}"
            yield Finding(topic, Status.BROKEN, told, "install dsim again; where that does not help, report this line")

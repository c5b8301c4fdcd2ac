"""Can weights be fetched? Asked only where the user says so."""

from __future__ import annotations

from collections.abc import Iterator

from dsim.doctor.findings import Finding, Status

#: Seconds to wait for a host.
_TIMEOUT = 5.0


def examine() -> Iterator[Finding]:
    """Whether the host of timm's weights answers."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=_TIMEOUT)
    except Exception as error:
        told = f"{constants.ENDPOINT} cannot be reached: {type(error).__name__}"
        yield Finding(
            "network", Status.NOTE, told, "shipped weights need no network; for others: docs/howto/offline.md"
        )
    else:
        yield Finding("network", Status.OK, f"{constants.ENDPOINT} answers")

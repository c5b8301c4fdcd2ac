"""The runtime names devices that exist, and says so of others before any work."""

from __future__ import annotations

import pytest

from dsim.errors import UsageError
from dsim.runtime import Runtime


def test_auto_is_a_device_that_is_here():
    assert Runtime(device="auto").resolved_device() in {"cpu", "cuda", "mps"}
    assert Runtime(device="cpu").resolved_device() == "cpu"


@pytest.mark.parametrize("device", ["banana", "cpu:1", "cuda:x", "cuda:99", ""])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(device):
    with pytest.raises(UsageError):
        Runtime(device=device).resolved_device()

"""The errors of ``dsim plugin new`` name the culprit and a fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.errors import DsimError
from dsim.scaffold import check_name, new_plugin

#: What is done, the culprit that the message names, and what the fix names.
WORDING: dict[str, tuple[Callable[[], object], str, str]] = {
    "malformed": (
        lambda: check_name("Mean_Shift"),
        "'Mean_Shift'",
        "mean-shift",
    ),
    "dsim twice": (
        lambda: check_name("dsim-shift"),
        "'dsim-shift'",
        "dsim-",
    ),
    "long": (
        lambda: check_name("x" * 41),
        "40 characters",
        "short",
    ),
    "a name of Python": (
        lambda: check_name("none"),
        "'none'",
        "none-measure",
    ),
    "an author of two lines": (
        lambda: new_plugin("mean-shift", Path(), author="a\nb"),
        "'a\\nb'",
        "one line",
    ),
    "a folder that cannot be made": (
        lambda: new_plugin("mean-shift", Path("file")),
        "file",
        "--out",
    ),
}


@pytest.mark.parametrize(("act", "culprit", "fix"), WORDING.values(), ids=WORDING)
def test_an_error_names_culprit_and_fix(
    act: Callable[[], object], culprit: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(DsimError) as caught:
        act()
    assert culprit in caught.value.message
    assert fix in (caught.value.hint or "")

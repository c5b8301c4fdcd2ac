"""The errors of ``dsim plugin new``, word for word: the thing, the cause, the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.errors import DsimError
from dsim.scaffold import check_name, new_plugin

WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "malformed": (
        lambda: check_name("Mean_Shift"),
        "'Mean_Shift' cannot name a plugin\n"
        "  fix: write lower-case words of letters and digits, joined by hyphens: mean-shift",
    ),
    "dsim twice": (
        lambda: check_name("dsim-shift"),
        "'dsim-shift' would become dsim-dsim-shift\n  fix: leave dsim- away: shift",
    ),
    "long": (
        lambda: check_name("x" * 41),
        f"'{'x' * 41}' is longer than 40 characters\n  fix: users type it: choose a short one",
    ),
    "a name of Python": (
        lambda: check_name("none"),
        "'none' would make a class None, which is a name of Python\n  fix: for example none-measure",
    ),
    "an author of two lines": (
        lambda: new_plugin("mean-shift", Path(), author="a\nb"),
        "author 'a\\nb' holds what cannot be printed\n  fix: give a name in one line",
    ),
    "a folder that cannot be made": (
        lambda: new_plugin("mean-shift", Path("file")),
        "cannot write to file: File exists\n  fix: choose an --out that can be written",
    ),
}


@pytest.mark.parametrize(("act", "told"), WORDING.values(), ids=WORDING)
def test_wording_of_a_new_plugin(
    act: Callable[[], object], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(DsimError) as caught:
        act()
    assert str(caught.value) == told

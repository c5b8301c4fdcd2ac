"""The conformance kit catches every broken measure, and lets a sound one pass."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from broken_measures import SPECIMENS, MeanShift, Unbiased

from dsim import registry
from dsim.errors import UnknownNameError, UsageError
from dsim.testing import CHECKS, ConformanceError, Status, assert_conforms, check_measure

BROKEN = [pytest.param(check, cls, id=cls.__name__) for check, classes in SPECIMENS.items() for cls in classes]


def test_a_sound_measure_passes_every_check_that_applies() -> None:
    report = check_measure(MeanShift)
    assert report.ok, str(report)
    passed = {result.name for result in report.results if result.status is Status.PASSED}
    assert set(CHECKS) - passed == {"registration"}
    assert "not registered" in report["registration"].message


@pytest.mark.parametrize(("check", "broken"), BROKEN)
def test_exactly_the_named_check_catches_the_broken_measure(check: str, broken: type[MeanShift]) -> None:
    report = check_measure(broken)
    assert [result.name for result in report.failures] == [check], str(report)
    assert report[check].message
    assert report[check].hint


def test_every_check_has_a_broken_specimen() -> None:
    # registration is about a plugin's module; test_registration_* bring plugins of their own.
    assert set(SPECIMENS) | {"registration"} == set(CHECKS)


def test_every_check_says_what_it_guards() -> None:
    assert all(len(about) > 20 for about in CHECKS.values())


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A registered plugin that declares MeanShift under the name shifted, with whatever first line it is given."""
    return _install(tmp_path, monkeypatch, first_line="")


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, first_line: str) -> str:
    """Lay down a distribution whose plugin declares the measure ``shifted``."""
    source = f"""{first_line}
        import sys
        from dsim.plugin import hookimpl, MeasureSpec, Need, Direction

        SPEC = MeasureSpec(
            name="shifted", version=1, title="t", factory="shifted_plugin_measure:Shifted",
            needs=frozenset({{Need.FEATURES}}), direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True,
            formula="f", cost="c", references=("r",), min_samples=1, bounds=(0.0, float("inf")),
        )

        @hookimpl
        def dsim_measures():
            return [SPEC]
    """
    lines = [line.removeprefix(" " * 8) for line in source.splitlines()]
    (folder / "shifted_plugin.py").write_text("\n".join(lines))
    (folder / "shifted_plugin_measure.py").write_text(
        "from broken_measures import MeanShift\n"
        "from shifted_plugin import SPEC\n"
        "class Shifted(MeanShift):\n"
        "    spec = SPEC\n"
        "    power, scale = 1.0, 'none'\n"
    )
    info = folder / "shifted_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shifted-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dsim]\nshifted = shifted_plugin\n")
    monkeypatch.syspath_prepend(folder)
    for module in ("shifted_plugin", "shifted_plugin_measure"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    registry.forget()
    return "shifted"


@pytest.fixture(autouse=True)
def _registry_of_its_own() -> object:
    registry.forget()
    yield
    registry.forget()
    sys.modules.pop("shifted_plugin", None)
    sys.modules.pop("shifted_plugin_measure", None)


def test_a_registered_measure_is_checked_by_name(plugin: str) -> None:
    report = check_measure(plugin)
    assert report.ok, str(report)
    assert report["registration"].message == "shifted_plugin"


def test_registration_that_imports_something_heavy_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = check_measure(_install(tmp_path, monkeypatch, first_line="import h5py"))
    assert [result.name for result in report.failures] == ["registration"], str(report)
    assert "h5py" in report["registration"].message


def test_an_expected_failure_with_a_reason_conforms() -> None:
    report = check_measure(Unbiased, expected_failures={"duplication": "it is unbiased"})
    assert report.ok
    assert report["duplication"].status is Status.EXPECTED_FAILURE
    assert "it is unbiased" in report["duplication"].message


def test_an_unexpected_pass_is_a_failure() -> None:
    report = check_measure(MeanShift, expected_failures={"duplication": "it is unbiased"})
    assert [result.status for result in report.failures] == [Status.UNEXPECTED_PASS]


def test_an_expected_failure_of_a_check_that_does_not_apply_is_a_failure() -> None:
    report = check_measure(MeanShift, expected_failures={"registration": "it lives in a test"})
    assert [result.name for result in report.failures] == ["registration"]


def test_an_expected_failure_must_be_a_check_and_have_a_reason() -> None:
    with pytest.raises(UnknownNameError, match="duplication"):
        check_measure(MeanShift, expected_failures={"duplicatoin": "it is unbiased"})
    with pytest.raises(UsageError, match="no reason"):
        check_measure(MeanShift, expected_failures={"duplication": " "})


def test_checks_that_could_not_run_are_visible() -> None:
    report = check_measure(SPECIMENS["works"][0])
    skipped = [result for result in report.results if result.status is Status.NOT_APPLICABLE]
    assert "the check works has failed" in {result.message for result in skipped}
    assert {result.name for result in report.results} == set(CHECKS)


def test_assert_conforms_raises_what_is_wrong() -> None:
    assert_conforms(MeanShift)
    with pytest.raises(ConformanceError, match="every image twice") as caught:
        assert_conforms(Unbiased)
    assert isinstance(caught.value, AssertionError)


def test_the_report_is_json() -> None:
    document = json.loads(check_measure(Unbiased).to_json())
    assert document["schema"] == "dsim.conformance/1"
    assert document["ok"] is False
    found = {result["name"]: result["status"] for result in document["results"]}
    assert found["duplication"] == "failed"
    assert set(found) == set(CHECKS)


def test_something_else_than_a_measure_is_refused() -> None:
    with pytest.raises(UsageError, match="no measure"):
        check_measure(dict)  # type: ignore[arg-type]

"""The conformance kit catches every broken measure, and lets a sound one pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken_measures import SPECIMENS, OutOfReach, Unbiased
from sound_measures import HelpedByLabels, LabelsWhereWeighted, Lawful, MeanShift, PoolScaled, Subsampled

from dsim.errors import UnknownNameError, UsageError
from dsim.measures import SimilarityMeasure
from dsim.testing import CHECKS, ConformanceError, Status, assert_conforms, check_measure

BROKEN = [pytest.param(check, cls, id=cls.__name__) for check, classes in SPECIMENS.items() for cls in classes]


#: What the check says of each broken measure; numbers that depend on the machine are left out.
TOLD = {
    "WithoutFormula": "formula is empty",
    "WithoutReferences": "references is empty: name the source, or 'this plugin'",
    "ListsReferences": "it cannot be catalogued: use tuples, not lists, and plain numbers and texts as defaults",
    "NeedsNothing": "needs must hold at least one Need",
    "WithoutHelp": "parameter 'power' has no help",
    "PresetOfNothing": "preset 'wild' does not build: UnknownNameError: no parameter of measure 'mean-shift' named",
    "DefaultOutOfRange": "the default of parameter 'power' is not valid: parameter 'power' must lie in [2, inf]",
    "FactoryOfNothing": "cannot load broken_measures:NoSuchClass: module 'broken_measures' has no attribute",
    "FactoryOfAnother": "sound_measures:MeanShift carries another spec",
    "Swallows": "no_such_parameter=1 was accepted",
    "Raises": "it raised ZeroDivisionError: on an ordinary day",
    "OutOfReach": "its weights cannot be reached: weights net.safetensors cannot be reached",
    "Infinite": "rung-0 against rung-0 is inf",
    "DemandsInVain": "it declares labels but never reads them, so usable datasets are refused",
    "Crowded": "with min_samples = 1 samples it raised IndexError: index 2 is out of bounds",
    "Overlooks": "features with a NaN give ",
    "DividesBySpread": "with constant features (constant against constant) it raised RuntimeWarning: ",
    "CrashesOnConstants": "with constant features (constant against rung-1) it raised LinAlgError: Singular matrix",
    "BoundsTooNarrow": " lies outside (0.0, 7.0)",
    "BroadIsFar": "rung-0 is nearer to compact (3.1502) than to itself (4.25668)",
    "Lopsided": "rung-1 against rung-0 is ",
    "SymmetricAfterAll": "declared asymmetric, but all pairs are symmetric",
    "WrongWayRound": "declared a similarity, but the near dataset has 2.07416, the far one 7.8399",
    "Scrambled": "Spearman 0.60 with the ladder's order; values along the ladder: 2.07416, ",
    "PeeksAtLabels": "without and with attributes, labels: ",
    "AsksForLabels": "measure 'mean-shift' reads labels but declares only features",
    "PeeksBesideWhatIsOptional": "without and with attributes: ",
    "NeedsMoreThanItsSpec": "its needs name labels, which the spec's do not",
    "FirstTen": "in another order: ",
    "MeanOfBatchMeans": "in batches of 64 and of 7: ",
    "Unbiased": "every image twice: ",
    "Transposed": "compare_many returned shape (4, 3)",
    "VectorisedHalf": "compare and compare_many: ",
    "InvariantAndEquivariant": "laws name more than one of scales: scale-equivariant, scale-invariant",
    "LawInWords": "shift-invariant",
    "FarFromTheOrigin": "features shifted by 2^",
    "AbsoluteTolerance": "features times 2^-30 give 0, and ",
    "SquaresInWords": "features times 2^3 give ",
    "SinglePrecision": "features shifted by 2^40 ",
    "MovesAndMovesBack": "an image at 2^20, 2^40, 2^60: ",
    "ResamplesNothing": "a bootstrap draw, recomputed and resampled: ",
    "ResamplesOthers": "the identity draw: ",
    "ResamplesNot": "resampling raised MeasureError: cannot be resampled",
    "MergesNot": "merging raised MeasureError: measure mean-shift cannot merge two datasets",
    "SplitsNot": "picking images of a merged dataset raised MeasureError: measure mean-shift cannot be resampled",
    "MergesInTurns": "a pair, and the pair merged and split again: ",
    "KeepsTheFirstMean": "all images of a merged dataset, and the merged dataset itself: ",
    "SplitsIntoOthers": "the parts (30 and 30 images) of a split alone and in compare_splits: ",
    "OneValueForAllSplits": "compare_splits returned shape (1,)",
    "Unseeded": "one seed, two values: ",
    "Global": "it draws from the global state of numpy",
    "WritesIntoSummary": "comparing writes into a summary: assignment destination is read-only",
    "ReversesDataset": "summarising changes the dataset's arrays",
    "Nameless": "MeanShift() cannot be read: it calls 'MeanShift()', and the measure is 'mean-shift'",
    "ForgetsParameters": "mean-shift is read as mean-shift with {'power': 1.0, 'scale': 'none'}, not {'power': 2.0, ",
    "CannotBeKept": "summaries cannot be cached: the class names Cloud, the summary is a Bag",
    "NamesNoExtractor": "it is refused: no kind of extractor named 'no-such-kind'.",
    "FlatEmbedding": "embedding has shape (30,) for 30 images",
}


def test_a_sound_measure_passes_every_check_that_applies() -> None:
    report = check_measure(MeanShift)
    assert report.ok, str(report)
    passed = {result.name for result in report.results if result.status is Status.PASSED}
    assert set(CHECKS) - passed == {"registration", "shift", "scale"}
    lawful = check_measure(Lawful)
    assert lawful.ok, str(lawful)
    assert lawful["shift"].status is lawful["scale"].status is Status.PASSED
    assert lawful["extremes"].status is Status.NOT_APPLICABLE
    assert "not registered" in report["registration"].message


def test_where_values_depend_on_the_seed_checks_that_change_the_draw_do_not_apply() -> None:
    report = check_measure(Subsampled)
    assert report.ok, str(report)
    assert "repeat" in report["determinism"].message
    for check in ("order", "duplication"):
        assert report[check].status is Status.NOT_APPLICABLE
        assert "depend on the seed" in report[check].message


@pytest.mark.parametrize("sound", [HelpedByLabels, LabelsWhereWeighted])
def test_what_is_optional_or_read_for_some_parameters_only_is_sound(sound: type[MeanShift]) -> None:
    for measure in (sound(), sound(scale="ten")):
        report = check_measure(measure)
        assert report.ok, str(report)
        assert report["needs"].status is Status.PASSED


def test_a_measure_that_fits_the_pool_is_fitted_first() -> None:
    report = check_measure(PoolScaled)
    assert report.ok, str(report)
    assert report["order"].status is Status.PASSED


@pytest.mark.parametrize(("check", "broken"), BROKEN)
def test_exactly_the_named_check_catches_the_broken_measure(check: str, broken: type[SimilarityMeasure[Any]]) -> None:
    report = check_measure(broken)
    assert [result.name for result in report.failures] == [check], str(report)
    assert TOLD[broken.__name__] in report[check].message
    assert report[check].hint


def test_every_check_has_a_broken_specimen() -> None:
    # registration is about a plugin's module; test_registration_* bring plugins of their own.
    assert set(SPECIMENS) | {"registration"} == set(CHECKS)


def test_every_check_says_what_it_guards() -> None:
    assert all(len(about) > 20 for about in CHECKS.values())


SHIFTED = """
    from dsim.plugin import Direction, MeasureSpec, Need, hookimpl

    SPEC = MeasureSpec(
        name="shifted", version=1, title="t", factory="shifted_measure:Shifted",
        needs=frozenset({Need.FEATURES}), direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True,
        formula="f", cost="c", references=("r",), min_samples=1, bounds=(0.0, float("inf")),
    )

    @hookimpl
    def dsim_measures():
        return [SPEC]
"""
SHIFTED_MEASURE = """
from sound_measures import MeanShift
from shifted import SPEC

class Shifted(MeanShift):
    spec = SPEC
    power, scale = 1.0, "none"
"""


def test_a_registered_measure_is_checked_by_name(install_plugin: Callable[..., Path]) -> None:
    (install_plugin("shifted", SHIFTED) / "shifted_measure.py").write_text(SHIFTED_MEASURE)
    report = check_measure("shifted")
    assert report.ok, str(report)
    assert report["registration"].message == "shifted"


def test_registration_that_imports_something_heavy_is_caught(install_plugin: Callable[..., Path]) -> None:
    folder = install_plugin("shifted", SHIFTED.replace("from dsim", "import h5py\n    from dsim", 1))
    (folder / "shifted_measure.py").write_text(SHIFTED_MEASURE)
    report = check_measure("shifted")
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


def test_weights_that_cannot_be_reached_are_told_with_the_way_to_supply_them() -> None:
    result = check_measure(OutOfReach)["works"]
    assert result.message == "its weights cannot be reached: weights net.safetensors cannot be reached"
    assert result.hint == "--weights FILE"


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
    with pytest.raises(UsageError, match="not a measure"):
        check_measure(dict)  # type: ignore[arg-type]

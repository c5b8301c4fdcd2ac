"""The study of choices: regret, coverage and calibration as they are defined, on draws whose answer is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from dsim.selection import Posterior, Record, RecordedTarget


@pytest.fixture(scope="module")
def study(parts_of: Callable[[str], AbstractContextManager[Callable[[str], ModuleType]]]) -> Iterator[ModuleType]:
    with parts_of("selection") as part:
        yield part("study")


def test_a_choice_is_judged_on_the_images_that_were_not_annotated(
    study: ModuleType, measured: list[RecordedTarget]
) -> None:
    target = measured[0]
    dice = np.zeros_like(target.dice)
    dice[0, 0], dice[1, 1:] = 1.0, 0.6
    judged = target.__class__(**{**vars(target), "dice": dice})
    posterior = Posterior(np.array([0.9, 0.5, 0, 0, 0]), 0.04 * np.eye(5))
    case = study.judge_case(judged, posterior, [0])
    assert case.regret == pytest.approx(60)
    assert case.plain == pytest.approx(60), "the best on the annotated image alone"
    assert case.best.tolist() == [0, 1, 0, 0, 0]
    assert case.bias == pytest.approx(100 * posterior.expected[0]), "the first has nothing right on the others"
    assert case.covered == pytest.approx(4 / 5)


def test_calibration_compares_what_was_said_with_what_came_true(study: ModuleType) -> None:
    said = np.array([0.05] * 20 + [0.85] * 20)
    true = np.array([0.0] * 19 + [1.0] + [1.0] * 17 + [0.0] * 3)
    assert study.calibration_error(said, true) == pytest.approx(0, abs=1e-9)
    assert study.calibration_error(said, 1 - true) == pytest.approx(0.5 * 0.9 + 0.5 * 0.7)


def test_all_figures_of_a_record_are_finite_and_small_where_targets_are_easy(
    study: ModuleType, measured: list[RecordedTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsim.selection.words import how_choices_fared

    monkeypatch.setattr(study, "COUNTS", (0, 2))
    found = study.measure(Record("drawn", "command", 1, tuple(measured)), draws=2)
    assert found["annotated"]["2"]["regret"]["mean"] <= found["annotated"]["0"]["regret"]["mean"] + 5
    assert 0.7 <= found["annotated"]["0"]["coverage"]["mean"] <= 1
    assert found["fit"]["pools_with_kin"] == 4, "of a and b; c and d have no kin"
    assert found["fit"]["pools_without_kin"] == 6
    assert len(list(how_choices_fared(found, 0))) == 3
    assert "2 annotated images" in next(iter(how_choices_fared(found, 7)))
    assert "| 0 |" in study.table(found)


def test_a_version_without_the_target_stands_for_the_model_that_saw_it(
    parts_of: Callable[[str], AbstractContextManager[Callable[[str], ModuleType]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsim.selection import CandidateModel

    with parts_of("selection") as part:
        command = part("__main__")
        known = [
            CandidateModel("zoo:net.nuclei.r1", "nuclei", ("t", "u")),
            CandidateModel("nuclei-without-t.safetensors", "nuclei-without-t", ("u",)),
            CandidateModel("zoo:net.other.r1", "other", ("o",)),
        ]
        monkeypatch.setattr(command, "trained_on_target", lambda one, target: target.name in one.sources or None)
        for name, reference in (("t", "nuclei-without-t.safetensors"), ("x", "zoo:net.nuclei.r1")):
            found = command.candidates_of(SimpleNamespace(name=name), known)
            assert [one.name for one in found] == ["nuclei", "other"]
            assert found[0].reference == reference
            assert command._id(found[0], known) == "net.nuclei.r1"

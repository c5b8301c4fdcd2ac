"""Every measure that this installation brings keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dsim.registry import default
from dsim.testing import check_measure

#: The ladder moves all classes alike, so what a source's labels teach is the same at every step. Ladders that these
#: scores follow, of labels that mean ever less, are in tests/plugins/dsim_transferability.
_SAME_TASK = "every rung teaches the same directions: a shift of all classes is no change of task"
_ONE_PRIOR = "the penalty of the source's head is one prior for any n: twice the images teach sharper posteriors"

_PAIRS = "pairs of different images only, so that one population gives 0: copies of an image are no such pair"

_FLOOR = "replicates are moved to the value: resamples hold fewer different images, which raises the noise floor"

#: Deviations that are meant, by measure and check, with the reason.
EXPECTED: Mapping[str, Mapping[str, str]] = {
    "logme": {"direction": _SAME_TASK, "monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "leep": {"direction": _SAME_TASK, "monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "nleep": {"monotone": _SAME_TASK},
    "h-score": {"monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "gbc": {"direction": _SAME_TASK, "monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "parc": {"monotone": _SAME_TASK, "duplication": _ONE_PRIOR},
    "cc-fv": {"duplication": _ONE_PRIOR},
    "dino": {"duplication": _PAIRS, "resampling": _PAIRS},
    "ensemble": {"duplication": "its members frechet and energy are unbiased"},
    "frechet": {"duplication": "covariances are unbiased, divided by the images less one"},
    "kid": {"duplication": _PAIRS, "resampling": _PAIRS},
    "mmd": {"duplication": _PAIRS, "resampling": _PAIRS},
    "energy": {"duplication": _PAIRS, "resampling": _PAIRS},
    "wasserstein": {"resampling": _FLOOR},
    "sliced-wasserstein": {"resampling": _FLOOR},
    "marginal-wasserstein": {"resampling": _FLOOR},
    "c2st": {"duplication": "another number of images is dealt to other folds: other classifiers, within the noise"},
    "otdd": {"duplication": "class covariances are unbiased, divided by the images less one"},
}

BUILTIN = [name for name in default().measures if default().origin(name).dist == "dsim"]


def test_there_are_measures_to_check() -> None:
    assert {"asap", "cc", "frc", "nmi"} <= set(BUILTIN)


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_measure_conforms(name: str) -> None:
    report = check_measure(name, expected_failures=EXPECTED.get(name))
    assert report.ok, str(report)


def test_expectations_are_of_measures_that_exist() -> None:
    assert set(EXPECTED) <= set(BUILTIN)

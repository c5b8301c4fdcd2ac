"""A tuning as a JSON document of schema ``dsim.asap-tune/1``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsim_asap.recipe import Recipe
from dsim_asap.studies.search import Setting
from dsim_asap.studies.tune import Finalist, Trial, Tuning
from dsim_asap.studies.writing import version

SCHEMA = "dsim.asap-tune/1"


def document(tuning: Tuning, search: str) -> dict[str, Any]:
    """The whole search; what is not known is null."""
    study = tuning.study
    return {
        "schema": SCHEMA,
        "dsim": version(),
        "search": search,
        "over": list(tuning.trials[0].setting),
        "settings": Recipe.of(study.params).record(),
        "seed": study.seed,
        "sources": [
            {"name": one.name, "images": len(one), "fingerprint": one.images_fingerprint} for one in study.sources
        ],
        "trials": [_trial(tuning, trial) for trial in tuning.trials],
        "finalists": [_finalist(tuning, finalist) for finalist in tuning.finalists],
        "contrasts": [
            {"first": first.role, "second": second.role, **found.to_dict()}
            for first, second, found in tuning.contrasts()
        ],
        "verdicts": tuning.verdicts(),
        "measure": _call(tuning, tuning.finalists[0].setting),
    }


def _trial(tuning: Tuning, trial: Trial) -> dict[str, Any]:
    return {"setting": plain(trial.setting), "measure": _call(tuning, trial.setting), **_result(trial)}


def _result(trial: Trial) -> dict[str, Any]:
    names = ("seed", "eqc", "reason", "epochs", "kept_epoch", "seconds")
    return {name: getattr(trial, name) for name in names}


def _finalist(tuning: Tuning, finalist: Finalist) -> dict[str, Any]:
    return {
        "role": finalist.role,
        "setting": plain(finalist.setting),
        "measure": _call(tuning, finalist.setting),
        "eqc": finalist.spread.to_dict(),
        "trials": [_result(trial) for trial in finalist.trials],
    }


def _call(tuning: Tuning, setting: Setting) -> str:
    """What to type for the measure with this setting."""
    return repr(tuning.study.measure(setting))


def plain(setting: Mapping[str, Any]) -> dict[str, Any]:
    """A setting as JSON has it.

    >>> plain({"w": (0.5, 0.5), "alpha": 0.3})
    {'w': [0.5, 0.5], 'alpha': 0.3}
    """
    return {name: list(value) if isinstance(value, tuple) else value for name, value in setting.items()}

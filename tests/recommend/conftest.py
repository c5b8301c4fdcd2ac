"""A trial of models whose result is known, in place of a real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dsim.recommend import Tried, TriedModel
from dsim.selection import Fit


@pytest.fixture
def tried() -> Callable[..., Tried]:
    """``tried(fit=..., annotated=...)`` is what three models did on the target ``mine``; the best is of xray."""

    def make(**changes: Any) -> Tried:
        xray = TriedModel("zoo:unet4.xray.r1", "xray", ("xray",), "lungs", 88.0, 0.81, 0.68, 0.9, 0.72)
        fundus = replace(xray, model="b.safetensors", name="fundus", sources=("fundus",), marks="vessels", best=0.2)
        both = TriedModel("zoo:c.both.r1", "both", ("a", "b"), "nuclei", float("nan"), 0.4, 0.1, 0.7, 0.08)
        models = (xray, replace(fundus, expected=0.7, low=0.5, high=0.85), both)
        count = len(changes.get("annotated", ()))
        signals = {"energy": 0.25, "consensus": float("nan")}
        models = tuple(replace(model, scores=(0.8,) * count, signals=signals) for model in models)
        return replace(Tried("mine", models, (), 20, Fit.FITS, "it does what is usual within a kind"), **changes)

    return make

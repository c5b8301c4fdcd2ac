"""A benchmark of four small phantoms with made-up scores, and plugins that do what a measure must not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent

import numpy as np
import pytest

from dsim.data.phantoms import open_phantom
from dsim.truth import TransferMatrix, TruthDataset

SOURCES, TARGETS = ("xray", "relief", "fundus"), ("xray", "endoscopy")


def made_up(**changes: object) -> TransferMatrix:
    """Scores that nobody measured, of phantoms that everybody has."""
    names = dict.fromkeys((*SOURCES, *TARGETS))
    described = {
        name: TruthDataset(
            6, f"phantoms:{name}[count=6,size=32]", open_phantom(name, count=6, size=32).images_fingerprint
        )
        for name in names
    }
    scores = np.array([[np.nan, 60.0], [40.0, 50.0], [30.0, 70.0]])[:, :, None] + np.array([-1.0, 1.0])
    given = {
        "name": "tiny", "score": "DSC", "unit": "%", "sources": SOURCES, "targets": TARGETS, "values": scores,
        "bounds": (0, 100), "repetition": "seed", "datasets": described,
        "reasons": {("xray", "xray"): "the target itself"},
    }  # fmt: skip
    return TransferMatrix(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def truth_of() -> Callable[..., TransferMatrix]:
    """``made_up``, with changes."""
    return made_up


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of the made-up truth."""
    made_up().to_json(tmp_path / "tiny.json")
    return tmp_path / "tiny.json"


@pytest.fixture
def measure_plugin(install_plugin: Callable[..., Path]) -> Callable[..., Path]:
    """``measure_plugin(name, compare, **spec)`` installs a measure on pixels whose ``compare`` has this body."""

    def install(name: str, compare: str, version: object = 1, needs: str = "IMAGES") -> Path:
        source = f"""
            import os
            import sys
            import time
            from dataclasses import dataclass
            import numpy as np
            from dsim.plugin import Direction, MeasureError, MeasureSpec, Need, SimilarityMeasure, hookimpl

            @dataclass(frozen=True)
            class Mean:
                value: float

            SPEC = MeasureSpec(
                name="{name}", version={version!r}, title="t", factory="{name}:Made", needs=frozenset({{Need.{needs}}}),
                direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True, formula="f", cost="c",
                references=("r",),
            )

            class Made(SimilarityMeasure[Mean]):
                spec = SPEC

                def summarise(self, data, rng):
                    return Mean(float(np.mean([image.mean() for image in data.images()])))

                def compare(self, source, target):
{indent(dedent(compare).strip(), " " * 20)}

            @hookimpl
            def dsim_measures():
                return [SPEC]
        """
        return install_plugin(name, source)

    return install

"""The pages of both measures tell what their specs declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsim.registry import MeasureSpec
from dsim_task2vec.specs import DISTANCES, SPECS

PAGES = Path(__file__).parents[3] / "docs" / "measures"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_page_agrees_with_the_spec(spec: MeasureSpec) -> None:
    page = (PAGES / f"{spec.name}.md").read_text("utf-8")
    assert page.startswith(f"# {spec.name}: {spec.title}\n")
    assert f"| direction | {spec.direction}: " in page
    low, high = spec.bounds
    assert f"| range | {low} to {high}" in page
    assert f"at least {spec.min_samples} per dataset" in page
    for parameter in spec.parameters:
        assert f"| `{parameter.name}` | {parameter.format(parameter.default)} |" in page
    for preset in spec.presets:
        assert f"| `{preset}` | " in page
    assert "arXiv:1902.03545" in page


def test_every_distance_is_explained() -> None:
    page = (PAGES / "task2vec.md").read_text("utf-8").partition("## Distances")[2]
    assert all(f"`{name}`" in page for name in DISTANCES)

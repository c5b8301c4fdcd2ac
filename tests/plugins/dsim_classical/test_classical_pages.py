"""The pages of CC, NMI and FRC tell what their specs declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsim.registry import MeasureSpec
from dsim_classical.specs import SPECS

PAGES = Path(__file__).parents[3] / "docs" / "measures"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_page_agrees_with_the_spec(spec: MeasureSpec) -> None:
    page = (PAGES / f"{spec.name}.md").read_text("utf-8")
    assert page.startswith(f"# {spec.name}: {spec.title.lower().replace('fourier', 'Fourier')}\n")
    assert f"| direction | {spec.direction}: " in page
    low, high = spec.bounds
    assert f"| range | {low} " in page
    assert f" to {high} " in page
    assert f"at least {spec.min_samples} per dataset" in page
    for parameter in spec.parameters:
        assert f"| `{parameter.name}` | {parameter.format(parameter.default)} |" in page
    for reference in spec.references:
        assert reference.split("doi:")[1] in page

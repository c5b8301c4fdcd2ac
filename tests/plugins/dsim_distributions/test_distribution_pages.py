"""The pages of the measures of feature distributions tell what their specs declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsim.registry import MeasureSpec
from dsim_distributions.specs import SPECS

PAGES = Path(__file__).parents[3] / "docs" / "measures"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_page_agrees_with_the_spec(spec: MeasureSpec) -> None:
    page = (PAGES / f"{spec.name}.md").read_text("utf-8")
    assert page.startswith(f"# {spec.name}: ")
    assert f"| direction | {spec.direction}: " in page
    assert f"| symmetric | {'yes' if spec.symmetric else 'no'}" in page
    assert f"at least {spec.min_samples} per dataset" in page
    for parameter in spec.parameters:
        assert f"| `{parameter.name}` | {parameter.format(parameter.default)} |" in page
    for preset, values in spec.presets.items():
        assert f"`preset={preset}`" in page
        for value in values.values():
            assert str(value) in page
    for reference in spec.references:
        for mark in ("doi:", "arXiv:"):
            if mark in reference:
                assert reference.split(mark)[1] in page

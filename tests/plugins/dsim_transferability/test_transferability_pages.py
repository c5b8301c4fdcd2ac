"""The pages of the transferability measures tell what their specs declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsim.registry import MeasureSpec
from dsim_transferability.specs import SPECS

PAGES = Path(__file__).parents[3] / "docs" / "measures"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_page_agrees_with_the_spec(spec: MeasureSpec) -> None:
    page = (PAGES / f"{spec.name}.md").read_text("utf-8")
    first = page.splitlines()[0]
    assert first.lower() == f"# {spec.name}: {spec.title.lower()}"
    assert f"| direction | {spec.direction}: " in page
    assert f"at least {spec.min_samples} images" in page
    assert ("on demand" in page) == spec.resamples
    assert "(transferability.md)" in page
    for parameter in spec.parameters:
        assert f"| `{parameter.name}` | {parameter.format(parameter.default)} |" in page
        assert all(f"`{choice}`" in page for choice in parameter.choices)
    for reference in spec.references:
        assert reference.split("doi:")[-1].split("arXiv:")[-1] in page


def test_the_shared_page_names_every_measure() -> None:
    page = (PAGES / "transferability.md").read_text("utf-8")
    assert all(f"[{spec.name}]({spec.name}.md)" in page for spec in SPECS)

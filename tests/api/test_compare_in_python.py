"""``dsim.compare`` in Python is ``dsim compare`` of the command line: what it takes, its defaults, its numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dsim
from dsim.cli.main import run

SOURCES = ["phantoms:fundus[count=6,size=16]", "phantoms:xray[count=6,size=16]"]
TARGET = "mine=phantoms:xray-bedside[count=6,size=16]"
#: Dates, seconds and conditions differ between two runs; everything else is determined.
_OF_THE_RUN = ("created", "conditions")


@pytest.mark.parametrize("measure", ["cc:size=16", "frechet:extractor=pixels:[side=8]"])
def test_the_document_is_that_of_the_command_line(
    measure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Intervals, noise floor, seed and verdicts included."""
    files = ["--out", str(tmp_path / "out")]
    assert run(["compare", "--measure", measure, "--json", "--sources", *SOURCES, "--targets", TARGET, *files]) == 0
    (typed,) = json.loads(capsys.readouterr().out)["results"]
    called = json.loads(dsim.compare(SOURCES, TARGET, measure=measure).to_json())
    for document in (typed, called):
        document["provenance"] = {k: v for k, v in document["provenance"].items() if k not in _OF_THE_RUN}
    assert called == typed
    assert called["replicates"] >= 100, "intervals as the measure proposes"
    assert called["floor"] is None or called["floor"]["mine"] is not None


def test_the_first_argument_are_sources_and_one_or_many_can_be_given() -> None:
    one = dsim.compare(SOURCES[0], [TARGET, SOURCES[1]], measure="cc:size=16", bootstrap=0)
    assert one.values.shape == (1, 2)
    among = dsim.compare(SOURCES, measure="cc:size=16", bootstrap=0)
    assert among.sources == among.targets

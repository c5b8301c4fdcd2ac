"""Every measure that this installation brings keeps the contract."""

from __future__ import annotations

import pytest

from dsim.registry import default
from dsim.testing import check_measure

BUILTIN = [name for name in default().measures if default().origin(name).dist == "dsim"]
#: A network of a few thousand weights in the place of ResNet-18, which is asked for gradients some hundred times.
PROBE = "probe=timm:test_resnet[init=random:0,transform=square@1[side=32]]"
#: Calls that are as quick as the others: each pair of a default call of reverse-accuracy trains a network.
QUICK = {
    "reverse-accuracy": "reverse-accuracy:steps=6,side=32,width=4,images=3",
    "task2vec": f"task2vec:{PROBE}",
    "task2vec-asymmetric": f"task2vec-asymmetric:{PROBE}",
}


def test_there_are_measures_to_check() -> None:
    assert {"asap", "cc", "frc", "nmi"} <= set(BUILTIN)


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_measure_conforms(name: str) -> None:
    report = check_measure(QUICK.get(name, name))
    assert report.ok, str(report)

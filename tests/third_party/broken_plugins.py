"""Plugins of strangers, each with one defect, and what ``dsim plugins --why`` must say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """A plugin that is one module.

    Parameters
    ----------
    source : of the module, with ``NAME`` for its own name.
    cause, fix : texts that ``--why`` must print.
    runs : it is in use, and its measure can be asked for values; ``dsim plugin check`` finds what is wrong with them.
    in_use : it is in use.
    """

    source: str
    cause: str
    fix: str
    runs: bool = False
    in_use: bool = False

    def module(self, name: str) -> str:
        """The source of the plugin of that name."""
        return self.source.replace("NAME", name)


#: A plugin and its measure in one module, so that numpy is imported inside functions.
MEASURE = '''
from dsim.plugin import Direction, FeatureMeasure, MeasureSpec, Need, Parameter, hookimpl

DSIM_API_VERSION = 2

SPEC = MeasureSpec(
    name="NAME".replace("_", "-"), version=1, title="Distance of means", factory="NAME:Means",
    needs=frozenset({Need.FEATURES}), direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True,
    formula="|mean x - mean y|", cost="n d", references=("this plugin",), min_samples=1, bounds=(0.0, float("inf")),
    parameters=(Parameter("extractor", "extractor", "pixels:[side=8]", "what turns images into features"),),
)


class Means(FeatureMeasure):
    """Distance of the mean features."""

    spec = SPEC

    def distance(self, source, target):
        return float(sum((source.mean(axis=0) - target.mean(axis=0)) ** 2) ** 0.5)


@hookimpl
def dsim_measures():
    return [SPEC]
'''


def _spoilt(old: str, new: str) -> str:
    assert old in MEASURE
    return MEASURE.replace(old, new)


BROKEN: Mapping[str, Broken] = {
    "missing_library": Broken(
        "import no_such_library\n",
        "import: ModuleNotFoundError: No module named 'no_such_library'",
        "install what it misses",
    ),
    "import_error": Broken("1 / 0\n", "import: ZeroDivisionError: division by zero", "mend the module import_error"),
    "wrong_signature": Broken(
        _spoilt("def dsim_measures():", "def dsim_measures(config):"), "validate: ", "compare its hooks with those of"
    ),
    "duplicate_name": Broken(
        _spoilt('name="NAME".replace("_", "-")', 'name="cc"'),
        "duplicate: dsim_measures() declares 'cc', which is taken by dsim",
        "rename it",
    ),
    "from_the_future": Broken(
        _spoilt("DSIM_API_VERSION = 2", "DSIM_API_VERSION = 3"),
        "api: it is written for plugin API 3, and this dsim offers 2",
        "upgrade dsim",
    ),
    "asks_for_the_future": Broken(
        "from dsim.plugin import NotYetInvented\n",
        "import: ImportError: cannot import name 'NotYetInvented' from 'dsim.plugin'",
        "it is written for another version of dsim",
    ),
    "raising_hook": Broken(
        _spoilt("return [SPEC]", "return 1 / 0"),
        "hooks: dsim_measures() raised ZeroDivisionError",
        "mend dsim_measures(): it takes nothing",
    ),
    "slow_import": Broken(
        "import time\ntime.sleep(0.6)\n" + MEASURE,
        "slow: importing slow_import took ",
        "import heavy libraries where they are used",
        in_use=True,
    ),
    "infinite": Broken(
        _spoilt("return float(", "return float('inf') + float("),
        "fails the check works: rung-0 against rung-0 is inf",
        "ordinary datasets must have a finite value",
        runs=True,
        in_use=True,
    ),
    "mutating": Broken(
        _spoilt("return float(", "source -= source.mean(axis=0)\n        return float("),
        "fails the check works: it raised ValueError: output array is read-only",
        "copy before you change",
        runs=True,
        in_use=True,
    ),
    "wrong_method": Broken(
        _spoilt("def distance(self, source, target):", "def distance(self, source, target, config):"),
        "fails the check works: it raised TypeError",
        "ordinary datasets must have a value",
        runs=True,
        in_use=True,
    ),
}

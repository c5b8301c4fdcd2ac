"""Nothing heavy is imported until it is needed. (Seconds are measured by benchmarks/timing/startup.py.)"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = {
    "PIL",
    "h5py",
    "joblib",
    "matplotlib",
    "numpy",
    "ot",
    "pandas",
    "rich",
    "scipy",
    "sklearn",
    "tifffile",
    "timm",
    "torch",
    "torchvision",
}

COMMANDS = {
    "nothing": [],
    "help": ["--help"],
    "version": ["--version"],
    "explain": ["explain", "cc"],
    "plugins": ["plugins"],
    "help of compare": ["compare", "--help"],
    "help of evaluate": ["evaluate", "--help"],
    "help of leaderboard": ["leaderboard", "--help"],
    "map": ["map", "--help"],
    "roi": ["roi", "--help"],
    "truth": ["truth", "--help"],
    "unknown command": ["comprae"],
}


def heavy_after(code: str) -> set[str]:
    """Heavy modules that are loaded when a new process has run the code."""
    tail = "\nimport json, sys; print('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return HEAVY & set(json.loads(done.stdout.splitlines()[-1]))


def test_the_list_finds_what_is_imported() -> None:
    assert heavy_after("import numpy") == {"numpy"}


def test_import_dsim_is_light() -> None:
    assert heavy_after("import dsim") == set()


def test_what_a_plugin_author_imports_to_declare_is_light() -> None:
    assert heavy_after("import dsim.plugin") == set()


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_only_tells_is_light(arguments: list[str]) -> None:
    assert heavy_after(f"from dsim.cli.main import run; run({arguments})") == set()


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "JSON"])
def test_the_list_of_measures_imports_no_network(options: list[str]) -> None:
    """What a measure reads by default is only known when it is built; that takes numpy, and a table takes rich."""
    assert heavy_after(f"from dsim.cli.main import run; run(['measures', *{options}])") <= {"numpy", "rich"}


def test_a_slow_plugin_is_imported_once_and_then_slows_no_command(install_plugin: Callable[..., Path]) -> None:
    source = """
        import numpy
        from dsim.plugin import hookimpl

        @hookimpl
        def dsim_measures():
            return []
    """
    install_plugin("sloth", source)
    assert heavy_after("from dsim.cli.main import run; run(['plugins'])") == {"numpy"}
    assert heavy_after("from dsim.cli.main import run; run(['plugins'])") == set()


@pytest.mark.parametrize("module", ["dsim.builtin", "dsim_asap", "dsim_classical"])
def test_a_builtin_plugin_declares_itself_without_anything_heavy(module: str) -> None:
    hooks = "[getattr(m, name)() for name in dir(m) if name.startswith('dsim_') and callable(getattr(m, name))]"
    assert heavy_after(f"import importlib; m = importlib.import_module({module!r}); {hooks}") == set()


def test_public_names_stay_what_they_are_whatever_is_imported_first() -> None:
    # A submodule is bound to its package on import; a public function of the same name must not be lost to it.
    code = "import dsim.comparison.engine; print(callable(dsim.compare))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_every_public_name_resolves() -> None:
    import dsim

    assert set(dsim.__all__) <= set(dir(dsim))
    for name in dsim.__all__:
        assert getattr(dsim, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        dsim.nonsense  # noqa: B018 the access is the test

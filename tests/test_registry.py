"""The door for plugins: whatever one of them does wrong is told, and stops nobody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.errors import PluginError, UnknownNameError, UsageError
from dsim.measures import build_measure, with_weights
from dsim.registry import (
    Plugin,
    PluginFailure,
    Registry,
    catalogue,
    default,
    load,
    registry,
)

Install = Callable[..., Path]


def declaring(name: str, **changed: str) -> str:
    """Source of a plugin that declares one measure, and that leaves a mark in $WITNESS whenever it is imported."""
    factory = changed.get("factory", "no_module:Nothing")
    return f"""
        import os
        from dsim.plugin import Direction, MeasureSpec, Need, Parameter, hookimpl

        if "WITNESS" in os.environ:
            with open(os.environ["WITNESS"], "a") as file:
                file.write("x")

        SPEC = MeasureSpec(
            name={name!r}, version=1, title={changed.get("title", "A measure")!r}, factory={factory!r},
            needs=frozenset({{Need.FEATURES, Need.LABELS}}), direction=Direction.DISTANCE, symmetric=True,
            self_is_optimal=True, formula="f", cost="c", references=("r",), bounds=(0.0, float("inf")),
            parameters=(Parameter("weights", "floats", (0.5, 0.5), "weights", choices=((0.5, 0.5), (1.0, 0.0))),),
            presets={{"first": {{"weights": (1.0, 0.0)}}}},
        )

        @hookimpl
        def dsim_measures():
            return [SPEC]
    """


BROKEN = {
    "missing-library": ("import no_such_library", "import", "No module named 'no_such_library'"),
    "syntax": ("def", "import", "SyntaxError"),
    "leaves": ("raise SystemExit(3)", "import", "SystemExit"),
    "no-hook": ("x = 1", "validate", "implements no hook"),
    "unknown-hook": (
        "from dsim.plugin import hookimpl\n@hookimpl\ndef dsim_measure(): return []",
        "validate",
        "unknown hook 'dsim_measure'",
    ),
    "wrong-signature": (
        "from dsim.plugin import hookimpl\n@hookimpl\ndef dsim_measures(config): return []",
        "validate",
        "config",
    ),
    "raising-hook": (
        "from dsim.plugin import hookimpl\n@hookimpl\ndef dsim_measures(): return 1 / 0",
        "hooks",
        "dsim_measures() raised ZeroDivisionError",
    ),
    "leaving-hook": (
        "import sys\nfrom dsim.plugin import hookimpl\n@hookimpl\ndef dsim_measures(): sys.exit()",
        "hooks",
        "SystemExit",
    ),
    "wrong-type": (
        "from dsim.plugin import hookimpl\n@hookimpl\ndef dsim_measures(): return ['asap']",
        "hooks",
        "a str, not a MeasureSpec",
    ),
    "nothing-returned": (
        "from dsim.plugin import hookimpl\n@hookimpl\ndef dsim_measures(): pass",
        "hooks",
        "'NoneType' object is not iterable",
    ),
    "from-the-future": ("DSIM_API_VERSION = 3", "api", "written for plugin API 3, and this dsim offers 2"),
}


@pytest.mark.parametrize(("source", "phase", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_told_and_stops_nobody_else(
    install_plugin: Install, source: str, phase: str, error: str
) -> None:
    install_plugin("a_broken_one", source)
    install_plugin("healthy", declaring("healthy"))
    found = default()
    assert [(failure.name, failure.phase) for failure in found.failures] == [("a_broken_one", phase)]
    failure = found.failures[0]
    assert error in failure.error
    assert (failure.dist, failure.version) == ("a_broken_one", "1.0")
    assert {"healthy", "cc"} <= set(found.measures)
    assert "a_broken_one" not in found.plugins


def test_a_missing_library_has_a_fix(install_plugin: Install) -> None:
    install_plugin("needy", "import no_such_library")
    assert "install" in default().failures[0].hint


def test_a_future_plugin_is_told_to_upgrade_dsim_and_an_old_one_itself(install_plugin: Install) -> None:
    install_plugin("future", "DSIM_API_VERSION = 3")
    install_plugin("past", "DSIM_API_VERSION = 1")
    assert {failure.name: failure.hint for failure in default().failures} == {
        "future": "upgrade dsim",
        "past": "upgrade the plugin",
    }


def test_a_stranger_cannot_take_a_builtin_name(install_plugin: Install) -> None:
    install_plugin("aaa_first_in_the_alphabet", declaring("cc"))
    found = default()
    assert found.origin("cc").dist == "dsim"
    assert found.failures[0].phase == "duplicate"
    assert "'cc', which is taken by dsim" in found.failures[0].error
    assert "built-in" in found.failures[0].hint


def test_a_stranger_cannot_take_a_builtin_plugins_name(install_plugin: Install) -> None:
    install_plugin("classical", declaring("mine"))
    found = default()
    assert found.plugins["classical"].dist == "dsim"
    assert "mine" not in found.measures


def test_of_two_strangers_with_one_measure_the_second_is_refused_whole(install_plugin: Install) -> None:
    install_plugin("one", declaring("shared"))
    install_plugin("two", declaring("shared"))
    found = default()
    assert found.origin("shared").name == "one"
    assert [(failure.name, failure.phase) for failure in found.failures] == [("two", "duplicate")]


def test_a_plugin_that_declares_a_name_twice_is_refused(install_plugin: Install) -> None:
    install_plugin("twice", declaring("double").replace("[SPEC]", "[SPEC, SPEC]"))
    assert "taken by itself" in default().failures[0].error


def test_dsim_plugins_restricts_strangers_but_never_builtins(
    install_plugin: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        install_plugin(name, declaring(name))

    def strangers(chosen: str) -> set[str]:
        monkeypatch.setenv("DSIM_PLUGINS", chosen)
        registry.forget()
        assert "cc" in default().measures
        return {"one", "two"} & set(default().measures)

    assert strangers("") == set()
    assert strangers("two") == {"two"}
    assert strangers("one, two") == {"one", "two"}


def test_dsim_strict_plugins_turns_a_broken_plugin_into_an_error(
    install_plugin: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("sick", "1 / 0")
    monkeypatch.setenv("DSIM_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"plugin 'sick' is broken \(import\): ZeroDivisionError"):
        default()


def test_an_unknown_measure_names_the_nearest_and_the_broken_plugins(install_plugin: Install) -> None:
    install_plugin("sick", "1 / 0")
    with pytest.raises(UnknownNameError, match=r"no measure named 'nmj'. Did you mean 'nmi'\?") as caught:
        build_measure("nmj")
    assert "not in use: sick" in str(caught.value.hint)


# The catalogue


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a plugin of ``declaring`` was imported so far."""
    path = tmp_path / "witness"
    monkeypatch.setenv("WITNESS", str(path))
    return lambda: len(path.read_text()) if path.exists() else 0


def measures_of_a_new_process() -> list[str]:
    code = "from dsim.registry import default; print(*default().measures)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_second_process_does_not_import_the_plugin_again(install_plugin: Install, witness: Callable[[], int]) -> None:
    install_plugin("slow", declaring("slow"))
    for _ in range(2):
        assert "slow" in measures_of_a_new_process()
        assert witness() == 1


def test_editing_a_plugin_imports_it_again(install_plugin: Install, witness: Callable[[], int]) -> None:
    install_plugin("slow", declaring("slow"))
    measures_of_a_new_process()
    install_plugin("slow", declaring("slower"))
    assert {"slow", "slower"} & set(measures_of_a_new_process()) == {"slower"}
    assert witness() == 2


def test_editing_a_submodule_of_a_package_imports_it_again(
    install_plugin: Install, witness: Callable[[], int], tmp_path: Path
) -> None:
    folder = install_plugin("packed", "")
    (folder / "packed.py").unlink()
    (folder / "packed" / "inner").mkdir(parents=True)
    (folder / "packed" / "__init__.py").write_text("from packed.inner.hooks import *\n")
    (folder / "packed" / "inner" / "__init__.py").touch()
    install_plugin("hooks", declaring("packed"))
    source = (folder / "hooks.py").read_text()
    for leftover in (folder / "hooks.py", *(folder / "hooks-1.0.dist-info").iterdir()):
        leftover.unlink()
    (folder / "hooks-1.0.dist-info").rmdir()
    (folder / "packed" / "inner" / "hooks.py").write_text(source)
    measures_of_a_new_process()
    assert witness() == 1
    (folder / "packed" / "inner" / "hooks.py").write_text(source.replace("'packed'", "'repacked'"))
    assert "repacked" in measures_of_a_new_process()
    assert witness() == 2


def test_a_new_version_imports_the_plugin_again(install_plugin: Install, witness: Callable[[], int]) -> None:
    folder = install_plugin("slow", declaring("slow"))
    measures_of_a_new_process()
    (folder / "slow-1.0.dist-info").rename(folder / "slow-1.1.dist-info")
    metadata = folder / "slow-1.1.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "1.1"))
    measures_of_a_new_process()
    assert witness() == 2


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"a": 1}', '{"a": {"declared": {"no_such_hook": [1]}}}', "\0"])
def test_a_corrupt_catalogue_is_rebuilt(
    install_plugin: Install, private_cache: Path, witness: Callable[[], int], garbage: str
) -> None:
    install_plugin("slow", declaring("slow"))
    (private_cache / "plugins.json").write_text(garbage)
    assert "slow" in default().measures
    assert any("slow" in key for key in json.loads((private_cache / "plugins.json").read_text()))
    assert witness() == 1


@pytest.mark.skipif(os.name == "nt", reason="folders are not write-protected by mode on Windows")
def test_a_cache_that_cannot_be_written_stops_nothing(
    install_plugin: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DSIM_CACHE", str(tmp_path / "file" / "cache"))
    install_plugin("slow", declaring("slow"))
    assert "slow" in default().measures


def test_a_broken_plugin_is_not_catalogued_so_mending_it_is_enough(install_plugin: Install) -> None:
    install_plugin("patient", "import no_such_library")
    assert default().failures
    sys.modules.pop("patient", None)
    install_plugin("patient", declaring("patient"))
    assert "patient" in measures_of_a_new_process()


def test_what_the_catalogue_returns_equals_what_was_declared(install_plugin: Install) -> None:
    install_plugin("full", declaring("full"))
    fresh = default()
    registry.forget()
    stored = default()
    assert catalogue.read()
    assert stored.measures == fresh.measures
    assert stored.extractors == fresh.extractors
    assert stored.readers() == fresh.readers()
    assert stored.commands == fresh.commands
    assert stored.zoo_paths() == fresh.zoo_paths()
    assert hash(stored.measures["full"].parameters) == hash(fresh.measures["full"].parameters)


@pytest.mark.parametrize("default", ["[0.5, 0.5]", "object()", "{0.5}"])
def test_a_declaration_that_json_cannot_hold_is_not_catalogued_and_stops_nothing(
    install_plugin: Install, witness: Callable[[], int], default: str
) -> None:
    install_plugin("odd", declaring("odd").replace('(0.5, 0.5), "weights"', f'{default}, "weights"'))
    for time in (1, 2):
        assert {"odd", "cc"} <= set(measures_of_a_new_process())
        assert witness() == time


# Building measures from text

SHELL = """
from dsim.plugin import SimilarityMeasure
from built import SPEC

class Shell(SimilarityMeasure):
    spec = SPEC
    def summarise(self, data, rng): ...
    def compare(self, source, target): ...

class Impostor(Shell):
    spec = None
"""


@pytest.fixture
def built(install_plugin: Install) -> Registry:
    """A registry with the measure ``built``, whose code lies in another module than its declaration."""
    folder = install_plugin("built", declaring("built", factory="built_shell:Shell"))
    (folder / "built_shell.py").write_text(SHELL)
    return default()


def test_parameters_are_read_by_type_and_written_back(built: Registry) -> None:
    measure = build_measure("built:weights=1/0", built)
    assert measure.params == {"weights": (1.0, 0.0)}
    assert repr(measure) == "built:weights=1.0/0.0"
    assert build_measure(repr(measure), built).identity == measure.identity == "built@1:weights=1.0/0.0"
    assert repr(build_measure("built:weights=0.5/0.5", built)) == "built"


def test_a_preset_sets_parameters_and_later_ones_win(built: Registry) -> None:
    assert build_measure("built:preset=first", built).params == {"weights": (1.0, 0.0)}
    assert build_measure("built:preset=first,weights=0.5/0.5", built).params == {"weights": (0.5, 0.5)}


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        ("built:weight=1/0", "'weights'"),
        ("built:weights=heavy", "'heavy'"),
        ("built:weights=2/3", "(2.0, 3.0)"),
        ("built:preset=frist", "'first'"),
        ("built:weights", "'weights'"),
        (":weights=1/0", "':weights=1/0'"),
    ],
)
def test_a_wrong_call_is_refused_by_name(built: Registry, call: str, culprit: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_measure(call, built)
    assert culprit in caught.value.message
    assert caught.value.hint


def test_a_class_that_carries_another_spec_is_refused(install_plugin: Install) -> None:
    folder = install_plugin("built", declaring("built", factory="built_shell:Impostor"))
    (folder / "built_shell.py").write_text(SHELL)
    with pytest.raises(PluginError, match="does not carry the spec"):
        build_measure("built")


@pytest.mark.parametrize("reference", ["no_such_module:Thing", "json:no_such_attribute"])
def test_a_reference_that_cannot_be_loaded_is_a_plugin_error(reference: str) -> None:
    with pytest.raises(PluginError, match=f"cannot load {reference}"):
        load(reference)


def test_build_measure_takes_text_or_a_measure_and_nothing_else(built: Registry) -> None:
    measure = build_measure("built")
    assert build_measure(measure) is measure
    with pytest.raises(UsageError, match="42 is not a measure"):
        build_measure(42)  # type: ignore[arg-type]


def test_weights_go_to_the_measures_extractor(install_plugin: Install) -> None:
    source = declaring("net").replace(
        "parameters=(", 'parameters=(Parameter("model", "extractor", "zoo:m", "network"),'
    )
    install_plugin("net", source)
    install_plugin("plain", declaring("plain"))
    assert with_weights("net", "w.safetensors") == "net:model=zoo:m[weights=w.safetensors]"
    with pytest.raises(UsageError, match="uses no network"):
        with_weights("plain", "w.safetensors")


def test_a_plugin_given_twice_is_refused_by_name() -> None:
    twin = Plugin("twin", "dist-a", "1", "twin", {}), Plugin("twin", "dist-b", "1", "twin", {})
    found = Registry(twin)
    assert found.plugins["twin"].dist == "dist-a"
    assert isinstance(found.failures[0], PluginFailure)
    assert "taken by dist-a" in found.failures[0].error

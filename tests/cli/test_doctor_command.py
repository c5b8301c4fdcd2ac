"""``dsim doctor``: what is broken is named with what would help, and nothing that is broken stops the rest."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dsim.cli.doctor import doctor
from dsim.doctor import Finding, Status, examination, examine, versions
from dsim.errors import WeightsError
from dsim.files.documents import check
from dsim.registry import default
from dsim.store import ContentStore


def told(findings: Iterator[Finding], status: Status) -> list[Finding]:
    return [finding for finding in findings if finding.status is status]


def broken(findings: Iterator[Finding]) -> list[Finding]:
    """Those that are broken; each says what would help."""
    found = told(findings, Status.BROKEN)
    assert all(finding.help for finding in found)
    return found


@pytest.fixture
def examinations(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Iterator[Finding]]]:
    """What the command examines: at first nothing."""
    found: dict[str, Callable[[], Iterator[Finding]]] = {}
    monkeypatch.setattr(examination, "examinations", lambda online: found)
    return found


def test_the_command_leaves_with_1_only_where_something_is_broken(
    examinations: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    examinations["a"] = lambda: iter([Finding("a", Status.OK, "fine"), Finding("a", Status.NOTE, "old", "renew it")])
    assert doctor.main([], standalone_mode=False) == 0
    assert capsys.readouterr().out == (
        "ok      a         fine\nnote    a         old\n                  fix: renew it\n"
    )
    examinations["b"] = lambda: iter([Finding("b", Status.BROKEN, "gone", "restore it")])
    assert doctor.main(["--json"], standalone_mode=False) == 1
    document = json.loads(capsys.readouterr().out)
    check(document, "dsim.doctor/1", "what is printed", "")
    assert [finding["status"] for finding in document["findings"]] == ["ok", "note", "broken"]


def test_an_examination_that_fails_is_a_finding_and_stops_no_other(examinations: dict[str, Any]) -> None:
    def fails() -> Iterator[Finding]:
        yield Finding("a", Status.OK, "so far")
        raise RuntimeError("on purpose")

    examinations.update(a=fails, b=lambda: iter([Finding("b", Status.OK, "fine")]))
    texts = [finding.text for finding in examine()]
    assert (texts[0], texts[2]) == ("so far", "fine")
    assert "RuntimeError: on purpose" in texts[1]


def test_the_network_is_used_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "network" not in examination.examinations(online=False)
    assert examination.examinations(online=True)["network"] is examination.network

    def unreachable() -> Any:
        raise OSError("no route")

    monkeypatch.setattr("huggingface_hub.get_session", unreachable)
    (found,) = examination.network()
    assert found.status is Status.NOTE
    assert "cannot be reached" in found.text


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str], Mapping[str, list[str]]], None]:
    """Other versions of distributions, and other requirements; a version of "" is not installed."""

    def pretend(others: Mapping[str, str], wanted: Mapping[str, list[str]]) -> None:
        version, requires = importlib.metadata.version, importlib.metadata.requires

        def found(name: str) -> str:
            if others.get(name, "?") == "":
                raise importlib.metadata.PackageNotFoundError(name)
            return others.get(name) or version(name)

        monkeypatch.setattr(versions, "version", found)
        monkeypatch.setattr(versions, "requires", lambda name: wanted[name] if name in wanted else requires(name))

    return pretend


def test_versions_that_fit_are_told_in_short() -> None:
    found = list(versions.libraries())
    assert {finding.status for finding in found} == {Status.OK}
    assert "torchvision" in found[-1].text


@pytest.mark.parametrize(
    ("here", "text", "help"),
    [
        ("", "numpy is not installed", "pip install 'numpy>=1.26'"),
        ("1.25.9", "numpy is 1.25.9, and dsim needs 1.26 or newer", "pip install --upgrade 'numpy>=1.26'"),
    ],
)
def test_a_library_that_is_missing_or_old_is_broken(here: str, text: str, help: str, installed: Any) -> None:
    installed({"numpy": here}, {"dsim": ["click>=8.1", "numpy>=1.26", "mkdocs<2,>=1.6; extra == 'docs'"]})
    assert broken(versions.libraries()) == [Finding("versions", Status.BROKEN, text, help)]


def test_torchvision_for_another_torch_is_broken(installed: Any) -> None:
    installed({"torch": "2.4.0+cu124", "torchvision": "0.20.0"}, {"torchvision": ["numpy", "torch==2.5.0"]})
    (found,) = broken(versions.libraries())
    assert found.text == "torchvision 0.20.0 is made for torch 2.5.0, and torch is 2.4.0+cu124"


def test_torch_that_cannot_be_imported_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise OSError("libcudart.so is gone")

    monkeypatch.setattr(versions, "importlib", SimpleNamespace(import_module=fails))
    (found,) = broken(versions.libraries())
    assert found.text == "torch cannot be imported: OSError: libcudart.so is gone"


def test_an_extra_tells_what_it_lacks(installed: Any) -> None:
    lines = ["mkdocs<2,>=1.6; extra == 'docs'", "l2m4m>=1.0.4; extra == 'docs'", "pytest>=8.2; extra == 'dev'"]
    installed({"mkdocs": "", "l2m4m": "1.0.4"}, {"dsim": lines})
    complete, lacking = versions.optional()
    assert complete.text == "dsim[dev], which runs the tests, is complete"
    assert lacking.status is Status.NOTE
    assert lacking.text.endswith("lacks mkdocs")


def test_a_driver_that_torch_cannot_use_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination.Runtime, "resolved_device", lambda self: "cpu")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert [finding.status for finding in examination.device()] == [Status.OK]
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert [finding.status for finding in examination.device()] == [Status.NOTE]


@pytest.mark.parametrize(("free", "status"), [(10**8, Status.NOTE), (10**10, Status.OK), (None, Status.OK)])
def test_little_memory_is_a_note(free: int | None, status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_total", lambda: 2 * 10**10)
    monkeypatch.setattr(examination, "_free", lambda: free)
    assert [finding.status for finding in examination.memory()] == [status]


def test_a_sound_cache_tells_place_and_size(private_cache: Path) -> None:
    ContentStore(private_cache).put("features", {"k": 1}, {"x": np.zeros(100)}, {})
    place, sound = (finding for finding in examination.cache() if "disk" not in finding.text)
    assert place.text.startswith(f"{private_cache} ($DSIM_CACHE): 1 files")
    assert sound.text == "every file is what was written"


def test_a_corrupt_file_of_the_cache_is_broken(private_cache: Path) -> None:
    store = ContentStore(private_cache)
    store.put("features", {"k": 1}, {"x": np.zeros(100)}, {})
    path = store.path("features", {"k": 1})
    path.write_bytes(path.read_bytes()[:-9])
    (found,) = broken(examination.cache())
    assert found.text.startswith(f"{path} is corrupt")


def test_a_cache_too_large_to_check_quickly_is_a_note(private_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ContentStore(private_cache).put("features", {"k": 1}, {"x": np.zeros(100)}, {})
    monkeypatch.setattr(examination, "CHECKED", 10)
    assert "dsim cache verify" in told(examination.cache(), Status.NOTE)[0].help


def test_a_cache_that_cannot_be_written_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DSIM_CACHE", str(tmp_path / "file" / "cache"))
    (found,) = broken(examination.cache())
    assert found.help == "set DSIM_CACHE to a folder that you may write to"


def test_a_cache_that_is_not_there_yet_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSIM_CACHE", str(tmp_path / "cache"))
    assert broken(examination.cache()) == []
    assert not (tmp_path / "cache").exists()


def test_little_disk_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination.shutil, "disk_usage", lambda place: SimpleNamespace(free=10**8))
    assert told(examination.cache(), Status.NOTE)[0].text == "100 MB of disk are free"


def test_a_shipped_folder_that_is_gone_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken(examination.shipped_files()) == []
    shipped = examination.shipped
    monkeypatch.setattr(examination, "shipped", lambda name: tmp_path / "gone" if name == "truth" else shipped(name))
    (found,) = broken(examination.shipped_files())
    assert found.text == f"the shipped truths are not at {tmp_path / 'gone'}"


def test_a_broken_plugin_is_told_with_cause_and_fix(install_plugin: Callable[..., Path]) -> None:
    assert broken(examination.plugins()) == []
    install_plugin("shaky", "import a_module_that_is_nowhere")
    (found,) = broken(examination.plugins())
    assert found.text.startswith("shaky (shaky 1.0) is not in use: import: ModuleNotFoundError")
    assert found.help == "install what it misses, or remove the plugin"


def test_a_zoo_model_with_other_weights_is_broken_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise WeightsError("the weights are gone", hint="restore them")

    known = [SimpleNamespace(verify=lambda: None), SimpleNamespace(verify=gone)]
    monkeypatch.setattr("dsim.zoo.models", lambda: known)
    lost, rest = examination.zoo()
    assert (lost.status, lost.text, lost.help) == (Status.BROKEN, "the weights are gone", "restore them")
    assert rest.text.startswith("1 models")


def test_networks_of_presets_are_found_with_who_names_them() -> None:
    found = examination.named(default().measures.values())
    assert "kld-tf:preset=paper" in found["timm:resnet34.a1_in1k"]
    assert not [reference for reference in found if reference.startswith("zoo:")]


def test_weights_at_hand_are_told_apart_from_those_to_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(reference: str, runtime: Any) -> None:
        assert runtime.offline
        if "34" in reference:
            raise WeightsError("not here")

    monkeypatch.setattr("dsim.features.prepare", prepare)
    monkeypatch.setattr(examination, "named", lambda specs: {"timm:r18": ["a"], "timm:r34": ["b", "b:preset=x"]})
    missing, there = examination.preset_weights()
    assert missing.status is Status.NOTE
    assert [word for word in ("timm:r34", "b, b:preset=x") if word not in missing.text] == []
    assert there.text.endswith(": timm:r18")

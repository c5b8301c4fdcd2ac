"""Checks of what trains models, and of folders of trained ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsim.registry import Plugin
from dsim.testing.declaration import declares_alone
from dsim.testing.report import Failure, Report
from dsim.testing.runner import named, run_gated


@dataclass(frozen=True)
class _ZooPath:
    folder: Path
    plugin: Plugin


def check_zoo_path(folder: Path, plugin: Plugin) -> Report:
    """Check that every model in a folder can be read and gives what its manifest says."""
    return Report(str(folder), tuple(run_gated(_ZOO_CHECKS, _ZooPath(folder, plugin), "folder")), "zoo")


def registration(subject: _ZooPath) -> str:
    """Declaring it imports nothing heavy."""
    declares_alone(subject.plugin.target)
    return subject.plugin.target


def folder(subject: _ZooPath) -> str:
    """The folder is there and holds models."""
    found = list(subject.folder.glob("*/manifest.toml"))
    if not found:
        raise Failure(f"no */manifest.toml in {subject.folder}", "ship the models as package data")
    return f"{len(found)} models"


def manifests(subject: _ZooPath) -> str:
    """Every manifest is complete; dsim zoo verify checks weights and probes."""
    from dsim.zoo import read_model

    models = [read_model(path.parent) for path in sorted(subject.folder.glob("*/manifest.toml"))]
    return ", ".join(path.id for path in models)


_ZOO_CHECKS = named((registration, folder, manifests))

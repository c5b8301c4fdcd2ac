"""The whole contract between dsim and its plugins: signatures, no logic.

A plugin is a module or object in the entry-point group ``dsim`` that implements any of these hooks. Each returns
cheap specs whose code is named by strings, so that no plugin slows ``dsim --help``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pluggy

from dsim.registry.specs import BuilderSpec, CommandSpec, ExtractorSpec, MeasureSpec, ReaderSpec, TrainerSpec

#: Version of this contract and of the names of ``dsim.plugin``. A plugin's module says which one it was written for:
#: ``DSIM_API_VERSION = 2``; one for another version is left out, with the reason.
API_VERSION = 2

hookspec = pluggy.HookspecMarker("dsim")
hookimpl = pluggy.HookimplMarker("dsim")


@hookspec
def dsim_measures() -> Sequence[MeasureSpec]:  # type: ignore[empty-body]
    """Similarity measures."""


@hookspec
def dsim_extractors() -> Sequence[ExtractorSpec]:  # type: ignore[empty-body]
    """Kinds of feature extractors."""


@hookspec
def dsim_trainers() -> Sequence[TrainerSpec]:  # type: ignore[empty-body]
    """Trainings of extractors, measures' models, maps and segmenters."""


@hookspec
def dsim_builders() -> Sequence[BuilderSpec]:  # type: ignore[empty-body]
    """Functions that make the networks of zoo models."""


@hookspec
def dsim_readers() -> Sequence[ReaderSpec]:  # type: ignore[empty-body]
    """Readers of datasets."""


@hookspec
def dsim_zoo_paths() -> Sequence[Path]:  # type: ignore[empty-body]
    """Folders that hold one folder per zoo model, each with a manifest.toml."""


@hookspec
def dsim_commands() -> Sequence[CommandSpec]:  # type: ignore[empty-body]
    """Subcommands of ``dsim``."""

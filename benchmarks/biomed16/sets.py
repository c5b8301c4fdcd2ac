"""What is known of the sets: their META.json, the list of their images, and what sets.toml adds."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsim.errors import DataError
from dsim.truth import TransferMatrix


@dataclass(frozen=True)
class Origin:
    """Where a set comes from.

    Parameters
    ----------
    collection, modality, citation, licence, notes : as its META.json states them.
    repository, commit, path : where its images were taken from.
    foreground : what its masks mark. ``use`` : what its licence leaves to whoever applies a model trained on it.
    hard : why it may be hard to learn; may be empty.
    files : of each image its name in the set, and its path in the repository.
    """

    collection: str
    modality: str
    citation: str
    licence: str
    notes: str
    repository: str
    commit: str
    path: str
    foreground: str
    use: str
    hard: str
    files: tuple[tuple[str, str], ...]


def origins(truth: TransferMatrix, data: Path) -> dict[str, Origin]:
    """Of each source of the truth, from its folder below ``data``; DataError where that says nothing of it."""
    told = tomllib.loads(Path(__file__).with_name("sets.toml").read_text(encoding="utf-8"))
    return {name: _origin(data / truth.datasets[name].location, told.get(name, {})) for name in truth.sources}


def _origin(folder: Path, told: Mapping[str, str]) -> Origin:
    try:
        meta = json.loads((folder / "META.json").read_text(encoding="utf-8"))
        with open(folder / "sources.csv", encoding="utf-8", newline="") as file:
            files = tuple((row["file"], row["source_path"]) for row in csv.DictReader(file))
        return Origin(
            collection=meta["dataset"],
            modality=meta["modality"],
            citation=meta["citation"],
            licence=meta["licence"],
            notes=meta.get("notes", ""),
            repository=meta["source_repo"],
            commit=meta["commit"],
            path=meta["path"],
            foreground=told.get("foreground", "foreground"),
            use=told.get("use", "as the licence of the set says"),
            hard=told.get("hard", ""),
            files=files,
        )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder} does not say where its images come from: {error!r}",
            hint="META.json and sources.csv belong beside images/ and masks/",
        ) from error


def listing(known: Mapping[str, Origin]) -> str:
    """All images with their paths in the repositories, as CSV: what another lab needs to take the same ones."""
    rows = [f"{name},{_quoted(file)},{_quoted(path)}" for name, origin in known.items() for file, path in origin.files]
    return "\n".join(["dataset,file,source_path", *rows]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text

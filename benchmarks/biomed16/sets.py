"""What is known of the sets: their META.json, the list of their images, and what sets.toml adds."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real_sets.origins import Origin, asking, quoted, read_origin
from dsim.truth import TransferMatrix


@dataclass(frozen=True)
class Annotated(Origin):
    """A set with masks.

    Parameters
    ----------
    foreground : what its masks mark. ``marks`` : the same in a word or two, in the plural.
    use : what its licence leaves to whoever applies a model trained on it.
    hard : why it may be hard to learn; may be empty.
    files : of each image its name in the set, and its path in the repository.
    """

    foreground: str
    marks: str
    use: str
    hard: str
    files: tuple[tuple[str, str], ...]


def origins(truth: TransferMatrix, data: Path) -> dict[str, Annotated]:
    """Of each source of the truth, from its folder below ``data``; DataError where that says nothing of it."""
    told = tomllib.loads(Path(__file__).with_name("sets.toml").read_text(encoding="utf-8"))
    return {name: _origin(data / truth.datasets[name].location, told.get(name, {})) for name in truth.sources}


def _origin(folder: Path, told: Mapping[str, str]) -> Annotated:
    with asking(folder, needed="META.json and sources.csv belong beside images/ and masks/"):
        with open(folder / "sources.csv", encoding="utf-8", newline="") as file:
            files = tuple((row["file"], row["source_path"]) for row in csv.DictReader(file))
        foreground = told.get("foreground", "foreground")
        return Annotated(
            **read_origin(folder),
            foreground=foreground,
            marks=told.get("marks", foreground),
            use=told.get("use", "as the licence of the set says"),
            hard=told.get("hard", ""),
            files=files,
        )


def listing(known: Mapping[str, Annotated]) -> str:
    """All images with their paths in the repositories, as CSV: what another lab needs to take the same ones."""
    rows = [f"{name},{quoted(file)},{quoted(path)}" for name, origin in known.items() for file, path in origin.files]
    return "\n".join(["dataset,file,source_path", *rows]) + "\n"

"""The six properties that observers tell of a dataset, after the study "Cats, not CAT scans".

The study names the properties and not the answers that could be given, so the answers are this project's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """``name`` of the property, which is a column of the table; what is asked; and the answers to choose from."""

    name: str
    text: str
    answers: tuple[str, ...]


QUESTIONS = (
    Question("origin", "natural or medical images?", ("natural", "medical")),
    Question("colour", "grayscale or colour images?", ("gray", "colour")),
    Question("content", "objects or textures?", ("objects", "textures")),
    Question(
        "kind",
        "which objects or textures?",
        (
            "cells",
            "tissue",
            "skin",
            "organs",
            "bones",
            "vessels",
            "instruments",
            "everyday things",
            "patterns",
            "other",
        ),
    ),
    Question("diversity", "how diverse are the images?", ("low", "medium", "high")),
    Question("classes", "how many classes?", ("1", "2", "3 to 5", "6 to 10", "more than 10")),
)

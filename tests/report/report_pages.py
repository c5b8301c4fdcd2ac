"""Pages taken apart, and matrices that were never computed."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from dsim.measures import SimilarityMatrix, Verdict
from dsim.registry import Direction

#: Elements within a line: their texts are parts of one word or sentence.
INLINE = {"bdi", "strong", "code", "a"}
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Elements with their attributes, and texts; ``faults`` where they are not nested as they should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.headings: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._part(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append((tag, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def _part(self, tag: str) -> None:
        if tag not in INLINE:
            self.texts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._part(tag)
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes another element at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.texts.append(data)
        if self.headings and {"h1", "h2", "h3"}.intersection(self.open):
            tag, before = self.headings[-1]
            self.headings[-1] = (tag, before + data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def said(self) -> str:
        """All text, on one line."""
        return " ".join("".join(self.texts).split())


def small(
    sources: tuple[str, ...], targets: tuple[str, ...], values: np.ndarray, **changes: object
) -> SimilarityMatrix:
    """A matrix that was never computed, for what computed ones rarely show."""
    records = {
        name: {
            "location": "memory",
            "format": "arrays",
            "samples": 3,
            "fingerprint": "f" * 64,
            "resampled_by": "image",
            "treatment": {"version": 1, "uint8": "as stored", "scales": {}},
            "notes": [],
            "skipped": [],
            "seen_by": [],
            "remarks": [],
        }
        for name in (*sources, *targets)
    }
    nan = float("nan")
    columns = [[*values[:, place]] for place in range(len(targets))]
    best = [sources[int(np.nanargmin(column))] if not np.isnan(column).all() else None for column in columns]
    fields: dict[str, object] = {
        "measure": "made@1",
        "direction": Direction.DISTANCE,
        "unit": "",
        "sources": sources,
        "targets": targets,
        "values": values,
        "notes": tuple(tuple("the reason" if np.isnan(value) else "" for value in row) for row in values),
        "same": np.array([[source == target for target in targets] for source in sources]),
        "verdicts": {
            target: Verdict(target, one, sources[-1] if one else None, None, nan, nan, "made up")
            for target, one in zip(targets, best, strict=True)
        },
        "provenance": {"dsim": "0", "created": "2026-01-01T00:00:00+00:00", "measure": "made@1", "datasets": records},
        **changes,
    }
    return SimilarityMatrix(**fields)  # type: ignore[arg-type]

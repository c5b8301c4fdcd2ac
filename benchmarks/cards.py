"""What the cards of measured truths are made of, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dsim.truth import TransferMatrix


def table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str = "---:") -> str:
    """A table, the first column to the left, all others to the right, or as ``align`` says."""
    lines = [head, ["---", *[align] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def words(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts, which may hold any character."""
    return table(head, [[text.replace("|", "\\|") for text in row] for row in rows], "---")


def by_target(
    truth: TransferMatrix, best: Sequence[str], cell: Callable[[int, int], str], own: Callable[[int], str] | None = None
) -> list[list[str]]:
    """A row for each target with a ``cell`` (source, target) for each source, that of its ``best`` one in bold.

    ``own`` is the text of a source as its own target; nothing by default.
    """

    def text(i: int, j: int) -> str:
        if truth.sources[i] == truth.targets[j]:
            return own(i) if own else ""
        return f"**{cell(i, j)}**" if truth.sources[i] == best[j] else cell(i, j)

    sources = range(len(truth.sources))
    return [[f"`{target}`", *(text(i, j) for i in sources)] for j, target in enumerate(truth.targets)]


def listed(names: Sequence[str]) -> str:
    """The names, or that there is none."""
    return ", ".join(names) or "none"


def counted(names: Sequence[str]) -> str:
    """Each name once, with how often it occurs, the most frequent first."""
    order = sorted(set(names), key=lambda name: (-names.count(name), name))
    return ", ".join(f"`{name}` ({names.count(name)})" for name in order)

"""How a source's model comes to a target: as it is, after a few annotated images, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from dsim.errors import UnknownNameError, UsageError

KINDS = ("prelabel", "finetune", "scratch")
#: Name of the only source of the scenario ``scratch``.
NOTHING = "scratch"


@dataclass(frozen=True)
class Scenario:
    """What happens to a target before it is scored.

    Parameters
    ----------
    kind : ``prelabel``: the source's model as it is. ``finetune``: after training on annotated images of the target.
        ``scratch``: training on those alone, without a source.
    images : how many are annotated; 0 for ``prelabel``.

    >>> Scenario.parse("finetune:5"), str(Scenario("scratch", 10))
    (Scenario(kind='finetune', images=5), 'scratch:10')
    """

    kind: str
    images: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.images}" if self.images else self.kind

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """Read ``prelabel``, ``finetune:K`` or ``scratch:K``; UsageError for anything else."""
        kind, _, count = text.partition(":")
        if kind not in KINDS:
            raise UnknownNameError("scenario", kind, KINDS, hint="give prelabel, finetune:K or scratch:K")
        if kind == "prelabel" and not count:
            return cls(kind)
        if kind == "prelabel" or not count.isdecimal() or int(count) < 1:
            how = "prelabel annotates no image" if kind == "prelabel" else "K is a number of annotated images"
            raise UsageError(f"there is no scenario {text!r}: {how}", hint="give prelabel, finetune:5 or scratch:5")
        return cls(kind, int(count))

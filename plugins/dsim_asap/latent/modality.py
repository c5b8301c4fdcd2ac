"""How a dataset says of which modality it is, and the family of modalities that this belongs to.

Datasets say it in their own words ("H&E histology RGB 40x"), so that equal words are rare and a map by words would be
a map by datasets. A short list of the field's terms brings them together; what none of them fits stays as it was said.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset

#: Terms in the order in which they are looked for: what is special before what is general.
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("electron microscopy", ("electron", "sstem", "fib-sem")),
    ("blood smear", ("blood smear", "blood cell", "bone marrow")),
    ("histology", ("histolog", "histopath", "h&e", "immunohisto")),
    ("fluorescence", ("fluoresc",)),
    ("transmitted light", ("phase contrast", "phase-contrast", "dic ", "differential interference", "bright field")),
    ("dermoscopy", ("dermoscop", "dermatoscop")),
    ("fundus", ("fundus", "retinal photograph")),
    ("endoscopy", ("endoscop", "colonoscop", "gastroscop", "laparoscop")),
    ("ultrasound", ("ultrasound", "sonograph", "echocardio")),
    ("OCT", ("optical coherence",)),
    ("CT", ("computed tomography", "ct scan")),
    ("MRI", ("magnetic resonance", "mri")),
    ("X-ray", ("x-ray", "xray", "radiograph", "mammogra")),
    ("photographs", ("natural", "photograph")),
)


def family(stated: str) -> str:
    """The family of modalities that a description names; the description itself where it names none.

    >>> family("H&E histology RGB 40x"), family("colonoscopy RGB"), family("Raman maps")
    ('histology', 'endoscopy', 'Raman maps')
    """
    # Hyphens and the end of the text are as good as spaces, so that "dic " does not find itself in "dictionary".
    text = f" {stated.lower()} "
    return next((name for name, terms in FAMILIES if any(term in text for term in terms)), stated)


def stated(dataset: Dataset) -> str:
    """What a dataset says of its modality: its attribute ``modality``, else that of a META.json in its folder.

    Where observers differ, what most of them say, the first in the alphabet of equals. Empty where nothing is said.

    >>> from dsim.data.phantoms import open_phantom
    >>> stated(open_phantom("fundus", count=1))
    'fundus'
    """
    from dsim.data.attributes import votes_of

    votes = Counter(filter(None, votes_of(dataset.attributes).get("modality", {}).values()))
    if votes:
        return min(votes, key=lambda said: (-votes[said], said))
    return _in_meta(Path(dataset.location) / "META.json")


def _in_meta(path: Path) -> str:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # it is there for people; a map does not fail for it
    said = told.get("modality", "") if isinstance(told, dict) else ""
    return said.strip() if isinstance(said, str) else ""

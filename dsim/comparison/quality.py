"""How good the embedding behind a matrix is: the EQC of the sources' clouds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dsim.stats.embedding import FORMS, eqc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def embedding_quality(clouds: Mapping[str, NDArray[np.float64]], sources: Sequence[str]) -> dict[str, Any]:
    """EQC of the sources that have a cloud, in both forms, for the record of a matrix; None where there is none.

    The form ``reference`` depends on the order of the sources, which is therefore told.

    >>> import numpy as np
    >>> clouds = {"a": np.array([[0.0], [2.0]]), "b": np.array([[9.0], [13.0]]), "target": np.array([[5.0]])}
    >>> embedding_quality(clouds, ["a", "b"])
    {'eqc': {'paper': 0.6, 'reference': 0.15}, 'sources': ['a', 'b']}
    """
    known = [name for name in sources if name in clouds]
    points = [clouds[name] for name in known]
    found = {form: eqc(points, form) if len(points) > 1 else math.nan for form in FORMS}
    return {"eqc": {form: value if math.isfinite(value) else None for form, value in found.items()}, "sources": known}

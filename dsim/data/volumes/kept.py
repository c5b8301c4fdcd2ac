"""The volumes that were used last, held in memory up to a number of bytes."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: Of all volumes together: some forty CT scans of 512 x 512 x 24, or two of 512 x 512 x 500. One is always kept.
LIMIT = 2**29


class KeptVolumes:
    """Arrays by key, the least recently used forgotten first; safe for threads.

    >>> import numpy as np
    >>> kept = KeptVolumes(limit=100)
    >>> kept.get("a", lambda: np.zeros(80, np.uint8)).size, kept.get("b", lambda: np.zeros(80, np.uint8)).size
    (80, 80)
    >>> len(kept)
    1
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._volumes: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        # Reentrant: a stack of gzipped volumes is loaded from volumes.
        self._lock = threading.RLock()
        # A process that is forked while a thread reads would wait for that thread for ever.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def __len__(self) -> int:
        return len(self._volumes)

    def get(self, key: Hashable, load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The array of this key; ``load`` is called where it is not kept, by one thread at a time."""
        with self._lock:
            if key not in self._volumes:
                self._volumes[key] = load()
            self._volumes.move_to_end(key)
            while len(self._volumes) > 1 and sum(array.nbytes for array in self._volumes.values()) > self._limit:
                self._volumes.popitem(last=False)
            return self._volumes[key]

    def _renew(self) -> None:
        self._lock = threading.RLock()


#: One for the process: datasets come and go, and are sent to other processes without it.
KEPT = KeptVolumes()

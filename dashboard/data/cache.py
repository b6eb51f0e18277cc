"""A cache bounded by bytes, shared by all sessions: what was read stays until its file changes or room is short."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import pandas as pd
from cachetools import LRUCache

T = TypeVar("T")

# Half of the 1 GB that the whole server may take; 10,000 prompts x 5 policies need about a quarter of it.
LIMIT_BYTES = 400 * 2**20


class ByteCache:
    """Least recently used values go first; what is bigger than the whole cache is not held.

    Values are shared: nobody may modify one.
    """

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        # With its size, which is reckoned once and outside of the lock: it takes long for a column of texts.
        self._values: LRUCache[Hashable, tuple[object, int]] = LRUCache(limit, getsizeof=lambda entry: entry[1])
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], *, keep: Callable[[T], bool] = lambda _: True) -> T:
        """The value of `key`, made where it is not held; an error, or what is not to be kept, is made again next time.

        Two sessions may make the same value at once.
        """
        with self._lock:
            held = self._values.get(key)
        if held is not None:
            return cast(T, held[0])
        value = make()
        if keep(value):
            entry = (value, size_of(value))
            with self._lock, contextlib.suppress(ValueError):  # it is bigger than the whole cache
                self._values[key] = entry
        return value

    @property
    def held(self) -> int:
        """Bytes held now."""
        return int(self._values.currsize)


def size_of(value: object) -> int:
    """Bytes of a frame, or of the frames in a tuple or an object's fields; 1 kB for anything else."""
    if isinstance(value, pd.DataFrame):
        return int(value.memory_usage(index=True, deep=True).sum())
    if isinstance(value, tuple | list):
        return sum(size_of(part) for part in value)
    if isinstance(value, dict):
        return 1024 + sum(size_of(part) for part in value.values())
    if hasattr(value, "__dict__"):
        return sum(size_of(part) for part in vars(value).values())
    return 1024


CACHE = ByteCache()

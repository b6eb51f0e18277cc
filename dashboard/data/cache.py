"""A cache bounded by bytes, shared by all sessions: what was read stays until its file changes or room is short."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import pandas as pd

T = TypeVar("T")

# Half of the 1 GB that the whole server may take; 10,000 prompts x 5 policies need about a quarter of it.
LIMIT_BYTES = 400 * 2**20


class ByteCache:
    """Least recently used values go first. Values are shared: nobody may modify one."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._values: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], *, keep: Callable[[T], bool] = lambda _: True) -> T:
        """The value of `key`, made where it is not held; an error, or what is not to be kept, is made again next time.

        Two sessions may make the same value at once.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return cast(T, self._values[key][0])
        value = make()
        if not keep(value):
            return value
        size = size_of(value)
        with self._lock:
            if key not in self._values:
                self._held += size
            self._values[key] = (value, size)
            while self._held > self._limit and len(self._values) > 1:
                _, (_, freed) = self._values.popitem(last=False)
                self._held -= freed
        return value

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held


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

"""Things that are made once for a key; what could not be made is refused each time in the same words."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from arena_assets.estimation._types import EstimationError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class _Refusal:
    reason: str


class Once(Generic[K, V]):
    """A cache of what `make` gives for a key.

    It keeps the reason of an `EstimationError`, not the error: an instance that is raised again would carry the frames
    of every earlier raise.
    """

    def __init__(self) -> None:
        self._found: dict[K, V | _Refusal] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """What was made for `key`, or is made now. Raises EstimationError where it cannot be."""
        if key not in self._found:
            try:
                self._found[key] = make()
            except EstimationError as error:
                self._found[key] = _Refusal(str(error))
        found = self._found[key]
        if isinstance(found, _Refusal):
            raise EstimationError(found.reason)
        return found

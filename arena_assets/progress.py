"""Progress of long work, through a plain callback: pure code never sees a terminal or Dagster's context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Told after each finished item (or now and then): how many of how many, and a short note such as a speed.

    `done` has a fraction where items are long: what is in flight counts by how far it is. It is `total` at the end.
    """

    def __call__(self, done: float, total: int, note: str = "") -> None: ...


def silent(done: float, total: int, note: str = "") -> None:
    """Progress that nobody watches."""


def within(progress: Progress, before: float, total: int) -> Progress:
    """Progress of a part as progress of the whole: `before` items of `total` were done when the part began."""
    return lambda done, _, note="": progress(before + done, total, note)


class Paced:
    """Passes progress on at most every `seconds`, and always at the end: one log line on SQLite takes 19 ms."""

    def __init__(self, say: Callable[[str], None], what: str, clock: Callable[[], float], seconds: float = 5.0) -> None:
        self._say, self._what, self._clock, self._seconds = say, what, clock, seconds
        self._started = clock()
        self._last = self._started
        self._from: float | None = None

    def __call__(self, done: float, total: int, note: str = "") -> None:
        now = self._clock()
        if self._from is None or done == self._from:
            # What a journal already held took no time, and waiting for the machine did no work: neither is speed.
            self._from, self._started = done, now
        if done < total and now - self._last < self._seconds:
            return
        self._last = now
        fresh, passed = done - self._from, now - self._started
        left = f", {duration(passed / fresh * (total - done))} left" if fresh > 0 and done < total else ""
        self._say(f"{self._what}: {int(done)}/{total}{left}{', ' + note if note else ''}")


def duration(seconds: float) -> str:
    """A span of time for people: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""What a run is doing now, from the journals that it appends to: items, tokens, and how fast they come."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.pipeline import Step
from arena_assets.storage import is_local
from arena_assets.storage.listing import Listing
from dashboard.data.catalog import Chosen

ACTIVE_S = 120.0  # a journal that nothing was appended to for so long is nobody's at the moment
_WINDOW_S = 120.0  # speeds are of the last so many seconds


@dataclass(frozen=True)
class Running:
    """A batch that is made now. items: finished so far, of about `total` where that is known beforehand.

    items_per_second, tokens_per_second: None until it was looked at twice, or where no token is written.
    """

    asset: str
    partition: str
    items: int
    total: int | None
    items_per_second: float | None
    tokens_per_second: float | None

    @property
    def seconds_left(self) -> float | None:
        """At the present speed; None where speed or total is unknown."""
        if self.total is None or not self.items_per_second:
            return None
        return max(0, self.total - self.items) / self.items_per_second


@dataclass
class _Watched:
    """A journal as far as it was read, and what was seen of it lately: (seconds, items, tokens)."""

    inode: int = 0
    offset: int = 0
    keys: set[str] = field(default_factory=set)
    tokens: int = 0
    seen: deque[tuple[float, int, int]] = field(default_factory=deque)


_WATCHED: dict[str, _Watched] = {}
_LOCK = threading.Lock()


def running(chosen: Chosen, now: float | None = None) -> list[Running]:
    """The batches whose journals grow; none on object storage, whose journals are many objects.

    now: seconds since the epoch.
    """
    if not is_local(chosen.store.root):
        return []
    moment, found, listing = time.time() if now is None else now, [], Listing(chosen.store)
    for step in pipeline.BATCH:
        tables = listing.tables(step.name)
        for partition, path in _journals(Path(chosen.store.journals(step.name).path)):
            modified = path.stat().st_mtime
            table = tables.get(partition)
            with _LOCK:
                if moment - modified > ACTIVE_S or (table is not None and table.modified >= modified):
                    _WATCHED.pop(str(path), None)
                    continue
                found.append(_running(step, partition, path, chosen.experiment, moment))
    return found


def _journals(folder: Path) -> Iterator[tuple[str, Path]]:
    if folder.is_dir():
        for batch in sorted(folder.iterdir()):
            path = batch / "items.jsonl"
            if path.is_file():
                yield batch.name, path


def _running(step: Step, partition: str, path: Path, experiment: Experiment | None, now: float) -> Running:
    watched = _WATCHED.setdefault(str(path), _Watched())
    _read(watched, path)
    items, tokens = len(watched.keys), watched.tokens
    watched.seen.append((now, items, tokens))
    while len(watched.seen) > 2 and now - watched.seen[1][0] > _WINDOW_S:
        watched.seen.popleft()
    then, items_then, tokens_then = watched.seen[0]
    passed = now - then
    return Running(
        step.name,
        partition,
        items,
        _total(step, partition, experiment),
        (items - items_then) / passed if passed > 0 else None,
        (tokens - tokens_then) / passed if passed > 0 and tokens > tokens_then else None,
    )


def _read(watched: _Watched, path: Path) -> None:
    """Read on to the last whole line; from the start where it is another file than before."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_ino != watched.inode or status.st_size < watched.offset:
            watched.inode, watched.offset, watched.tokens = status.st_ino, 0, 0
            watched.keys.clear()
            watched.seen.clear()
        file.seek(watched.offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    watched.offset += len(whole)
    for line in whole.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # torn by a crash: that item was in flight
        if isinstance(record, dict) and isinstance(record.get("key"), str):
            watched.keys.add(record["key"])
            sampled = record.get("tokens")
            watched.tokens += len(sampled) if isinstance(sampled, list) else 0


def _total(step: Step, partition: str, experiment: Experiment | None) -> int | None:
    """Items of a batch of which each policy has one for each prompt."""
    if experiment is None or not step.exact or partition not in experiment.partitions:
        return None
    start, stop = experiment.batch_bounds(partition)
    return (stop - start) * len(experiment.policies)

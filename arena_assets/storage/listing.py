"""Which files of a table there are, and what identifies their contents: each folder is listed once, no file opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from upath import UPath

from arena_assets.storage.atomic import is_local
from arena_assets.storage.store import Store, contract

TABLE_SUFFIX, CHECKS_SUFFIX = ".parquet", ".checks.json"


@dataclass(frozen=True, order=True)
class StoredFile:
    """A table's file, or the findings beside it. A rewritten file has another signature."""

    asset: str
    partition: str | None
    path: str
    signature: tuple[str, ...]
    modified: float  # seconds since the epoch
    size: int

    @property
    def label(self) -> str:
        return self.asset if self.partition is None else f"{self.asset}/{self.partition}"


class Listing:
    """The files of a store as they are at the first look at each folder."""

    def __init__(self, store: Store) -> None:
        self._root = store.root
        self._entries = cache(lambda folder: tuple(_entries(self._root / folder if folder else self._root)))

    def tables(self, asset: str) -> dict[str | None, StoredFile]:
        """The files of a table by partition, in order; of a whole table, by None."""
        return self._files(asset, TABLE_SUFFIX)

    def checks(self, asset: str) -> dict[str | None, StoredFile]:
        """What the last runs of a table found, by partition: there for a refused one, too."""
        return self._files(asset, CHECKS_SUFFIX)

    def modified(self, name: str) -> float | None:
        """When a file of the store's own folder was last written, seconds since the epoch; None where it is not."""
        found = dict(self._entries("")).get(name)
        return None if found is None else found[2]

    def _files(self, asset: str, suffix: str) -> dict[str | None, StoredFile]:
        partitioned = contract(asset).partitioned
        found: dict[str | None, StoredFile] = {}
        for name, entry in sorted(self._entries(asset if partitioned else "")):
            stem = name.removesuffix(suffix)
            if stem != name and not name.startswith(".") and (partitioned or stem == asset):
                partition = stem if partitioned else None
                found[partition] = StoredFile(asset, partition, *entry)
        return found


_Entry = tuple[str, tuple[str, ...], float, int]  # path, signature, modified, size


def _entries(folder: UPath) -> Iterator[tuple[str, _Entry]]:
    """Every file of a folder by name; none where there is no folder."""
    try:
        if not is_local(folder):
            for info in folder.fs.ls(folder.path, detail=True):
                yield str(info["name"]).rsplit("/", 1)[-1], _of_info(info)
            return
        with os.scandir(folder.path) as entries:
            for entry in entries:
                stat = entry.stat()
                yield entry.name, (entry.path, _signature(stat), stat.st_mtime, stat.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return


def _signature(stat: os.stat_result) -> tuple[str, ...]:
    # The inode too: a file that was replaced within the clock's grain is another one.
    return (str(stat.st_mtime_ns), str(stat.st_size), str(stat.st_ino))


def _of_info(info: dict[str, Any]) -> _Entry:
    modified = info.get("LastModified") or info.get("mtime") or info.get("created") or 0
    stamp = modified.timestamp() if isinstance(modified, datetime) else float(modified)
    signature = tuple(str(info.get(name)) for name in ("ETag", "LastModified", "mtime", "created", "size"))
    return str(info["name"]), signature, stamp, int(info.get("size") or 0)

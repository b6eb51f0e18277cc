"""Tables as they lie on disk now: which files there are, what identifies their contents, which cannot be read and why.

A run may write, replace or remove files at any moment; a file that is gone between listing and reading is a problem of
that file, never of the page.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from upath import UPath

from arena_assets.errors import StorageError
from arena_assets.storage import LastRun, Store, contract, is_local
from dashboard.data.cache import CACHE


@dataclass(frozen=True, order=True)
class TableFile:
    """One file and what identifies its contents: a rewritten file has another signature."""

    asset: str
    partition: str | None
    path: str
    signature: tuple[str, ...]
    modified: float  # seconds since the epoch
    size: int

    @property
    def label(self) -> str:
        return self.asset if self.partition is None else f"{self.asset}/{self.partition}"


@dataclass(frozen=True)
class Problem:
    """A file that cannot be used, and why."""

    label: str
    text: str


@dataclass(frozen=True, eq=False)
class Loaded:
    """The rows of all files that could be read, the problems of those that could not, and a key for derived values."""

    frame: pd.DataFrame
    problems: tuple[Problem, ...]
    files: tuple[TableFile, ...]

    @property
    def key(self) -> tuple[object, ...]:
        return tuple((file.path, *file.signature) for file in self.files)

    @property
    def empty(self) -> bool:
        return self.frame.empty


def listing(store: Store, asset: str) -> tuple[TableFile, ...]:
    """The asset's files, in order of partition; none where nothing is materialised."""
    if not contract(asset).partitioned:
        return tuple(_stat(store.path(asset), asset, None))
    folder = store.root / asset
    if not is_local(folder):
        return _remote_listing(folder, asset)
    try:
        with os.scandir(folder.path) as entries:
            found = [
                _from_stat(entry.path, asset, entry.name.removesuffix(".parquet"), entry.stat())
                for entry in entries
                if entry.name.endswith(".parquet") and not entry.name.startswith(".")
            ]
    except FileNotFoundError:
        return ()
    return tuple(sorted(found, key=lambda file: file.partition or ""))


def load(store: Store, asset: str, columns: Sequence[str]) -> Loaded:
    """The `columns` of all files of the asset. Held in memory by file signature, so only what changed is read again."""
    files = listing(store, asset)
    key = ("load", asset, tuple(columns), tuple((file.path, *file.signature) for file in files))
    # A file that could not be read now may be readable a moment later, without any change of its signature.
    return CACHE.get(key, lambda: _load(store, asset, columns, files), keep=lambda found: not found.problems)


def _load(store: Store, asset: str, columns: Sequence[str], files: Sequence[TableFile]) -> Loaded:
    frames, problems, kept = [], [], []
    for file in files:
        try:
            frame = store.read(file.asset, file.partition, columns)
        except StorageError as error:
            problems.append(Problem(file.label, str(error)))
            continue
        frames.append(frame)
        kept.append(file)
    if not frames:
        return Loaded(contract(asset).empty()[list(columns)], tuple(problems), ())
    return Loaded(pd.concat(frames, ignore_index=True), tuple(problems), tuple(kept))


def notes(store: Store, file: TableFile) -> dict[str, str] | Problem:
    """What stands in the file beside its rows (fingerprint, number of rows), or why it cannot be read."""

    def read_notes() -> dict[str, str] | Problem:
        try:
            return store.notes(file.asset, file.partition)
        except StorageError as error:
            return Problem(file.label, str(error))

    return CACHE.get(("notes", file.path, *file.signature), read_notes)


def last_runs(store: Store, asset: str) -> dict[str | None, LastRun | Problem]:
    """What the last run of each partition of the asset found, refused ones included; key None for a whole asset."""
    partitioned = contract(asset).partitioned
    folder = store.root / asset if partitioned else store.root
    found: dict[str | None, tuple[str, ...]] = {
        (name if partitioned else None): signature
        for name, signature in _signatures(folder, ".checks.json")
        if partitioned or name == asset
    }
    return {
        partition: CACHE.get(("last run", str(folder), asset, partition, *signature), _Last(store, asset, partition))
        for partition, signature in sorted(found.items(), key=lambda item: item[0] or "")
    }


@dataclass(frozen=True)
class _Last:
    store: Store
    asset: str
    partition: str | None

    def __call__(self) -> LastRun | Problem:
        label = self.asset if self.partition is None else f"{self.asset}/{self.partition}"
        try:
            return self.store.read_run(self.asset, self.partition)
        except StorageError as error:
            return Problem(f"{label} (checks)", str(error))


def _signatures(folder: UPath, suffix: str) -> list[tuple[str, tuple[str, ...]]]:
    if not is_local(folder):
        return [
            (name.removesuffix(suffix), _remote_signature(info))
            for name, info in _remote_entries(folder)
            if name.endswith(suffix)
        ]
    try:
        with os.scandir(folder.path) as entries:
            return [
                (entry.name.removesuffix(suffix), _signature(entry.stat()))
                for entry in entries
                if entry.name.endswith(suffix) and not entry.name.startswith(".")
            ]
    except FileNotFoundError:
        return []


def _stat(path: UPath, asset: str, partition: str | None) -> list[TableFile]:
    try:
        if is_local(path):
            return [_from_stat(path.path, asset, partition, os.stat(path.path))]  # noqa: PTH116 (a str, not a Path)
        info = path.fs.info(path.path)
    except FileNotFoundError:
        return []
    return [_from_info(path.path, asset, partition, info)]


def _from_stat(path: str, asset: str, partition: str | None, stat: os.stat_result) -> TableFile:
    return TableFile(asset, partition, path, _signature(stat), stat.st_mtime, stat.st_size)


def _signature(stat: os.stat_result) -> tuple[str, ...]:
    # The inode too: a file that was replaced within the clock's grain is another one.
    return (str(stat.st_mtime_ns), str(stat.st_size), str(stat.st_ino))


def _remote_entries(folder: UPath) -> list[tuple[str, dict[str, Any]]]:
    try:
        entries = folder.fs.ls(folder.path, detail=True)
    except FileNotFoundError:
        return []
    return [(str(entry["name"]).rsplit("/", 1)[-1], entry) for entry in entries]


def _remote_listing(folder: UPath, asset: str) -> tuple[TableFile, ...]:
    found = [
        _from_info(str(info["name"]), asset, name.removesuffix(".parquet"), info)
        for name, info in _remote_entries(folder)
        if name.endswith(".parquet")
    ]
    return tuple(sorted(found, key=lambda file: file.partition or ""))


def _from_info(path: str, asset: str, partition: str | None, info: dict[str, Any]) -> TableFile:
    modified = info.get("LastModified") or info.get("mtime") or info.get("created") or 0
    stamp = modified.timestamp() if isinstance(modified, datetime) else float(modified)
    return TableFile(asset, partition, path, _remote_signature(info), stamp, int(info.get("size") or 0))


def _remote_signature(info: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(info.get(name)) for name in ("ETag", "LastModified", "mtime", "created", "size"))

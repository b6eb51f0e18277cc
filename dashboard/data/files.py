"""Tables as they lie on disk now: which files there are, what identifies their contents, which cannot be read and why.

A run may write, replace or remove files at any moment; a file that is gone between listing and reading is a problem of
that file, never of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from arena_assets.errors import StorageError
from arena_assets.storage import LastRun, Store, contract
from arena_assets.storage.listing import Listing, StoredFile
from dashboard.data.cache import CACHE


@dataclass(frozen=True)
class UnusableFile:
    """A file that cannot be used, and why."""

    label: str
    text: str


@dataclass(frozen=True, eq=False)
class Loaded:
    """The rows of all files that could be read, the problems of those that could not, and a key for derived values."""

    frame: pd.DataFrame
    problems: tuple[UnusableFile, ...]
    files: tuple[StoredFile, ...]

    @property
    def key(self) -> tuple[object, ...]:
        return tuple((file.path, *file.signature) for file in self.files)

    @property
    def empty(self) -> bool:
        return self.frame.empty


def load(store: Store, asset: str, columns: Sequence[str]) -> Loaded:
    """The `columns` of all files of the asset. Held in memory by file signature, so only what changed is read again."""
    files = tuple(Listing(store).tables(asset).values())
    key = ("load", asset, tuple(columns), tuple((file.path, *file.signature) for file in files))
    # A file that could not be read now may be readable a moment later, without any change of its signature.
    return CACHE.get(key, lambda: _load(store, asset, columns, files), keep=lambda found: not found.problems)


def _load(store: Store, asset: str, columns: Sequence[str], files: Sequence[StoredFile]) -> Loaded:
    frames, problems, kept = [], [], []
    for file in files:
        try:
            frame = store.read(file.asset, file.partition, columns)
        except StorageError as error:
            problems.append(UnusableFile(file.label, str(error)))
            continue
        frames.append(frame)
        kept.append(file)
    if not frames:
        return Loaded(contract(asset).empty()[list(columns)], tuple(problems), ())
    return Loaded(pd.concat(frames, ignore_index=True), tuple(problems), tuple(kept))


def notes(store: Store, file: StoredFile) -> dict[str, str]:
    """What stands in the file beside its rows: fingerprint, number of rows. Held until the file changes.

    Raises:
        StorageError: it cannot be read; it is tried again next time.
    """
    return CACHE.get(("notes", file.path, *file.signature), lambda: store.notes(file.asset, file.partition))


def last_run(store: Store, file: StoredFile) -> LastRun:
    """What the last run of a table found, from the file of findings beside it. Held until that changes.

    Raises:
        StorageError: it cannot be read; it is tried again next time.
    """
    return CACHE.get(("last run", file.path, *file.signature), lambda: store.read_run(file.asset, file.partition))


def last_runs(store: Store, asset: str) -> tuple[dict[str | None, LastRun], tuple[UnusableFile, ...]]:
    """What the last run of each partition of the asset found, refused ones included, and what cannot be read."""
    found: dict[str | None, LastRun] = {}
    problems = []
    for partition, file in Listing(store).checks(asset).items():
        try:
            found[partition] = last_run(store, file)
        except StorageError as error:
            problems.append(UnusableFile(f"{file.label} (checks)", str(error)))
    return found, tuple(problems)

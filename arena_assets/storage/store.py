"""Where the tables of an experiment lie, and how they are written and read: whole or not at all, by this alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from upath import UPath

from arena_assets.config import Experiment, is_made_with, why_outdated
from arena_assets.errors import ArenaError, StorageError
from arena_assets.storage import checks, parquet
from arena_assets.storage.atomic import is_local, write_bytes
from arena_assets.storage.checks import Effort, LastRun
from arena_assets.storage.places import data_folder, located
from arena_assets.tables import TABLES, Table

# In the place of an experiment: the studies of the methods, which depend on none.
METHODS = "methods"


class Store:
    """The tables of one experiment below `root`: `<asset>/<partition>.parquet`, whole assets `<asset>.parquet`.

    Beside a table lie `<partition>.checks.json` (what its rules found, a refused batch's too, and what the run spent)
    and, below `journal/<asset>/`, the journal of finished items.
    """

    def __init__(self, root: str | Path | UPath) -> None:
        # s3fs caches listings, and an object that another machine wrote would stay invisible.
        options = {"use_listings_cache": False} if str(root).startswith(("s3:", "s3a:")) else {}
        self.root = UPath(str(root), **options)

    @classmethod
    def of(cls, experiment: Experiment | str, base: str | None = None) -> Store:
        """The store of an experiment: below `base`, its own `storage`, or `data_folder()`."""
        name = experiment if isinstance(experiment, str) else experiment.name
        own = None if isinstance(experiment, str) else experiment.storage
        chosen = base or own
        return cls(f"{located(chosen) if chosen else data_folder()}/{name}")

    def path(self, asset: str, partition: str | None = None) -> UPath:
        return self.root / f"{asset}.parquet" if partition is None else self.root / asset / f"{partition}.parquet"

    def journals(self, asset: str) -> UPath:
        """The folder of the journals of all batches of an asset: an item is found in whichever of them it lies."""
        return self.root / "journal" / asset

    def journal_path(self, asset: str, partition: str) -> UPath:
        """Where a batch appends its own items."""
        return self.journals(asset) / partition

    def write(
        self, asset: str, frame: pd.DataFrame, *, fingerprint: str, partition: str | None = None, **notes: str
    ) -> int:
        """Validate `frame` against the asset's contract and write it whole; returns the size in bytes.

        Raises:
            TableError: the frame breaks the contract. StorageError: the file cannot be written.
        """
        table = contract(asset).to_arrow(frame)
        notes = {"table": asset, "fingerprint": fingerprint, "partition": partition or "", **notes}
        data = parquet.encode(table, notes)
        write_bytes(self.path(asset, partition), data)
        return len(data)

    def exists(self, asset: str, partition: str | None = None) -> bool:
        return bool(self.path(asset, partition).exists())

    def partitions(self, asset: str) -> list[str]:
        """Partitions of which a file exists, in order."""
        folder = self.root / asset
        if not folder.exists():
            return []
        return sorted(path.name.removesuffix(".parquet") for path in folder.iterdir() if path.name.endswith(".parquet"))

    def read(self, asset: str, partition: str | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read one table; `columns` projects.

        Raises:
            StorageError: the file is missing or corrupted; the text says which and what to do.
        """
        what = _label(asset, partition)
        # Whole from object storage: a file that is replaced between two range requests would be two files' halves.
        with parquet.opened(self.path(asset, partition), what, whole=True) as file:
            return parquet.frame_of(file, what, contract(asset), columns)

    def notes(self, asset: str, partition: str | None = None) -> dict[str, str]:
        """What stands in the file beside the rows: fingerprint, partition, and `rows`, their number.

        Raises:
            StorageError: the file is missing or corrupted.
        """
        try:
            return self._notes(asset, partition, whole=False)
        except StorageError:
            if is_local(self.root):
                raise
            return self._notes(asset, partition, whole=True)

    def _notes(self, asset: str, partition: str | None, *, whole: bool) -> dict[str, str]:
        with parquet.opened(self.path(asset, partition), _label(asset, partition), whole=whole) as file:
            return parquet.notes_of(file)

    def read_current(self, experiment: Experiment, asset: str, partition: str | None = None) -> pd.DataFrame:
        """Read a table that the experiment's present configuration made.

        Raises:
            StorageError: it is missing, corrupted, or was made with another configuration or model.
        """
        what = _label(asset, partition)
        # Opened once: the rows are those of the file whose notes say so.
        with parquet.opened(self.path(asset, partition), what, whole=True) as file:
            notes = parquet.notes_of(file)
            if not is_made_with(experiment, asset, partition, notes):
                raise StorageError(
                    f"{what} was {why_outdated(experiment, notes)}; materialise it again, then what follows from it"
                )
            return parquet.frame_of(file, what, contract(asset))

    def is_current(self, experiment: Experiment, asset: str, partition: str | None = None) -> bool:
        """Whether the file was made with the experiment's present configuration and models."""
        return is_made_with(experiment, asset, partition, self.notes(asset, partition))

    def write_checks(
        self,
        asset: str,
        partition: str | None,
        findings: Sequence[Mapping[str, Any]],
        run_id: str,
        effort: Effort | None = None,
    ) -> None:
        """Store what the rules found for a table, written or refused, and what the run spent on it."""
        checks.write_run(self._checks_path(asset, partition), findings, run_id, effort)

    def read_run(self, asset: str, partition: str | None = None) -> LastRun:
        """What the last run of a table found and spent; no findings where none ran.

        Raises:
            StorageError: the file is corrupted.
        """
        return checks.read_run(self._checks_path(asset, partition))

    def remove(self) -> None:
        """Remove every table, finding and journal of the experiment.

        Raises:
            StorageError: something cannot be removed.
        """
        try:
            if self.root.exists():
                self.root.fs.rm(self.root.path, recursive=True)
        except OSError as error:
            raise StorageError(f"{self.root} cannot be removed: {error}") from error

    def _checks_path(self, asset: str, partition: str | None) -> UPath:
        path = self.path(asset, partition)
        return path.parent / path.name.replace(".parquet", ".checks.json")


def contract(asset: str) -> Table:
    """The table contract of an asset."""
    try:
        return TABLES[asset]
    except KeyError as error:
        raise ArenaError(f"no table is named {asset!r}; there are: {', '.join(TABLES)}") from error


def _label(asset: str, partition: str | None) -> str:
    return asset if partition is None else f"{asset}/{partition}"

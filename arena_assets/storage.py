"""Where a table lies, and how it is written and read: whole or not at all, by this module alone."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from arena_assets.config import Experiment, project_root
from arena_assets.errors import ArenaError, StorageError
from arena_assets.tables import TABLES, Table

# In the place of an experiment: the studies of the methods, which depend on none.
METHODS = "methods"


@dataclass(frozen=True)
class Effort:
    """What a run spent on a table: wall-clock seconds, and how many items it finished itself, not the journal's.

    It stands beside the table, never in it: tables of equal content are equal files.
    """

    seconds: float
    items: int | None = None


@dataclass(frozen=True)
class LastRun:
    """What the last run of a table left beside it; `effort` is None where none is recorded."""

    findings: list[dict[str, Any]]
    effort: Effort | None = None


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
        """The store of an experiment: below its `storage` URL, ARENA_STORAGE, or `dagster_home/data`."""
        name = experiment if isinstance(experiment, str) else experiment.name
        own = None if isinstance(experiment, str) else experiment.storage
        return cls(
            f"{(base or own or os.environ.get('ARENA_STORAGE') or default_data_folder())!s}".rstrip("/") + f"/{name}"
        )

    def path(self, asset: str, partition: str | None = None) -> UPath:
        return self.root / f"{asset}.parquet" if partition is None else self.root / asset / f"{partition}.parquet"

    def journal_path(self, asset: str, partition: str) -> UPath:
        return self.root / "journal" / asset / partition

    def write(
        self, asset: str, frame: pd.DataFrame, *, fingerprint: str, partition: str | None = None, **notes: str
    ) -> int:
        """Validate `frame` against the asset's contract and write it whole; returns the size in bytes.

        Raises:
            TableError: the frame breaks the contract. StorageError: the file cannot be written.
        """
        spec = contract(asset)
        table = spec.to_arrow(frame)
        notes = {"table": asset, "fingerprint": fingerprint, "partition": partition or "", **notes}
        table = table.replace_schema_metadata({f"arena.{key}": value for key, value in sorted(notes.items())})
        buffer = io.BytesIO()
        # With checksums a flipped bit is an error; without them it would be read as another value.
        pq.write_table(table, buffer, compression="zstd", write_page_index=False, write_page_checksum=True)
        write_bytes(self.path(asset, partition), buffer.getvalue())
        return buffer.tell()

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
        path = self.path(asset, partition)
        # Whole from object storage: a file that is replaced between two range requests would be two files' halves.
        with self._open(path, asset, partition, whole=True) as file:
            _require_columns(_label(asset, partition), contract(asset), file.schema_arrow, columns)
            table = file.read(columns=list(columns) if columns is not None else None)
            frame: pd.DataFrame = table.to_pandas(maps_as_pydicts="strict")
        return frame

    def notes(self, asset: str, partition: str | None = None) -> dict[str, str]:
        """What stands in the file beside the rows: fingerprint, partition, and `rows`, their number."""
        path = self.path(asset, partition)
        try:
            return self._notes(path, asset, partition, whole=False)
        except StorageError:
            if is_local(path):
                raise
            return self._notes(path, asset, partition, whole=True)

    def _notes(self, path: UPath, asset: str, partition: str | None, *, whole: bool) -> dict[str, str]:
        with self._open(path, asset, partition, whole=whole) as file:
            metadata = file.schema_arrow.metadata or {}
            rows = file.metadata.num_rows
            known = {key.decode()[6:]: value.decode() for key, value in metadata.items() if key.startswith(b"arena.")}
        return known | {"rows": str(rows)}

    def read_current(self, experiment: Experiment, asset: str, partition: str | None = None) -> pd.DataFrame:
        """Read a table that the experiment's present configuration made.

        Raises:
            StorageError: it is missing, corrupted, or another configuration made it.
        """
        if not self.is_current(experiment, asset, partition):
            raise StorageError(
                f"{_label(asset, partition)} was made with another configuration; "
                "materialise it again, then what follows from it"
            )
        return self.read(asset, partition)

    def is_current(self, experiment: Experiment, asset: str, partition: str | None = None) -> bool:
        """Whether the file's fingerprint is that of the experiment's present configuration."""
        return self.notes(asset, partition).get("fingerprint") == experiment.fingerprint(asset, partition)

    def write_checks(
        self,
        asset: str,
        partition: str | None,
        findings: Sequence[Mapping[str, Any]],
        run_id: str,
        effort: Effort | None = None,
    ) -> None:
        """Store what the rules found for a table, written or refused, and what the run spent on it."""
        spent = {} if effort is None else {"effort": asdict(effort)}
        text = json.dumps({"run_id": run_id, **spent, "findings": list(findings)}, ensure_ascii=False, indent=1)
        write_bytes(self._checks_path(asset, partition), text.encode())

    def read_checks(self, asset: str, partition: str | None = None) -> list[dict[str, Any]]:
        """Findings of the last run of a table: name, blocking, passed, text, figures; empty where none ran."""
        return self.read_run(asset, partition).findings

    def read_run(self, asset: str, partition: str | None = None) -> LastRun:
        """What the last run of a table found and spent; no findings where none ran.

        Raises:
            StorageError: the file is corrupted.
        """
        path = self._checks_path(asset, partition)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            spent = stored.get("effort")
            effort = None if spent is None else Effort(float(spent["seconds"]), spent["items"])
            return LastRun([dict(finding) for finding in stored["findings"]], effort)
        except FileNotFoundError:
            return LastRun([])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(
                f"{path} is no list of findings ({error}); re-run the partition to write it anew"
            ) from error

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

    @contextlib.contextmanager
    def _open(self, path: UPath, asset: str, partition: str | None, *, whole: bool) -> Iterator[pq.ParquetFile]:
        what = _label(asset, partition)
        try:
            remote = whole and not is_local(path)
            with io.BytesIO(path.fs.cat_file(path.path)) if remote else path.open("rb") as raw:
                yield pq.ParquetFile(raw, page_checksum_verification=True)
        except FileNotFoundError as error:
            raise StorageError(f"{what} is not materialised: {path} does not exist") from error
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:  # KeyError: a key of a map stands twice
            raise StorageError(
                f"{what} cannot be read, the file is corrupted: {path} ({error}); materialise it again"
            ) from error


def is_local(path: UPath) -> bool:
    """Whether a path is on a disk of this machine: object storage neither appends nor renames."""
    return path.protocol in ("", "file")


def _label(asset: str, partition: str | None) -> str:
    return asset if partition is None else f"{asset}/{partition}"


def contract(asset: str) -> Table:
    """The table contract of an asset."""
    try:
        return TABLES[asset]
    except KeyError as error:
        raise ArenaError(f"no table is named {asset!r}; there are: {', '.join(TABLES)}") from error


def _require_columns(what: str, table: Table, schema: pa.Schema, columns: Sequence[str] | None) -> None:
    wanted = [column for column in table.columns if columns is None or column.name in columns]
    faults = [f"it lacks {column.name}" for column in wanted if column.name not in schema.names]
    for column in wanted:
        if column.name in schema.names and (found := schema.field(column.name).type) != column.type:
            number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
            faults.append(f"{column.name} is {'not a number' if number else f'not {column.type}'} but {found}")
    if faults:
        raise StorageError(f"{what} was written by another version: {'; '.join(faults)}; materialise it again")


def default_data_folder() -> Path:
    return project_root() / "dagster_home" / "data"


def write_bytes(path: UPath, data: bytes) -> None:
    """Write a file so that it appears whole or not at all, and survives a power cut once this returns."""
    try:
        if not is_local(path):
            # One PUT is atomic by itself; an open() would publish a half-written object on an exception.
            path.fs.pipe_file(path.path, data)
            return
        target = Path(path.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error}; nothing partial was left, free space or rights and re-run"
        ) from error

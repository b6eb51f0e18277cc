"""A table as a Parquet file: its bytes are those of its content, and what is broken is said instead of read."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from arena_assets.errors import StorageError
from arena_assets.storage.atomic import is_local
from arena_assets.tables import Column, Table

_PREFIX = b"arena."


def encode(table: pa.Table, notes: Mapping[str, str]) -> bytes:
    """The file of a table, with notes beside its rows; equal content gives equal bytes."""
    buffer = io.BytesIO()
    # With checksums a flipped bit is an error; without them it would be read as another value.
    pq.write_table(
        table.replace_schema_metadata({_PREFIX + key.encode(): value for key, value in sorted(notes.items())}),
        buffer,
        compression="zstd",
        write_page_index=False,
        write_page_checksum=True,
    )
    return buffer.getvalue()


@contextlib.contextmanager
def opened(path: UPath, what: str, *, whole: bool) -> Iterator[pq.ParquetFile]:
    """The file of the table that is called `what`, for reading; with `whole` fetched at once from object storage.

    Raises:
        StorageError: the file is missing or corrupted, also where that is found out while it is read.
    """
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


def notes_of(file: pq.ParquetFile) -> dict[str, str]:
    """The notes beside the rows, and `rows`, their number."""
    stored = (file.schema_arrow.metadata or {}).items()
    notes = {key.removeprefix(_PREFIX).decode(): value.decode() for key, value in stored if key.startswith(_PREFIX)}
    return notes | {"rows": str(file.metadata.num_rows)}


def frame_of(file: pq.ParquetFile, what: str, table: Table, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The rows; `columns` projects. An optional column that the file lacks is null.

    Raises:
        StorageError: the file lacks a column of the contract (of `columns`, where given) or its type.
    """
    wanted = [column for column in table.columns if columns is None or column.name in columns]
    _require_columns(file, what, wanted)
    rows = file.read(columns=list(columns) if columns is not None else None)
    frame: pd.DataFrame = rows.to_pandas(maps_as_pydicts="strict")
    absent = [column.name for column in wanted if column.optional and column.name not in frame]
    return frame.assign(**dict.fromkeys(absent)) if absent else frame


def _require_columns(file: pq.ParquetFile, what: str, wanted: Sequence[Column]) -> None:
    schema = file.schema_arrow
    faults = [f"it lacks {column.name}" for column in wanted if column.name not in schema.names and not column.optional]
    for column in wanted:
        if column.name in schema.names and (found := schema.field(column.name).type) != column.type:
            number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
            faults.append(f"{column.name} is {'not a number' if number else f'not {column.type}'} but {found}")
    if faults:
        raise StorageError(f"{what} was written by another version: {'; '.join(faults)}; materialise it again")

"""Rows of Parquet, a batch at a time, of the columns that are wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from arena_assets.textfiles.rows import OddRow, Place, Row, Rows
from arena_assets.textfiles.text import reading

AT_ONCE = 1024  # rows of a batch


def parquet_rows(path: Path, wanted: Collection[str] | None, name: str) -> Rows:
    """The rows of a Parquet file, told by `name`, with those of the `wanted` columns that it has (None: all).

    Raises:
        FileError: the file cannot be read.
    """
    with reading(path), pq.ParquetFile(path) as file:
        columns = tuple(file.schema_arrow.names)
    return Rows(name, columns, _stream(path, [one for one in columns if wanted is None or one in wanted], name))


def _stream(path: Path, columns: list[str], name: str) -> Iterator[Row | OddRow]:
    with reading(path), pq.ParquetFile(path) as file:
        yield from rows_of_batches(file.iter_batches(AT_ONCE, columns=columns), name)


def rows_of_batches(batches: Iterable[Any], name: str) -> Iterator[Row | OddRow]:
    """The rows of Arrow's batches or tables, told by `name` and their number."""
    for number, found in enumerate(chain.from_iterable(map(_python_rows, batches)), 1):
        place = Place(name, number, "row")
        yield OddRow(place, found) if isinstance(found, str) else Row(place, found)


def _python_rows(batch: Any) -> Iterator[dict[str, Any] | str]:
    """The rows of a batch as Python objects; what the reader said of one that is none."""
    try:
        yield from batch.to_pylist()
        return
    except UnicodeDecodeError:
        pass  # one text that is none: find out which
    for row in range(batch.num_rows):
        try:
            yield batch.slice(row, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield f"a text of it is no UTF-8: {error}"

"""Rows of Parquet, a batch at a time, of the columns that are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from arena_assets.corpus.rows import OddRow, Place, Row, Rows
from arena_assets.corpus.text import reading

_AT_ONCE = 1024


def parquet_rows(path: Path, wanted: frozenset[str]) -> Rows:
    """The rows of a Parquet file with those of the `wanted` columns that it has.

    Raises:
        CorpusError: the file cannot be read.
    """
    with reading(path), pq.ParquetFile(path) as file:
        columns = tuple(file.schema_arrow.names)
    return Rows(path.name, columns, _stream(path, [name for name in columns if name in wanted]))


def _stream(path: Path, columns: list[str]) -> Iterator[Row | OddRow]:
    number = 0
    with reading(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_AT_ONCE, columns=columns):
            for found in python_rows(batch):
                number += 1
                place = Place(path.name, number, "row")
                yield OddRow(place, found) if isinstance(found, str) else Row(place, found)


def python_rows(batch: Any) -> Iterator[dict[str, Any] | str]:
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

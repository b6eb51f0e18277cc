"""Every table's key, columns, types, units and ranges, stated once.

Parquet, one row per key; missing is null plus a reason, never 0. Tables are joined by key, never by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from arena_assets.errors import TableError

TEXT, INT, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()


@dataclass(frozen=True)
class Column:
    """A column: its type, what it means (with unit), whether it may be null, and its closed range.

    `optional`: younger than tables that exist, which lack it: it is null there.
    """

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table's contract; `timing` names the columns that differ between equal runs."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partitioned: bool = True
    timing: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def validate(self, frame: pd.DataFrame) -> None:
        """Raise TableError where `frame` breaks the contract; the text names every fault with count and first keys."""
        missing = [column.name for column in self.columns if column.name not in frame.columns and not column.optional]
        unknown = [name for name in frame.columns if name not in self.names]
        if missing or unknown:
            raise TableError(
                f"{self.name}: columns missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
            )
        faults = [fault for c in self.columns if c.name in frame.columns for fault in self._faults(frame, c)]
        doubled = frame.duplicated(list(self.key), keep=False)
        if doubled.any():
            faults.append(f"{int(doubled.sum())} rows share a key ({self._first(frame, doubled)})")
        if faults:
            raise TableError(f"{self.name}: " + "; ".join(faults))

    def to_arrow(self, frame: pd.DataFrame) -> pa.Table:
        """Validate and convert, in the contract's column order and types."""
        self.validate(frame)
        arrays = [self._array(self._values(frame, column), column) for column in self.columns]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, c.type, c.nullable, {"meaning": c.meaning}) for c in self.columns])

    def empty(self) -> pd.DataFrame:
        frame: pd.DataFrame = self.schema.empty_table().to_pandas()
        return frame

    def _values(self, frame: pd.DataFrame, column: Column) -> pd.Series:
        absent = column.optional and column.name not in frame.columns
        return pd.Series(None, index=frame.index, dtype=object) if absent else frame[column.name]

    def _array(self, values: pd.Series, column: Column) -> pa.Array:
        try:
            if pa.types.is_floating(column.type):
                return pa.array(values.astype("float64"), column.type, from_pandas=True)
            if pa.types.is_integer(column.type):
                values = values.astype("Int64")  # refuses 1.5, which arrow cuts to 1 where the column is of objects
            return pa.array(values, column.type, from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise TableError(f"{self.name}.{column.name} does not hold {column.type}: {error}") from error

    def _faults(self, frame: pd.DataFrame, column: Column) -> list[str]:
        values, faults = frame[column.name], []
        null = values.isna()
        if not column.nullable and null.any():
            faults.append(f"{column.name} is null in {int(null.sum())} rows ({self._first(frame, null)})")
        if column.minimum is None and column.maximum is None:
            return faults
        number = pd.to_numeric(values.mask(null), errors="coerce")
        for bound, text, outside in (
            (column.minimum, "below", number < (column.minimum if column.minimum is not None else -float("inf"))),
            (column.maximum, "above", number > (column.maximum if column.maximum is not None else float("inf"))),
        ):
            if bound is not None and outside.any():
                faults.append(
                    f"{column.name} is {text} {bound:g} in {int(outside.sum())} rows ({self._first(frame, outside)})"
                )
        return faults

    def _first(self, frame: pd.DataFrame, mask: pd.Series, most: int = 3) -> str:
        keys = frame.loc[mask, list(self.key)].head(most)
        return "first: " + ", ".join("/".join(map(str, key)) for key in keys.itertuples(index=False))


def records(rows: Sequence[dict[str, object]], table: Table) -> pd.DataFrame:
    """Rows as a frame with the table's columns in order, sorted by its key; empty rows give an empty frame."""
    if not rows:
        return table.empty()
    frame = pd.DataFrame.from_records(list(rows), columns=list(table.names))
    return frame.sort_values(list(table.key), kind="stable", ignore_index=True)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]

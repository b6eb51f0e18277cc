"""The rows of one file, whatever it is: known by its first bytes where they say it, else by its suffix, else JSON."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from arena_assets.config.contents import data_suffix
from arena_assets.errors import FileError
from arena_assets.textfiles.delimited import delimited_rows
from arena_assets.textfiles.json_rows import json_rows
from arena_assets.textfiles.parquet_rows import parquet_rows
from arena_assets.textfiles.rows import Rows
from arena_assets.textfiles.text import open_bytes, reading, text_file

_PARQUET = b"PAR1"
# What people take for a file of rows: where its mark stands, and what it is.
_OTHERS = (
    (0, b"PK\x03\x04", "a zip archive or a spreadsheet; unpack it, or save it as CSV"),
    (257, b"ustar", "a tar archive; unpack it"),
    (0, b"SQLite format 3", "a database; write its rows to a file of CSV"),
    (0, b"%PDF", "a PDF"),
)
DELIMITED = (".csv", ".tsv")


def require_content(path: Path) -> None:
    """Raise where there is nothing in a file, or nothing that can be unpacked.

    Raises:
        FileError: so it is.
    """
    with reading(path), open_bytes(path) as file:
        if not file.read(1):
            raise FileError(f"{path} cannot be loaded: it is empty")


def rows_of_file(
    path: Path, wanted: Collection[str] | None = None, encoding: str | None = None, name: str | None = None
) -> Rows:
    """The rows of a file.

    wanted: columns that somebody reads (None: all); Parquet brings no others. encoding: of a text file, where its bytes
    do not say it. name: by which its rows are told, its own unless stated.

    Raises:
        FileError: it cannot be read; while the rows are taken, too.
    """
    with reading(path), open_bytes(path) as file:
        head = file.read(512)
    suffix = data_suffix(path)
    for at, mark, what in _OTHERS:
        if head.startswith(mark, at):
            raise FileError(f"{path} cannot be loaded: it is {what}")
    if head.startswith(_PARQUET) or suffix == ".parquet":
        return parquet_rows(path, wanted, name or path.name)
    text = text_file(path, encoding, name)
    return delimited_rows(text) if suffix in DELIMITED else json_rows(text)

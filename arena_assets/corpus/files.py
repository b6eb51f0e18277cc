"""The rows of the files that a corpus names: one, a folder of shards, or what a pattern matches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from arena_assets.config import FileCorpus
from arena_assets.config.contents import DATA_SUFFIXES, PACKED_SUFFIXES, data_suffix, named_files
from arena_assets.corpus.delimited import delimited_rows
from arena_assets.corpus.json_rows import json_rows
from arena_assets.corpus.parquet_rows import parquet_rows
from arena_assets.corpus.rows import OddRow, Row, Rows
from arena_assets.corpus.text import open_bytes, reading, text_file
from arena_assets.errors import CorpusError

_PARQUET = b"PAR1"


def corpus_files(config: FileCorpus) -> tuple[Path, ...]:
    """The files of a corpus, each with something in it.

    Raises:
        CorpusError: nothing is there, or a file is empty.
    """
    files = named_files(config.path)
    if not files:
        raise CorpusError(
            f"the corpus file {config.path} does not exist; correct corpus.path (a folder must hold files of "
            f"{', '.join(DATA_SUFFIXES)}, which may be packed: {', '.join(PACKED_SUFFIXES)})"
        )
    for path in files:
        with reading(path), open_bytes(path) as file:
            if not file.read(1):
                raise CorpusError(f"the corpus file {path} cannot be loaded: it is empty")
    return files


def rows_of_files(files: tuple[Path, ...], wanted: frozenset[str], encoding: str | None = None) -> Rows:
    """The rows of all files in their order; the columns are those of the first.

    Raises:
        CorpusError: a file cannot be read.
    """
    first = rows_of_file(files[0], wanted, encoding)
    if len(files) == 1:
        return first
    return Rows(f"of {len(files)} files", first.columns, _chained(first, files[1:], wanted, encoding))


def rows_of_file(path: Path, wanted: frozenset[str], encoding: str | None = None) -> Rows:
    """The rows of one file, read by its first bytes where they say what it is, else by its suffix, else as JSON."""
    with reading(path), open_bytes(path) as file:
        head = file.read(len(_PARQUET))
    suffix = data_suffix(path)
    if head == _PARQUET or suffix == ".parquet":
        return parquet_rows(path, wanted)
    text = text_file(path, encoding)
    return delimited_rows(text) if suffix in (".csv", ".tsv") else json_rows(text)


def _chained(
    first: Rows, others: tuple[Path, ...], wanted: frozenset[str], encoding: str | None
) -> Iterator[Row | OddRow]:
    yield from first.stream
    for path in others:
        yield from rows_of_file(path, wanted, encoding).stream

"""The rows of the files that a corpus names: one, a folder of shards, or what a pattern matches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from arena_assets.config import FileCorpus
from arena_assets.config.contents import DATA_SUFFIXES, PACKED_SUFFIXES, named_files
from arena_assets.errors import CorpusError
from arena_assets.textfiles import OddRow, Row, Rows, require_content, rows_of_file


def corpus_files(config: FileCorpus) -> tuple[Path, ...]:
    """The files of a corpus, each with something in it.

    Raises:
        CorpusError: nothing is there. FileError: a file is empty.
    """
    files = named_files(config.path)
    if not files:
        raise CorpusError(
            f"the corpus file {config.path} does not exist; correct corpus.path (a folder must hold files of "
            f"{', '.join(DATA_SUFFIXES)}, which may be packed: {', '.join(PACKED_SUFFIXES)})"
        )
    for path in files:
        require_content(path)
    return files


def rows_of_files(files: tuple[Path, ...], wanted: frozenset[str], encoding: str | None = None) -> Rows:
    """The rows of all files in their order; the columns are those of the first.

    Raises:
        FileError: a file cannot be read.
    """
    first = rows_of_file(files[0], wanted, encoding)
    if len(files) == 1:
        return first
    return Rows(f"of {len(files)} files", first.columns, _chained(first, files[1:], wanted, encoding))


def _chained(
    first: Rows, others: tuple[Path, ...], wanted: frozenset[str], encoding: str | None
) -> Iterator[Row | OddRow]:
    yield from first.stream
    for path in others:
        yield from rows_of_file(path, wanted, encoding).stream

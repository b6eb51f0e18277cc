"""Rows on their way from a file to the corpus, each with its place; one that cannot be read is told, never dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from arena_assets.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands; the first line, or row where a file has no lines, is 1."""

    file: str
    number: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row that was read, with the columns that are there."""

    place: Place
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OddRow:
    """What could not be read as a row, why, and how many rows or lines it may have cost."""

    place: Place
    text: str
    cost: int = 1


@dataclass(frozen=True)
class Rows:
    """The rows of a file or data set, to be read once; `columns` are all that it has, in their order."""

    name: str
    columns: tuple[str, ...]
    stream: Iterator[Row | OddRow]


@dataclass
class OddRows:
    """The odd rows of a corpus: counted, the first of them kept for people to read."""

    allowed_share: float = 0.01
    shown: int = 20
    count: int = 0
    texts: list[str] = field(default_factory=list)

    def add(self, odd: OddRow) -> None:
        self.count += odd.cost
        if len(self.texts) < self.shown:
            self.texts.append(f"{odd.place}: {odd.text}")

    def judge(self, rows: int, source: str) -> None:
        """Accept up to `allowed_share` of the rows, and one in any case.

        Raises:
            CorpusError: there are more: then the corpus is not what it is taken for.
        """
        if self.count <= max(1, self.allowed_share * rows):
            return
        raise CorpusError(
            f"the corpus {source} cannot be loaded: {self.count} of {rows} rows cannot be read, and up to "
            f"{self.allowed_share:.0%} would be left out (first: {'; '.join(self.texts[:3])}); correct them, "
            "or say with corpus.columns what they hold"
        )

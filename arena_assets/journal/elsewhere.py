"""The items of other journals beside one's own: batches are cut anew when their size changes, and answers are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from arena_assets.journal.parts import Records, records_of, remember

_START = b'{"key":"'


class Elsewhere:
    """Records by key, each as the line that it is until it is asked for: most are of no concern to this batch."""

    def __init__(self, parts: Iterable[tuple[str, bytes]]) -> None:
        """parts: the bytes of each part, with the journal that it is of."""
        self._lines: dict[str, dict[str, list[bytes]]] = {}
        for journal, data in parts:
            for key, line in _lines_of(data):
                self._lines.setdefault(key, {}).setdefault(journal, []).append(line)

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def by_journal(self, key: str) -> list[list[dict[str, Any]]]:
        """The records of a key in each journal that has some, oldest first."""
        found = []
        for lines in self._lines.get(key, {}).values():
            items: Records = {}
            for line in lines:
                for _, record in records_of(line):
                    remember(items, key, record)
            found += list(items.values())
        return found

    def records(self, key: str) -> list[dict[str, Any]]:
        """Every record of a key; of which journal is not told."""
        return [record for records in self.by_journal(key) for record in records]


def _lines_of(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Each line with its key. What a crash tore is found out when the line is read."""
    for line in data.split(b"\n"):
        end = line.find(b'"', len(_START))
        key = line[len(_START) : end]
        if line.startswith(_START) and end > 0 and b"\\" not in key:
            yield key.decode("utf-8", "surrogatepass"), line
        else:  # written by hand, or a key that JSON writes otherwise
            for parsed, _ in records_of(line):
                yield parsed, line

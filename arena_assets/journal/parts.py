"""A journal as it lies: its parts, the records in them, and what a crash or another writer does to both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from upath import UPath

# Writers put their parts together once, at their end: more of them at once than this is no chance.
_LISTINGS = 20

# The records of each key, oldest first.
Records = dict[str, list[dict[str, Any]]]


def read_parts(folder: UPath, *, below: bool = False) -> dict[UPath, bytes]:
    """The parts of a journal (with `below`: of all journals below the folder), by path, in the order of their names.

    Another writer may put its own together meanwhile. Its whole is written before its parts go, so a part that is gone
    when it is read is in an object that the next listing shows.

    Raises:
        OSError: a part is there and cannot be read, or parts vanish at every listing.
    """
    contents: dict[UPath, bytes] = {}
    gone: FileNotFoundError | None = None
    for _ in range(_LISTINGS):
        gone = None
        found = (folder.rglob("*.jsonl") if below else folder.iterdir()) if folder.exists() else ()
        for part in [part for part in found if part.name.endswith(".jsonl") and part not in contents]:
            try:
                contents[part] = part.read_bytes()
            except FileNotFoundError as error:
                gone = error
        if gone is None:
            return dict(sorted(contents.items(), key=lambda entry: str(entry[0])))
    assert gone is not None
    raise gone


def records_of(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record of a part with its key; what a crash tore was in flight, and is done again."""
    for line in data.split(b"\n"):
        try:
            record = json.loads(line)
            key = record.pop("key")
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
        if isinstance(key, str):
            yield key, record


def remember(items: Records, key: str, record: dict[str, Any]) -> None:
    """Put the record last of its key; where it stands already, word for word, it is a copy and not another one."""
    # In one step, since another thread may be reading the key's item.
    items[key] = [*(one for one in items.get(key, ()) if one != record), record]


def records_below(folder: UPath) -> Iterator[dict[str, Any]]:
    """Every record of all journals below the folder, those that a later one of their key replaced included.

    Raises:
        OSError: a part is there and cannot be read, or parts vanish at every listing.
    """
    journals: dict[str, Records] = {}
    for part, data in read_parts(folder, below=True).items():
        for key, record in records_of(data):
            remember(journals.setdefault(str(part.parent), {}), key, record)
    return (record for items in journals.values() for records in items.values() for record in records)

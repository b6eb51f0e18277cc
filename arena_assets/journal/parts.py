"""A journal as it lies: its parts, the records in them, and what a crash or another writer does to both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from upath import UPath

from arena_assets.storage import is_local

# Writers put their parts together once, at their end: more of them at once than this is no chance.
_LISTINGS = 20
# Requests at a time to object storage, for whose latency a hundred journals would be waited for one after the other.
_REQUESTS = 16

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
    for _ in range(_LISTINGS):
        found = (folder.rglob("*.jsonl") if below else folder.iterdir()) if folder.exists() else ()
        new = [part for part in found if part.name.endswith(".jsonl") and part not in contents]
        read = dict(zip(new, _read_all(new), strict=True))
        contents |= {part: data for part, data in read.items() if data is not None}
        gone = [part for part, data in read.items() if data is None]
        if not gone:
            return dict(sorted(contents.items(), key=lambda entry: str(entry[0])))
    raise FileNotFoundError(f"{gone[0]} vanished while it was read")


def _read_all(parts: Sequence[UPath]) -> list[bytes | None]:
    """The bytes of each part; None where it is gone."""

    def read(part: UPath) -> bytes | None:
        try:
            data: bytes = part.read_bytes()
        except FileNotFoundError:
            return None
        return data

    if len(parts) < 2 or is_local(parts[0]):
        return [read(part) for part in parts]
    with ThreadPoolExecutor(_REQUESTS) as pool:
        return list(pool.map(read, parts))


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

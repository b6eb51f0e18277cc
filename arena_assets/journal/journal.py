"""Finished items, appended as they end and found again by key."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from upath import UPath

from arena_assets.errors import StorageError
from arena_assets.journal.elsewhere import Elsewhere
from arena_assets.journal.parts import Records, read_parts, records_of, remember
from arena_assets.storage import is_local
from arena_assets.storage.durable import sync_data


class Journal:
    """Finished items by key, durable as soon as `append` returns; of a key's records the last is its item.

    The earlier ones stay, since each was paid for: what was spent is the sum over all of them. A record that stands
    twice, word for word, counts once: a writer that died while it put its parts together leaves copies of them.

    On a local disk `folder/items.jsonl`, one line an item, appended by one write so that two writers never mix within
    a line. On object storage, which cannot append, `folder/<n>-<writer>.jsonl`: one small object for each append, which
    a journal that is closed in order puts together into one.
    A torn last line (a crash in the middle of a write) is dropped: that item was in flight.

    With `among` the items of every other journal below that folder are found, too; what is appended is this one's.

    `afresh`: what was there before is no item any more, and is made again. Its records stay, for they were paid for;
    those that are appended now come after them, and are the items of every later run.
    """

    def __init__(self, folder: str | Path | UPath, *, among: UPath | None = None, afresh: bool = False) -> None:
        self._folder = UPath(str(folder)) if not isinstance(folder, UPath) else folder
        self._among = among
        self.afresh = afresh
        self._elsewhere = Elsewhere(())
        self._local = is_local(self._folder)
        self._items: Records = {}
        self._appended: set[str] = set()
        self._file: int | None = None
        self._pending: list[str] = []
        self._unsynced = False
        self._lock = threading.Lock()
        self._parts = 0
        self._own: list[UPath] = []
        self._writer = uuid4().hex[:8]

    def __enter__(self) -> Journal:
        try:
            self._load()
            if self._local:
                path = Path(self._folder.path)
                path.mkdir(parents=True, exist_ok=True)
                self._file = os.open(path / "items.jsonl", os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o644)
        except OSError as error:
            raise StorageError(f"the journal {self._folder} cannot be opened: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if kind is None:
            self._put_together()

    def __len__(self) -> int:
        return len({*self._items, *self._elsewhere})

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    @property
    def appended(self) -> int:
        """How many finished items were recorded since it was opened."""
        return len(self._appended)

    def get(self, key: str) -> dict[str, Any] | None:
        """The item of a key: its last record, this journal's own before those of the others."""
        if self.afresh and key not in self._appended:
            return None
        records = self._items.get(key) or self._elsewhere.records(key)
        return records[-1] if records else None

    def records(self, key: str) -> Sequence[dict[str, Any]]:
        """Every record of a key, its own last and oldest first: each was paid for, whichever of them is the item."""
        return (*self._elsewhere.records(key), *self._items.get(key, ()))

    def state(self, key: str) -> dict[str, Any] | None:
        """The state of work under way that this journal itself recorded, by an append that was not `finished`."""
        records = self._items.get(key)
        return records[-1] if records else None

    def states_elsewhere(self, key: str) -> list[dict[str, Any]]:
        """The same of each other journal."""
        return [records[-1] for records in self._elsewhere.by_journal(key)]

    def append(self, key: str, item: Mapping[str, Any], *, durable: bool = True, finished: bool = True) -> None:
        """Record a finished item. `durable=False` leaves the disk to the next `flush`, so that many share one wait.

        `finished=False`: it is no item but the state of work under way, and does not count as `appended`.
        On a local disk the item then outlives the process all the same, but perhaps not a power cut.

        Raises:
            StorageError: the disk is full or read-only; the item is then not recorded.
        """
        line = json.dumps({"key": key, **item}, ensure_ascii=False, separators=(",", ":")) + "\n"
        if self._file is not None:
            try:
                self._write_line(line.encode("utf-8", "surrogatepass"), durable)
            except OSError as error:
                raise self._unwritable(error) from error
        else:
            with self._lock:
                self._pending.append(line)
            if durable:
                self.flush()
        with self._lock:
            remember(self._items, key, dict(item))
        if finished:
            self._appended.add(key)

    def flush(self) -> None:
        """Make every item appended so far durable. One thread may flush while another appends.

        Raises:
            StorageError: they cannot be written; they stay pending.
        """
        with self._lock:
            pending, self._pending = self._pending, []
            unsynced, self._unsynced = self._unsynced, False
        try:
            if unsynced and self._file is not None:
                sync_data(self._file)
            if pending:
                self._put("".join(pending).encode("utf-8", "surrogatepass"))
        except OSError as error:
            with self._lock:
                self._pending = pending + self._pending
                self._unsynced = self._unsynced or unsynced
            raise self._unwritable(error) from error

    def _put(self, data: bytes) -> None:
        name = self._folder / f"{self._parts:06d}-{self._writer}.jsonl"
        name.fs.pipe_file(name.path, data)
        self._parts += 1
        self._own.append(name)

    def _put_together(self) -> None:
        """Replace this writer's objects by one: a later reader must not fetch hundreds of them.

        The whole is written before the parts go, so a crash in between leaves every item, some of them twice.
        """
        if len(self._own) < 2:
            return
        parts, self._own = self._own, []
        try:
            self._put(b"".join(part.read_bytes() for part in parts))
            for part in parts:
                part.unlink()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(f"the journal {self._folder} cannot be written: {error}; free space or rights and re-run")

    def _write_line(self, data: bytes, durable: bool) -> None:
        assert self._file is not None
        if self._torn():
            data = b"\n" + data  # else this item would be glued to the torn one, and lost with it
        if os.write(self._file, data) != len(data):
            # A short write means a full disk; the torn line is dropped by the next reader.
            raise OSError("short write, the disk is full")
        if durable:
            sync_data(self._file)
        else:
            self._unsynced = True

    def _load(self) -> None:
        parts = read_parts(self._folder) if self._among is None else read_parts(self._among, below=True)
        own = {part: data for part, data in parts.items() if part.parent == self._folder}
        # Counted from the last name: objects that were put together are fewer than their names say.
        self._parts = 1 + max((int(part.name[:6]) for part in own if part.name[:6].isdigit()), default=-1)
        for data in own.values():
            for key, record in records_of(data):
                remember(self._items, key, record)
        self._elsewhere = Elsewhere((str(part.parent), data) for part, data in parts.items() if part not in own)

    def _torn(self) -> bool:
        """Whether the file ends within a line: a crash, a full disk, or another writer that died just now."""
        assert self._file is not None
        size = os.fstat(self._file).st_size
        return size > 0 and os.pread(self._file, 1, size - 1) != b"\n"

"""Durable writing where Linux is not: no `os.fdatasync`, and on macOS a drive's cache that fsync leaves full."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from upath import UPath

from arena_assets.errors import StorageError
from arena_assets.journal import Journal
from arena_assets.storage import write_bytes

MACOS = 51  # F_FULLFSYNC


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was waited for, and how: `fsync file`, `full folder`."""
    calls: list[str] = []

    def watch(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(descriptor: int, *more: object) -> object:
            calls.append(f"{name} {'folder' if stat.S_ISDIR(os.fstat(descriptor).st_mode) else 'file'}")
            return real(descriptor, *more)

        return call

    monkeypatch.setattr(os, "fsync", watch("fsync", os.fsync))
    monkeypatch.setattr(os, "fdatasync", watch("fdatasync", os.fdatasync))
    monkeypatch.setattr(fcntl, "fcntl", watch("full", lambda *_: 0))
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    return calls


def append_and_reopen(folder: Path) -> None:
    with Journal(folder) as journal:
        journal.append("a", {"n": 1})
        journal.append("b", {"n": 2}, durable=False)
    with Journal(folder) as journal:
        assert [journal.get(key) for key in "ab"] == [{"n": 1}, {"n": 2}]


def test_a_system_without_fdatasync_keeps_a_journal(
    tmp_path: Path, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fdatasync")
    append_and_reopen(tmp_path)
    assert synced == ["fsync file"] * 2


def test_on_macos_the_drive_s_cache_is_emptied_for_items_tables_and_their_folder(
    tmp_path: Path, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", MACOS, raising=False)
    append_and_reopen(tmp_path / "journal")
    assert synced == ["full file"] * 2
    synced.clear()
    write_bytes(UPath(tmp_path / "tables" / "0000.parquet"), b"x")
    assert synced == ["full file", "full folder"]


@pytest.mark.parametrize("answer", [errno.ENOTSUP, errno.EINVAL, errno.ENOTTY])
def test_a_file_system_that_does_not_know_the_full_sync_gets_the_plain_one(
    tmp_path: Path, synced: list[str], monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    def unknown(*_: object) -> int:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", MACOS, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", unknown)
    append_and_reopen(tmp_path)
    assert synced == ["fsync file"] * 2


def test_a_drive_that_fails_is_not_taken_for_one_that_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", MACOS, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", broken)
    with pytest.raises(StorageError, match="Input/output error"):
        write_bytes(UPath(tmp_path / "file"), b"x")
    assert list(tmp_path.iterdir()) == []


def test_where_linux_is_an_item_waits_for_its_data_alone(tmp_path: Path, synced: list[str]) -> None:
    append_and_reopen(tmp_path)
    assert synced == ["fdatasync file"] * 2

"""Locks between processes of one machine: the kernel frees one when its holder dies, however that was."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from arena_assets.errors import StorageError

_POLL_S = 0.2  # polled, so that a cancellation is heard


def machine_lock(name: str) -> Path:
    """The file of a lock that this user's processes share on the whole machine, whatever folder they work in."""
    return Path(tempfile.gettempdir()) / f"arena-oracle-{os.getuid()}-{name}.lock"


@contextlib.contextmanager
def hold(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of this file, waiting for it if need be; re-entrant within a thread.

    on_wait: called once where another has it, before the wait; it may raise where nobody should wait.

    Raises:
        StorageError: the file cannot be made, or its file system knows no locks.
    """
    # Without flock the library would put a mark in its place, which outlives a holder that is killed.
    lock = FileLock(path, mode=0o600, is_singleton=True, fallback_to_soft=False)
    if not _taken(lock, path, wait=False):
        on_wait()
        _taken(lock, path, wait=True)
    try:
        yield
    finally:
        lock.release()


def _taken(lock: FileLock, path: Path, *, wait: bool) -> bool:
    try:
        lock.acquire(blocking=wait, poll_interval=_POLL_S)
    except Timeout:
        return False
    except OSError as error:
        raise StorageError(f"the lock {path} cannot be taken: {error}; mend the rights of its folder") from error
    return True

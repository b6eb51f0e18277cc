"""Locks between processes of one machine: the kernel frees one when its holder dies, however that was."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
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
    lock = _lock_of(path, is_singleton=True)
    if not _taken(lock, wait=False):
        on_wait()
        _taken(lock, wait=True)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def hold_in_turn(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """As `hold`, and first come, first served, however long others have held it and how often they come back.

    Who waits holds the lock of a numbered ticket beside the file, and tries the file's own once no lower number lives.
    The threads of a process must take turns before they come here.
    """
    told = False

    def told_once() -> None:
        nonlocal told
        if not told:
            told = True
            on_wait()

    if _lock_of(path, is_singleton=True).is_locked:  # by this thread, which need not wait for itself
        with hold(path):
            yield
        return
    with contextlib.ExitStack() as taken:
        with _ticket(path) as (queue, number):
            while any(_is_alive(queue, other) for other in _tickets(queue) if other < number):
                told_once()
                time.sleep(_POLL_S)
            taken.enter_context(hold(path, told_once))
        yield


@contextlib.contextmanager
def _ticket(path: Path) -> Iterator[tuple[Path, int]]:
    """A place at the end of the queue for a lock: the queue's folder and the ticket's number."""
    queue = path.with_name(f"{path.name}.queue")
    try:
        queue.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the queue {queue} cannot be made: {error}; mend the rights of its folder") from error
    with hold(queue / "lock"):
        number = max(_tickets(queue), default=0) + 1
        ticket = _lock_of(queue / str(number))
        _taken(ticket, wait=True)
    try:
        yield queue, number
    finally:
        (queue / str(number)).unlink(missing_ok=True)
        ticket.release()


def _tickets(queue: Path) -> list[int]:
    return sorted(int(entry.name) for entry in queue.iterdir() if entry.name.isdigit())


def _is_alive(queue: Path, number: int) -> bool:
    """Whether somebody waits with this ticket; that of the dead is removed."""
    with hold(queue / "lock"):  # else one that is being made would look dead
        ticket = _lock_of(queue / str(number))
        if not _taken(ticket, wait=False):
            return True
        (queue / str(number)).unlink(missing_ok=True)
        ticket.release()
        return False


def _lock_of(path: Path, *, is_singleton: bool = False) -> FileLock:
    # Without flock the library would put a mark in its place, which outlives a holder that is killed.
    return FileLock(path, mode=0o600, is_singleton=is_singleton, fallback_to_soft=False)


def _taken(lock: FileLock, *, wait: bool) -> bool:
    try:
        lock.acquire(blocking=wait, poll_interval=_POLL_S)
    except Timeout:
        return False
    except OSError as error:
        raise StorageError(
            f"the lock {lock.lock_file} cannot be taken: {error}; mend the rights of its folder"
        ) from error
    return True

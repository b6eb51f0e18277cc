"""One llama.cpp step at a time on a machine: two fight over the cores and each becomes many times slower."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from arena_assets.locks import hold_in_turn, machine_lock

# Threads take turns by this one, which hands over at once; the file's is polled.
_held = threading.RLock()


def lock_path() -> Path:
    """A file of the machine, not of a project folder: two checkouts share the cores as well.

    Processes that were given GPUs of their own (CUDA_VISIBLE_DEVICES, as Ray sets it) do not wait for each other.
    """
    gpus = "".join(f"-gpu{one.strip()}" for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one.strip())
    own = os.environ.get("ARENA_LLAMA_LOCK")
    return Path(own) if own else machine_lock(f"llama{gpus.replace('/', '_')}")


@contextlib.contextmanager
def llama_lock(on_wait: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the machine's llama lock: first come, first served; re-entrant within a thread.

    The kernel frees it when the process dies, and the place of one that waits.

    It covers what Dagster's pool cannot: the command line, tests and notebooks.

    Raises:
        StorageError: the lock's file cannot be made.
    """
    waiting = "waiting: another process on this machine is running llama.cpp"
    with _held, hold_in_turn(lock_path(), lambda: on_wait(waiting)):
        yield

"""One llama.cpp step at a time on a machine: two fight over the cores and each becomes many times slower."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_held = threading.RLock()
_depth = 0


def lock_path() -> Path:
    """A file of the machine, not of a project folder: two checkouts share the cores as well.

    Processes that were given GPUs of their own (CUDA_VISIBLE_DEVICES, as Ray sets it) do not wait for each other.
    """
    gpus = "".join(f"-gpu{one.strip()}" for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one.strip())
    name = f"arena-oracle-llama-{os.getuid()}{gpus.replace('/', '_')}.lock"
    return Path(os.environ.get("ARENA_LLAMA_LOCK") or Path(tempfile.gettempdir()) / name)


@contextlib.contextmanager
def llama_lock(on_wait: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the machine's llama lock; re-entrant within a thread. The kernel frees it when the process dies.

    It covers what Dagster's pool cannot: the command line, tests and notebooks.
    """
    global _depth
    with _held:
        if _depth:
            yield
            return
        descriptor = os.open(lock_path(), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            told = False
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not told:
                        on_wait("waiting: another process on this machine is running llama.cpp")
                        told = True
                    time.sleep(0.2)  # polled, so that a cancellation is heard
            _depth = 1
            yield
        finally:
            _depth = 0
            os.close(descriptor)

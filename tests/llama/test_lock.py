"""One llama.cpp step at a time on a machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from arena_assets.llama.lock import llama_lock, lock_path

HOLD = """
import sys, time
from arena_assets.llama.lock import llama_lock
with llama_lock():
    print("in", flush=True)
    if sys.argv[1] == "wait":
        time.sleep(600)
    began = time.monotonic()
    time.sleep(0.3)
    print(began, time.monotonic(), flush=True)
"""


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_LLAMA_LOCK", str(tmp_path / "lock"))


def hold(how: str = "pass") -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLD, how], stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def test_processes_never_overlap() -> None:
    processes = [hold() for _ in range(3)]
    spans = []
    for process in processes:
        out, _ = process.communicate(timeout=120)
        began, ended = map(float, out.split("\n")[1].split())
        spans.append((began, ended))
    spans.sort()
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_waiting_is_said_and_a_killed_holder_frees_it() -> None:
    holder = hold("wait")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    said: list[str] = []

    def kill_when_told(text: str) -> None:
        said.append(text)
        os.kill(holder.pid, signal.SIGKILL)

    with llama_lock(kill_when_told):
        pass
    holder.wait(timeout=60)
    assert len(said) == 1
    assert "waiting" in said[0]


def waiting(count: int) -> None:
    """Return when so many processes have a place in the queue."""
    queue = lock_path().with_name(f"{lock_path().name}.queue")
    deadline = time.monotonic() + 60
    while sum(entry.name.isdigit() for entry in queue.iterdir()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("killed", [None, 1])
def test_first_come_first_served_whoever_dies_while_waiting(killed: int | None) -> None:
    holder, queued = hold("wait"), list[subprocess.Popen[str]]()
    assert holder.stdout is not None
    holder.stdout.readline()
    for place in range(1, 5):
        queued.append(hold())
        waiting(place)
    if killed is not None:
        queued.pop(killed).kill()
    holder.kill()
    ends = [process.communicate(timeout=120)[0].split("\n")[1].split() for process in queued]
    began = [float(start) for start, _ in ends]
    assert began == sorted(began)
    assert all(float(before[1]) <= after for before, after in zip(ends, began[1:], strict=False))


def test_who_comes_back_at_once_queues_behind_who_waits() -> None:
    """The steps of a run take the lock one after the other; polled, one that waited for hours never got it."""
    with llama_lock():
        other = hold()
        waiting(1)
    with llama_lock():
        mine = time.monotonic()
    began, ended = map(float, other.communicate(timeout=60)[0].split("\n")[1].split())
    assert began < ended <= mine


def test_threads_take_turns_and_one_thread_may_nest() -> None:
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with llama_lock(), llama_lock():
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_cancellation_is_heard_while_waiting() -> None:
    holder = hold("wait")
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(KeyboardInterrupt), llama_lock(lambda _: signal.raise_signal(signal.SIGINT)):
            pytest.fail("the lock is held by another process")
    finally:
        holder.kill()
        holder.wait(timeout=60)
    with llama_lock():  # nothing of the broken attempt is left behind
        pass


def test_runs_with_gpus_of_their_own_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray gives each run of a machine its GPU; the machine's one lock would let only one of them work."""
    monkeypatch.delenv("ARENA_LLAMA_LOCK")
    paths = []
    for gpus in ("0", "1", "0, 1", ""):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
        paths.append(lock_path())
    assert len(set(paths)) == 4
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert lock_path() == paths[-1]
    assert len({path.parent for path in paths}) == 1
    monkeypatch.setenv("ARENA_LLAMA_LOCK", "/somewhere/else")
    assert lock_path() == Path("/somewhere/else")

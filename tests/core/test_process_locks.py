"""Locks between processes: one holder, however many threads and processes ask, and none that outlives its holder."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from arena_assets.errors import ModelError, StorageError
from arena_assets.locks import hold, machine_lock

HOLDER = """
import sys, time
from pathlib import Path
from arena_assets.locks import hold
with hold(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


def test_a_holder_that_is_killed_leaves_the_lock_free(path: Path) -> None:
    process = holder(path)
    told: list[float] = []

    def kill() -> None:
        told.append(time.monotonic())
        process.kill()
        process.wait()

    with hold(path, kill):
        assert time.monotonic() - told[0] < 10
    assert len(told) == 1


def test_who_must_not_wait_says_so_and_holds_nothing(path: Path) -> None:
    def busy() -> None:
        raise ModelError("another process has it")

    process = holder(path)
    try:
        with pytest.raises(ModelError, match="another process has it"), hold(path, busy):
            pytest.fail("another process holds it")
    finally:
        process.kill()
        process.wait()
    with hold(path, busy):
        pass


def test_threads_exclude_each_other_and_one_may_nest(path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        with hold(path), hold(path):
            inside += 1
            most = max(most, inside)
            time.sleep(0.02)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, inside) == (1, 0)


def test_an_error_of_the_work_frees_the_lock_and_stays_what_it_is(path: Path) -> None:
    with pytest.raises(OSError, match="disk full"), hold(path):
        raise OSError("disk full")
    with hold(path, lambda: pytest.fail("it is free")):
        pass


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match=r"file/lock cannot be taken.*rights of its folder"),
        hold(tmp_path / "file" / "lock"),
    ):
        pytest.fail("there is no such folder")


def test_another_user_s_lock_is_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    own = machine_lock("llama")
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert machine_lock("llama") != own
    assert machine_lock("llama").parent == own.parent

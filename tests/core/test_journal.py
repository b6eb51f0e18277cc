"""The journal: what was finished is there after any death, and what was in flight is not half there."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from arena_assets.errors import StorageError
from arena_assets.journal import Journal
from arena_assets.journal import journal as journal_module


def keys(folder: Path) -> set[str]:
    with Journal(folder) as journal:
        return {key for key in (f"k{n}" for n in range(2000)) if key in journal}


def test_items_come_back_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        assert len(journal) == 0
        journal.append("a", {"score": 1, "text": "x\ny"})
        journal.append("a", {"score": 2})
        journal.append("b", {"score": None})
        assert journal.get("a") == {"score": 2}
        assert journal.appended == 2
    with Journal(tmp_path / "j") as journal:
        assert journal.appended == 0
        assert (len(journal), journal.get("a"), journal.get("b")) == (2, {"score": 2}, {"score": None})
        assert journal.get("c") is None
        assert "c" not in journal


def test_made_afresh_what_was_there_is_no_item_and_what_follows_is(tmp_path: Path) -> None:
    with Journal(tmp_path / "all" / "1") as other:
        other.append("b", {"score": 1, "cost_usd": 0.5})
    with Journal(tmp_path / "all" / "0") as journal:
        journal.append("a", {"score": 1, "cost_usd": 0.5})
    for again in (2, 3):  # also one that was made afresh before
        with Journal(tmp_path / "all" / "0", among=UPath(tmp_path / "all"), afresh=True) as journal:
            assert (journal.get("a"), "a" in journal, "b" in journal) == (None, False, False)
            for key in ("a", "b"):
                journal.append(key, {"score": again, "cost_usd": 0.5})
            assert journal.get("a") == {"score": again, "cost_usd": 0.5}
        with Journal(tmp_path / "all" / "0", among=UPath(tmp_path / "all")) as journal:
            assert [journal.get(key) for key in ("a", "b")] == [{"score": again, "cost_usd": 0.5}] * 2
            assert len(journal.records("a")) == again  # each was paid for


@given(st.text(), st.text())
def test_any_text_survives_surrogates_too(key: str, text: str) -> None:
    root = UPath(f"memory://journals/{uuid4().hex}")
    with Journal(root) as journal:
        journal.append(key, {"text": text})
    with Journal(root) as journal:
        assert journal.get(key) == {"text": text}


def test_a_lone_surrogate_survives_on_disk(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append("\udcff", {"text": "\ud800 and \u2028"})
    with Journal(tmp_path) as journal:
        assert journal.get("\udcff") == {"text": "\ud800 and \u2028"}


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_a_torn_last_line_costs_that_item_alone(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path) as journal:
        journal.append("k0", {"v": 0})
        journal.append("k1", {"v": "a longer item so that it can be torn"})
    file = tmp_path / "items.jsonl"
    file.write_bytes(file.read_bytes()[: -1 - cut])
    assert keys(tmp_path) == {"k0"}
    with Journal(tmp_path) as journal:
        journal.append("k2", {"v": 2})
    assert keys(tmp_path) == {"k0", "k2"}


def test_a_line_torn_under_another_writer_costs_that_writer_nothing(tmp_path: Path) -> None:
    """Two writers: one dies in the middle of a line; what the other appends next must not be glued to it."""
    with Journal(tmp_path) as other:
        with (tmp_path / "items.jsonl").open("ab") as dying:
            dying.write(b'{"key":"k0","v":')
        other.append("k1", {"v": 1})
        other.append("k2", {"v": 2})
    assert keys(tmp_path) == {"k1", "k2"}


@pytest.mark.parametrize("junk", [b"[1]", b"7", b"null", b'{"key":[1]}', b'{"nokey":1}', b"\xff\xfe", b'"text"'])
def test_junk_lines_are_passed_over(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "items.jsonl").write_bytes(junk + b'\n{"key":"k1","v":1}\n')
    assert keys(tmp_path) == {"k1"}


WRITER = """
import sys
from arena_assets.journal import Journal
with Journal(sys.argv[1]) as journal:
    for number in range(int(sys.argv[2]), 2000, 2):
        journal.append(f"k{number}", {"text": "x" * 500})
        print(number, flush=True)
"""


def test_kill_dash_nine_loses_nothing_that_append_returned_for(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "0"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = {"k" + line.decode().strip() for line in process.stdout if line.endswith(b"\n")}
    there = keys(tmp_path)
    assert {f"k{number}" for number in range(0, 40, 2)} | told <= there
    with Journal(tmp_path) as journal:
        assert {len(journal.get(key)["text"]) for key in there} == {500}  # type: ignore[index]


def test_two_processes_at_once_never_mix_within_a_line(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, str(tmp_path), start] for start in ("0", "1")]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    while len(keys(tmp_path)) < 400 and any(process.poll() is None for process in processes):
        time.sleep(0.05)
    for process in processes:
        process.kill()
        process.wait()
    lines = [line for line in (tmp_path / "items.jsonl").read_bytes().split(b"\n") if line]
    broken = [line for line in lines if not _parses(line)]
    assert len(lines) >= 400
    assert len(broken) <= 2  # at most what was in flight when they were killed


def test_threads_may_append_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:

        def write(start: int) -> None:
            for number in range(start, start + 50):
                journal.append(f"k{number}", {"v": number})

        threads = [threading.Thread(target=write, args=(50 * n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert keys(tmp_path) == {f"k{number}" for number in range(400)}


FULL = """
import resource, signal, sys
from arena_assets.errors import StorageError
from arena_assets.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Journal(sys.argv[1]) as journal:
    journal.append("k0", {"v": 0})
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    try:
        journal.append("k1", {"v": "x" * 500})
    except StorageError as error:
        print(error, "k1" in journal)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append("k2", {"v": 2})
"""


def test_a_full_disk_is_said_and_costs_that_item_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot be written" in said
    assert said.endswith("False\n")
    assert keys(tmp_path) == {"k0", "k2"}


def test_a_folder_that_is_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be opened"), Journal(tmp_path / "file"):
        pass


def test_on_object_storage_an_item_is_durable_when_append_returns() -> None:
    root = UPath(f"memory://journals/{uuid4().hex}")
    journal = Journal(root).__enter__()
    for number in range(3):
        journal.append(f"k{number}", {"v": number})
        with Journal(root) as reader:  # as after a kill -9: the writer never closes
            assert len(reader) == number + 1


def test_object_storage_takes_several_writers_and_one_object_of_each_remains() -> None:
    root = UPath(f"memory://journals/{uuid4().hex}")
    with Journal(root) as first, Journal(root) as second:
        for number in range(3):
            first.append(f"k{number}", {"v": number})
            second.append(f"k{number + 10}", {"v": number})
        assert len(list(root.iterdir())) == 6
    assert len(list(root.iterdir())) == 2
    with Journal(root) as journal:
        assert len(journal) == 6
        journal.append("k0", {"v": "newer"})
    with Journal(root) as journal:
        assert journal.get("k0") == {"v": "newer"}


def test_a_crash_between_the_whole_and_its_parts_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    root = UPath(f"memory://journals/{uuid4().hex}")

    def crash(*_: object, **__: object) -> None:
        raise PermissionError("crashed")

    with pytest.raises(StorageError, match="crashed"), Journal(root) as journal:  # noqa: PT012
        journal.append("k0", {"v": 0})
        journal.append("k1", {"v": 1})
        monkeypatch.setattr(type(root), "unlink", crash)
    assert len(list(root.iterdir())) == 3
    with Journal(root) as journal:
        assert len(journal) == 2


def test_object_storage_that_refuses_is_a_storage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("denied")

    root = UPath(f"memory://journals/{uuid4().hex}")
    monkeypatch.setattr(type(root.fs), "pipe_file", refuse)
    with Journal(root) as journal:
        with pytest.raises(StorageError, match="denied"):
            journal.append("k0", {"v": 0})
        monkeypatch.undo()


def test_an_exception_in_the_work_keeps_what_was_finished() -> None:
    root = UPath(f"memory://journals/{uuid4().hex}")
    with contextlib.suppress(RuntimeError), Journal(root) as journal:
        journal.append("k0", {"v": 0})
        raise RuntimeError
    with Journal(root) as journal:
        assert "k0" in journal


def _parses(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def test_the_file_is_flushed_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(journal_module, "sync_data", flushed.append)
    with Journal(tmp_path) as journal:
        journal.append("k0", {})
        assert len(flushed) == 1


def test_many_items_may_share_one_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(journal_module, "sync_data", flushed.append)
    with Journal(tmp_path) as journal:
        for number in range(5):
            journal.append(f"k{number}", {}, durable=False)
        assert flushed == []
        assert len((tmp_path / "items.jsonl").read_bytes().splitlines()) == 5  # a kill -9 loses none of them
        journal.flush()
        journal.flush()
        assert len(flushed) == 1
        journal.append("k5", {}, durable=False)
    assert len(flushed) == 2  # leaving waits for the disk

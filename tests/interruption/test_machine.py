"""A machine that misbehaves: a clear error or the correct result, never a corrupt table."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.interruption.conftest import Place
from tests.interruption.harness import differences

pytestmark = pytest.mark.slow


def test_two_runs_of_the_same_partitions_at_once_end_the_same(place: Place) -> None:
    place.worker.start(2)
    assert place.worker.wait() == [0, 0], place.worker.errors()
    assert differences(place.contents(), place.reference) == []


def test_a_clock_that_jumps_changes_nothing(place: Place) -> None:
    assert place.worker.run("clock") == 0, place.worker.errors()
    assert differences(place.contents(), place.reference) == []


@pytest.mark.parametrize("size", [700, 9000])
def test_a_full_disk_is_said_and_the_next_run_goes_on(place: Place, size: int) -> None:
    """No file may grow beyond `size` bytes: sooner or later a journal line or a table does not fit."""
    assert place.worker.run(f"disk {size}") == 2
    assert len(place.worker.errors()) == 1
    assert "cannot be written" in place.worker.errors()[0]
    assert "free space" in place.worker.errors()[0]
    done = len(place.worker.items())
    assert not list(place.data.rglob(".*.tmp"))
    assert place.worker.run() == 0, place.worker.errors()
    assert differences(place.contents(), place.reference) == []
    repeated = sum(n - 1 for key, n in Counter(place.worker.items()).items() if not key.startswith("item Force"))
    assert repeated <= 1
    assert done < len(place.worker.items())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_a_read_only_folder_is_said(place: Place) -> None:
    place.data.mkdir(parents=True)
    place.data.chmod(0o555)
    try:
        assert place.worker.run() == 2
    finally:
        place.data.chmod(0o755)
    assert "cannot be written" in place.worker.errors()[0]


def test_a_file_where_the_folder_should_be_is_said(place: Place) -> None:
    place.data.parent.mkdir(parents=True, exist_ok=True)
    place.data.write_text("in the way")
    assert place.worker.run() == 2
    assert "UNEXPECTED" not in place.worker.errors()[0]
    assert "cannot be" in place.worker.errors()[0]


def test_torn_and_foreign_lines_of_journals_are_passed_over(place: Place) -> None:
    rng = random.Random(3)
    assert place.worker.kill_in("judging", rng) is not None
    journals = sorted(Path(place.data / "journal").rglob("items.jsonl"))
    assert journals
    for path in journals:
        whole = path.read_bytes()
        path.write_bytes(whole[: -rng.randrange(2, 20)] + b"")
        lines = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join([b"\x00\xff garbage", *lines]))
    for path in place.data.glob("*/*.parquet"):
        path.unlink()  # so that every stage reads its journal again
    assert place.worker.run() == 0, place.worker.errors()
    assert differences(place.contents(), place.reference) == []

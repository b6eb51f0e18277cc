"""Tables on disk: whole or not at all, and what is broken is said instead of read."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arena_assets.config import Experiment
from arena_assets.errors import ArenaError, StorageError, TableError
from arena_assets.storage import Effort, LastRun, Store, parquet
from tests.made_up import frames


@pytest.fixture
def prompts(experiment: Experiment) -> pd.DataFrame:
    return frames.tables(experiment, "0000")["prompts"]


def local(store: Store, asset: str, partition: str | None = None) -> Path:
    return Path(store.path(asset, partition).path)


def test_every_table_comes_back_as_it_was_written(store: Store, experiment: Experiment) -> None:
    frames.write(store, experiment)
    for asset, frame in frames.tables(experiment, "0001").items():
        back = store.read(asset, "0001")
        assert back.to_json() == frame.to_json(), asset
    assert store.partitions("prompts") == ["0000", "0001"]
    assert store.partitions("nothing") == []


def test_equal_content_gives_equal_bytes(store: Store, experiment: Experiment, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    for place in (store, other):
        frames.write(place, experiment)
        time.sleep(0.01)
    files = [path for path in Path(store.root.path).rglob("*") if path.is_file()]
    assert len(files) == 1 + 2 * 5 * 2
    for path in files:
        assert path.read_bytes() == (Path(other.root.path) / path.relative_to(store.root.path)).read_bytes(), path


def test_notes_stand_in_the_file(store: Store, experiment: Experiment, prompts: pd.DataFrame) -> None:
    store.write("prompts", prompts, partition="0000", fingerprint="f", remark="über")
    expected = {"table": "prompts", "fingerprint": "f", "partition": "0000", "remark": "über", "rows": "20"}
    assert store.notes("prompts", "0000") == expected
    assert not store.is_current(experiment, "prompts", "0000")
    with pytest.raises(StorageError, match="prompts/0000 was made with another configuration"):
        store.read_current(experiment, "prompts", "0000")


def test_current_rows_are_of_the_file_whose_notes_say_so(
    store: Store, experiment: Experiment, prompts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run may replace the file by one of another configuration while this one looks at it."""
    notes_of = parquet.notes_of

    def replaced_meanwhile(file: pq.ParquetFile) -> dict[str, str]:
        notes = notes_of(file)
        store.write("prompts", prompts.iloc[:5], partition="0000", fingerprint="another")
        return notes

    store.write("prompts", prompts, partition="0000", fingerprint=experiment.fingerprint("prompts", "0000"))
    written = store.read("prompts", "0000")
    monkeypatch.setattr(parquet, "notes_of", replaced_meanwhile)
    assert store.read_current(experiment, "prompts", "0000").equals(written)


def test_a_missing_table_is_named(store: Store) -> None:
    with pytest.raises(StorageError, match="prompts/0007 is not materialised"):
        store.read("prompts", "0007")
    with pytest.raises(ArenaError, match="no table is named 'nonsense'; there are: arena_corpus, prompts"):
        store.write("nonsense", pd.DataFrame(), fingerprint="f")


def test_a_table_that_breaks_its_contract_leaves_no_file(store: Store, prompts: pd.DataFrame) -> None:
    with pytest.raises(TableError):
        store.write("prompts", prompts.assign(prompt=None), partition="0000", fingerprint="f")
    assert not store.exists("prompts", "0000")


@pytest.mark.parametrize("size", [0, 3, 4, 100, -1, -9, -400])
def test_a_truncated_file_is_said_to_be_corrupted(store: Store, prompts: pd.DataFrame, size: int) -> None:
    store.write("prompts", prompts, partition="0000", fingerprint="f")
    path = local(store, "prompts", "0000")
    path.write_bytes(path.read_bytes()[:size])
    for read in (store.read, store.notes):
        with pytest.raises(StorageError, match=r"prompts/0000 cannot be read, the file is corrupted.*materialise"):
            read("prompts", "0000")


def test_a_flipped_bit_is_never_read_as_data(store: Store, experiment: Experiment) -> None:
    good = frames.tables(experiment, "0000")["logprobs"]
    store.write("logprobs", good, partition="0000", fingerprint="f")
    path, expected = local(store, "logprobs", "0000"), store.read("logprobs", "0000").to_json()
    whole = path.read_bytes()
    refused = 0
    for position in range(0, len(whole), 29):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        try:
            assert store.read("logprobs", "0000").to_json() == expected, position
        except StorageError:
            refused += 1
    assert refused > 100


def test_a_file_of_another_shape_is_refused(store: Store, prompts: pd.DataFrame) -> None:
    store.write("prompts", prompts, partition="0000", fingerprint="f")
    table = pq.read_table(local(store, "prompts", "0000"))
    texts = table.set_column(3, "source_row", pa.array(["x"] * table.num_rows))
    for broken, fault in ((table.drop_columns(["language"]), "language"), (texts, "source_row")):
        pq.write_table(broken, local(store, "prompts", "0000"))
        with pytest.raises(StorageError, match=f"prompts/0000 .*{fault}"):
            store.read("prompts", "0000")


def test_columns_can_be_picked(store: Store, prompts: pd.DataFrame) -> None:
    store.write("prompts", prompts, partition="0000", fingerprint="f")
    assert list(store.read("prompts", "0000", ["prompt_id", "prompt"])) == ["prompt_id", "prompt"]


def test_a_folder_that_is_a_file_is_a_storage_error(store: Store, prompts: pd.DataFrame) -> None:
    local(store, "x").parent.mkdir(parents=True)
    (Path(store.root.path) / "prompts").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        store.write("prompts", prompts, partition="0000", fingerprint="f")


READ_ONLY = """
import os, sys
from pathlib import Path
from upath import UPath
from arena_assets.errors import StorageError
from arena_assets.storage import write_bytes
target = UPath(sys.argv[1])  # before the rights go: it imports, and nobody may read an installation in root's home
if os.getuid() == 0:
    os.setuid(65534)
try:
    write_bytes(target, b"new")
except StorageError as error:
    print(error)
"""


def test_a_read_only_folder_is_said_and_the_old_file_stays(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "file").write_bytes(b"old")
    folder.chmod(0o555)
    command = [sys.executable, "-c", READ_ONLY, str(folder / "file")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    folder.chmod(0o755)
    assert "cannot be written: [Errno 13] Permission denied" in done.stdout, done.stderr
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("file", b"old")]


def test_a_full_disk_leaves_the_old_file_and_nothing_partial(
    store: Store, prompts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("prompts", prompts, partition="0000", fingerprint="old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match=r"prompts/0000.* cannot be written.*No space left.*nothing partial"):
        store.write("prompts", prompts.head(3), partition="0000", fingerprint="new")
    assert store.notes("prompts", "0000")["fingerprint"] == "old"
    assert [path.name for path in store.path("prompts", "0000").parent.iterdir()] == ["0000.parquet"]


def test_a_limit_on_file_size_in_the_middle_of_the_write(store: Store, prompts: pd.DataFrame) -> None:
    store.write("prompts", prompts.head(3), partition="0000", fingerprint="old")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(StorageError, match="File too large"):
            store.write("prompts", prompts, partition="0000", fingerprint="new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert store.notes("prompts", "0000")["fingerprint"] == "old"
    assert [path.name for path in local(store, "prompts", "0000").parent.iterdir()] == ["0000.parquet"]


WRITER = """
import sys
from upath import UPath
from arena_assets.storage import write_bytes
for number in range(10_000):
    write_bytes(UPath(sys.argv[1]), bytes([number % 256]) * 3_000_000)
    print(number, flush=True)
"""


def test_kill_dash_nine_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "0000.parquet"
    for wait in (0.0, 0.003, 0.007, 0.012, 0.02):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
        data = path.read_bytes()
        assert len(data) == 3_000_000
        assert len(set(data)) == 1
    left = {other.name for other in tmp_path.iterdir()} - {"0000.parquet"}
    assert all(name.startswith(".0000.parquet.") and name.endswith(".tmp") for name in left)


def test_what_a_kill_left_is_no_partition(store: Store, prompts: pd.DataFrame) -> None:
    store.write("prompts", prompts, partition="0000", fingerprint="f")
    (local(store, "prompts", "0000").parent / ".0001.parquet.1234abcd.tmp").write_bytes(b"half")
    assert store.partitions("prompts") == ["0000"]


def test_findings_lie_beside_the_data(store: Store) -> None:
    assert store.read_run("prompts", "0000").findings == []
    store.write_checks("prompts", "0000", [{"name": "unique", "passed": False}], run_id="r")
    store.write_checks("ablation_results", None, [], run_id="r")
    assert store.read_run("prompts", "0000").findings == [{"name": "unique", "passed": False}]
    assert store.partitions("prompts") == []


def test_what_a_run_spent_stands_beside_the_table_and_not_in_it(store: Store, prompts: pd.DataFrame) -> None:
    files = []
    for effort in (None, Effort(2.5, 3), Effort(0.25)):
        store.write("prompts", prompts, partition="0000", fingerprint="f")
        store.write_checks("prompts", "0000", [{"name": "unique"}], "r", effort)
        assert store.read_run("prompts", "0000") == LastRun([{"name": "unique"}], effort)
        files.append(local(store, "prompts", "0000").read_bytes())
    assert len(set(files)) == 1
    assert store.read_run("prompts", "0001") == LastRun([])


BROKEN = ["", "{", "[]", "3", '{"findings": 3}', '{"findings": [1]}', '{"other": []}', "\x00"]
BROKEN += [f'{{"findings": [], "effort": {text}}}' for text in ("3", "{}", '{"seconds": "x", "items": 1}')]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_findings_are_said(store: Store, text: str) -> None:
    store.write_checks("prompts", "0000", [], run_id="r")
    (local(store, "prompts") / ".." / "prompts" / "0000.checks.json").resolve().write_text(text)
    with pytest.raises(StorageError, match=r"0000\.checks\.json is no list of findings"):
        store.read_run("prompts", "0000")


def test_object_storage_holds_the_same(experiment: Experiment) -> None:
    store = Store(f"memory://bucket/{uuid4().hex}/small")
    frames.write(store, experiment)
    assert store.partitions("logprobs") == ["0000", "0001"]
    assert store.is_current(experiment, "logprobs", "0001")
    assert json.loads(store.read("logprobs", "0001").to_json()) == json.loads(
        frames.tables(experiment, "0001")["logprobs"].to_json()
    )
    store.remove()
    assert store.partitions("logprobs") == []
    store.remove()


def test_a_table_that_is_older_than_an_optional_column_is_read_without_it(store: Store, prompts: pd.DataFrame) -> None:
    store.write("prompts", prompts.assign(cluster="ann"), partition="0000", fingerprint="f")
    assert store.read("prompts", "0000")["cluster"].eq("ann").all()
    path = local(store, "prompts", "0000")
    old = pq.read_table(path).drop_columns(["cluster"])
    pq.write_table(old, path, write_page_checksum=True)
    assert store.read("prompts", "0000")["cluster"].isna().all()
    assert list(store.read("prompts", "0000", columns=["prompt_id"])) == ["prompt_id"]

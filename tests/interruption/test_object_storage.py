"""`storage: s3://bucket/prefix` against an S3-compatible server on loopback: the same tables, whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from arena_assets.config import Experiment
from arena_assets.errors import StorageError
from arena_assets.journal import Journal
from arena_assets.storage import Store
from tests.made_up.experiment import write_config, write_experiment

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")
pytest.importorskip("s3fs")
import s3fs  # noqa: E402

from arena_assets.config import load_experiment  # noqa: E402

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", url)
        s3fs.S3FileSystem.clear_instance_cache()
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket="arena")
        yield url
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def experiment(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """An experiment whose file names a bucket."""
    del endpoint
    configs = tmp_path / "configs"
    write_config(configs, "remote", prompts=60, batch_size=30)
    path = configs / "remote.yaml"
    path.write_text(path.read_text() + f"storage: s3://arena/{tmp_path.name}\nanalysis: {{ablation: basic}}\n")
    (configs / "ablations").symlink_to(Path(__file__).resolve().parents[2] / "configs" / "ablations")
    monkeypatch.setenv("ARENA_CONFIGS", str(configs))
    return load_experiment("remote")


def keys(endpoint: str, prefix: str = "") -> list[str]:
    found = boto3.client("s3", endpoint_url=endpoint).list_objects_v2(Bucket="arena", Prefix=prefix)
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_tables_and_findings_come_back_and_status_and_analysis_read_them(
    experiment: Experiment, endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from arena_assets.cli import main
    from arena_assets.stages.analysis import analyse, write_analysis
    from arena_assets.stages.collecting import as_data, collect

    store, local = Store.of(experiment), Store(tmp_path / "local")
    for place in (store, local):
        write_experiment(experiment, place, with_results=False)
    for partition in experiment.partitions:
        pd.testing.assert_frame_equal(store.read("logprobs", partition), local.read("logprobs", partition))
        assert store.path("responses", partition).read_bytes() == local.path("responses", partition).read_bytes()
    assert store.partitions("prompts") == list(experiment.partitions)
    assert f"{tmp_path.name}/remote/prompts/0001.parquet" in keys(endpoint, tmp_path.name)
    collected = collect(experiment, store)
    assert collected.used == experiment.partitions
    write_analysis(experiment, store, analyse(experiment, as_data(experiment, collected.tables), lambda: 0.0))
    assert main(["status", "remote"]) == 0
    text = capsys.readouterr().out
    assert "logprobs                2/2 done" in text
    assert "ablation_results        1/1 done" in text


def test_what_another_process_writes_is_seen_at_once(experiment: Experiment, endpoint: str, tmp_path: Path) -> None:
    store = Store.of(experiment)
    write_experiment(experiment, store, partitions=["0000"], with_results=False)
    assert store.partitions("prompts") == ["0000"]
    data = store.path("prompts", "0000").read_bytes()
    client = boto3.client("s3", endpoint_url=endpoint)
    client.put_object(Bucket="arena", Key=f"{tmp_path.name}/remote/prompts/0001.parquet", Body=data)
    assert store.partitions("prompts") == ["0000", "0001"]
    assert store.exists("prompts", "0001")
    client.delete_object(Bucket="arena", Key=f"{tmp_path.name}/remote/prompts/0000.parquet")
    assert not store.exists("prompts", "0000")
    assert store.partitions("prompts") == ["0001"]


def test_a_writer_that_replaces_is_never_read_half(experiment: Experiment) -> None:
    """One writer alternates two contents, a reader always sees one of them whole."""
    store = Store.of(experiment)
    write_experiment(experiment, store, partitions=["0000"], with_results=False)
    frame = store.read("responses", "0000")
    other = frame.assign(response=frame["response"] + " again")
    stop, seen, faults = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(str(Store.of(experiment).read("responses", "0000")["response"][1])[-6:])
            except StorageError as error:
                faults.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(10):
        for version in (other, frame):
            store.write("responses", version, fingerprint="f", partition="0000")
    stop.set()
    reader.join()
    assert faults == []
    assert len(seen) <= 2


def test_a_journal_of_parts_keeps_items_at_an_exception_and_of_two_writers(experiment: Experiment) -> None:
    folder = Store.of(experiment).journal_path("judge_scores", "0000")
    with pytest.raises(RuntimeError), Journal(folder) as journal:  # noqa: PT012
        for number in range(20):
            journal.append(f"k{number}", {"score": number})
        raise RuntimeError("the judge is gone")
    with Journal(folder) as first, Journal(folder) as second:
        assert len(first) == len(second) == 20
        first.append("a", {"score": 1})
        second.append("b", {"score": 2})
    with Journal(folder) as journal:
        assert {"a", "b", "k0", "k19"} <= {key for key in ("a", "b", "k0", "k19") if key in journal}
        assert journal.get("k7") == {"score": 7}
    assert len([path for path in folder.iterdir() if path.name.endswith(".jsonl")]) == 22


def test_a_bucket_that_is_not_there_is_said(experiment: Experiment) -> None:
    store = Store("s3://nowhere/remote")
    frame = pd.DataFrame({"prompt_id": ["p"], "prompt": ["x"], "language": ["English"], "source_row": [0]})
    with pytest.raises(StorageError, match=r"s3://nowhere/remote/prompts/0000\.parquet cannot be written"):
        store.write("prompts", frame, fingerprint="f", partition="0000")
    with pytest.raises(StorageError, match="not materialised"):
        store.read("prompts", "0000")
    with pytest.raises(StorageError, match="journal"), Journal(store.journal_path("responses", "0000")) as journal:
        journal.append("k", {})
    del experiment


def test_removing_an_experiment_removes_its_prefix_alone(experiment: Experiment, endpoint: str, tmp_path: Path) -> None:
    write_experiment(experiment, Store.of(experiment), partitions=["0000"], with_results=False)
    write_experiment(experiment, Store(f"s3://arena/{tmp_path.name}/other"), partitions=["0000"], with_results=False)
    Store.of(experiment).remove()
    left: list[Any] = keys(endpoint, tmp_path.name)
    assert left
    assert all(key.startswith(f"{tmp_path.name}/other/") for key in left)
    assert os.environ["AWS_ENDPOINT_URL"] == endpoint

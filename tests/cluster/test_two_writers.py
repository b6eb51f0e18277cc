"""Two runs of one batch at once, as when a machine was only cut off and lives on beside the re-run of its batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from arena_assets.config import Experiment, load_experiment
from arena_assets.journal import Journal
from arena_assets.judging.costs import spent_usd
from arena_assets.stages.logprobs import score_logprobs
from arena_assets.stages.responses import generate_responses
from arena_assets.storage import Store
from tests.conftest import ROOT
from tests.made_up.cheap_model import CheapPool
from tests.made_up.experiment import write_config, write_experiment

pytestmark = pytest.mark.server

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")


@pytest.fixture(scope="module")
def bucket() -> Iterator[None]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        s3fs.S3FileSystem.clear_instance_cache()
        boto3.client("s3").create_bucket(Bucket="arena")
        yield
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, bucket: None, tmp_path: Path) -> Store:
    del bucket
    root = tmp_path / "data" if request.param == "local" else f"s3://arena/{tmp_path.name}"
    return Store(f"{root}/twice")


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    write_config(tmp_path / "configs", "twice", prompts=12, batch_size=12)
    (tmp_path / "configs" / "ablations").symlink_to(ROOT / "configs" / "ablations")
    monkeypatch.setenv("ARENA_CONFIGS", str(tmp_path / "configs"))
    monkeypatch.setenv("INTERRUPTION_LOG", str(tmp_path / "log"))
    return load_experiment("twice")


def run(experiment: Experiment, store: Store, start: Callable[[], object] = lambda: None) -> None:
    """What a run does with responses and log-probabilities, on the cheap model."""
    start()
    prompts = store.read("prompts", "0000")
    with Journal(store.journal_path("responses", "0000")) as journal:
        responses = generate_responses(experiment, prompts, CheapPool(), journal)  # type: ignore[arg-type]
    store.write("responses", responses, fingerprint="f", partition="0000")
    with Journal(store.journal_path("logprobs", "0000")) as journal:
        made_from = prompts, store.read("responses", "0000")
        scored = score_logprobs(experiment, *made_from, CheapPool(), journal)  # type: ignore[arg-type]
    store.write("logprobs", scored.table, fingerprint="f", partition="0000")


def with_prompts(experiment: Experiment, store: Store) -> Store:
    write_experiment(experiment, store, with_results=False)
    return store


def test_both_runs_end_in_one_whole_table(experiment: Experiment, store: Store, tmp_path: Path) -> None:
    alone = with_prompts(experiment, Store(tmp_path / "alone"))
    run(experiment, alone)
    with_prompts(experiment, store)
    together, failed = threading.Barrier(2), []

    def one() -> None:
        try:
            run(experiment, store, together.wait)
        except BaseException as error:
            failed.append(error)
            raise

    writers = [threading.Thread(target=one) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
    assert failed == []
    # Both did all of it, item by item: neither found the other's journal finished.
    items = (tmp_path / "log").read_text().splitlines()
    assert sum(line.startswith("item Generate") for line in items) > 1.5 * 60
    for asset in ("responses", "logprobs"):
        assert store.path(asset, "0000").read_bytes() == alone.path(asset, "0000").read_bytes()
        with Journal(store.journal_path(asset, "0000")) as journal:
            assert len(journal) == 60


def test_a_table_of_another_run_replaces_the_whole(experiment: Experiment, store: Store) -> None:
    """The slower of two runs whose results differ writes last: its table stands, no row of the other's."""
    with_prompts(experiment, store)
    run(experiment, store)
    other = store.read("responses", "0000")
    other["response"] = "from the machine that was cut off"
    store.write("responses", other, fingerprint="f", partition="0000")
    pd.testing.assert_frame_equal(store.read("responses", "0000"), other)


@pytest.fixture
def tidying(bucket: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A journal of five items in parts, which its writer puts together just after somebody else listed them."""
    del bucket
    store = Store(f"s3://arena/{tmp_path.name}")
    writer = Journal(store.journal_path("judge_scores", "0000"))
    writer.__enter__()
    for number in range(5):
        writer.append(f"k{number}", {"n": number, "cost_usd": 0.5})
    tidied: list[bool] = []

    def then_tidy(listing: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        def listed(*arguments: object) -> Iterator[object]:
            found = list(listing(*arguments))
            if not tidied:
                tidied.append(True)
                writer.__exit__(None, None, None)
            return iter(found)

        return listed

    kind = type(store.root)
    for name in ("iterdir", "rglob"):
        monkeypatch.setattr(kind, name, then_tidy(getattr(kind, name)))
    return store


def test_a_journal_opens_while_another_writer_puts_its_parts_together(tidying: Store) -> None:
    folder = tidying.journal_path("judge_scores", "0000")
    with Journal(folder) as reader:
        found = [reader.get(f"k{number}") for number in range(5)]
        assert found == [{"n": number, "cost_usd": 0.5} for number in range(5)]
        reader.append("k5", {"n": 5})
    with Journal(folder) as journal:
        assert len(journal) == 6
    assert len(list(folder.iterdir())) == 2


def test_what_was_spent_is_counted_once_while_a_writer_puts_its_parts_together(tidying: Store) -> None:
    """Every paid batch asks it at its start, and `arena status` at any time, while other machines are at work."""
    folder = tidying.root / "journal" / "judge_scores"
    assert spent_usd(folder) == 2.5
    assert spent_usd(folder) == 2.5

"""The dashboard's reading: what is on disk now, file by file, with the reason where one cannot be used."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arena_assets.storage.listing import Listing
from dashboard.data import catalog, files, loads
from dashboard.data.cache import ByteCache, size_of
from dashboard.data.status import status
from tests.made_up.experiment import findings, write_experiment

COLUMNS = ["prompt_id", "policy", "judge_score"]


def test_listing_names_partitions_in_order_and_ignores_files_in_the_making(place):
    folder = place.data / "arena_test" / "judge_scores"
    (folder / ".0001.parquet.1234.tmp").write_bytes(b"half")
    (folder / ".0009.parquet").write_bytes(b"half")
    assert [file.partition for file in Listing(place.store()).tables("judge_scores").values()] == [
        "0000",
        "0001",
        "0002",
    ]
    assert [file.label for file in Listing(place.store()).tables("ablation_results").values()] == ["ablation_results"]


def test_nothing_materialised_is_an_empty_frame_without_problems(empty):
    found = files.load(empty.store(), "judge_scores", COLUMNS)
    assert found.empty
    assert list(found.frame.columns) == COLUMNS
    assert found.problems == ()


@pytest.mark.parametrize("spoil", [b"", b"PAR1 not a table", None])
def test_a_corrupted_or_half_written_file_is_named_and_the_others_are_read(place, spoil):
    path = place.data / "arena_test" / "judge_scores" / "0001.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if spoil is None else spoil)
    found = files.load(place.store(), "judge_scores", COLUMNS)
    assert [problem.label for problem in found.problems] == ["judge_scores/0001"]
    assert "materialise it again" in found.problems[0].text
    assert len(found.frame) == 5 * 80


def test_a_file_of_an_older_contract_is_named_with_what_it_lacks(place):
    path = place.data / "arena_test" / "judge_scores" / "0002.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["judge_score"]), path)
    found = files.load(place.store(), "judge_scores", COLUMNS)
    assert "another version: it lacks judge_score" in found.problems[0].text
    assert len(found.frame) == 5 * 80


def test_a_column_of_text_where_numbers_belong_is_a_problem_of_that_file(place):
    path = place.data / "arena_test" / "judge_scores" / "0002.parquet"
    table = pq.read_table(path)
    where = table.schema.get_field_index("judge_score")
    pq.write_table(table.set_column(where, "judge_score", pa.array(["high"] * table.num_rows)), path)
    found = files.load(place.store(), "judge_scores", COLUMNS)
    assert "judge_score is not a number" in found.problems[0].text


def test_a_rewritten_file_is_read_again_and_an_unchanged_one_is_not(place):
    store = place.store()
    before = files.load(store, "judge_scores", COLUMNS)
    assert files.load(store, "judge_scores", COLUMNS) is before
    frame = store.read("judge_scores", "0001")
    store.write("judge_scores", frame.assign(judge_score=0.125), fingerprint="other", partition="0001")
    after = files.load(store, "judge_scores", COLUMNS)
    assert (after.frame["judge_score"] == 0.125).sum() == len(frame)
    assert after.key != before.key


def test_only_the_asked_columns_are_read(place):
    assert list(files.load(place.store(), "responses", ["prompt_id"]).frame.columns) == ["prompt_id"]


def test_reading_while_a_run_writes_never_fails_and_ends_with_the_newest(place):
    store = place.store()
    frame = store.read("judge_scores", "0000")
    stop = threading.Event()
    problems: list[object] = []

    def write() -> None:
        for number in range(60):
            store.write("judge_scores", frame.assign(judge_score=number / 100), fingerprint="x", partition="0000")
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.is_set():
        problems += files.load(store, "judge_scores", COLUMNS).problems
    writer.join()
    assert problems == []
    last = files.load(store, "judge_scores", COLUMNS).frame
    assert (last["judge_score"] == 0.59).sum() >= len(frame)


def test_a_file_that_vanishes_between_listing_and_reading_is_a_problem_not_a_crash(place):
    store = place.store()
    listed = tuple(Listing(store).tables("judge_scores").values())
    Path(listed[0].path).unlink()
    found = files._load(store, "judge_scores", COLUMNS, listed)
    assert "not materialised" in found.problems[0].text
    assert len(found.frame) == 5 * 80


def test_scores_and_labels_are_joined_by_key(place):
    found = loads.scores(place.store()).frame
    assert len(found) == 5 * 120
    store = place.store()
    labels = pd.concat([store.read("oracle_labels", partition) for partition in store.partitions("oracle_labels")])
    expected = labels.set_index(["prompt_id", "policy"])["oracle_label"].sort_index()
    got = found.dropna(subset=["oracle_label"]).astype({"policy": str}).set_index(["prompt_id", "policy"])
    pd.testing.assert_series_equal(got["oracle_label"].sort_index(), expected)


def test_log_weights_are_target_minus_logging_and_null_where_rejected(place):
    found = loads.weights(place.store()).frame
    assert set(found["policy"].cat.categories) == {"pi_clone", "pi_cooler", "pi_concise", "pi_bad"}
    row = place.store().read("logprobs", "0000").iloc[0]
    own = found[(found["prompt_id"] == row["prompt_id"]) & (found["policy"] == "pi_bad")]["log_weight"].iloc[0]
    assert own == row["target_logps"]["pi_bad"] - row["total_logprob"]
    assert found["log_weight"].isna().sum() == 3
    assert len(loads.rejected(place.store()).frame) == 3


def test_status_tells_done_missing_outdated_refused_warned_and_unreadable_apart(place):
    store, experiment = place.store(), place.experiment()
    folder = place.data / "arena_test"
    (folder / "responses" / "0001.parquet").unlink()
    (folder / "logprobs" / "0000.parquet").write_bytes(b"broken")
    (folder / "logprobs" / "0002.parquet").unlink()
    store.write_checks("logprobs", "0002", findings("logprobs", 40, failed="pi_clone is off in 3 rows"), "run")
    store.write("judge_scores", store.read("judge_scores", "0000"), fingerprint="older", partition="0000")
    warned = findings("oracle_labels", 40, failed="2 labels are missing", blocking=False)
    store.write_checks("oracle_labels", "0001", warned, "run")
    found = status(catalog.choose("arena_test"))
    states = found.partitions.set_index(["asset", "partition"])["state"]
    assert states["responses", "0001"] == "missing"
    assert states["logprobs", "0000"] == "unreadable"
    assert states["logprobs", "0002"] == "refused by a check"
    assert states["judge_scores", "0000"] == "outdated"
    assert states["oracle_labels", "0001"] == "done, with warnings"
    assert states["prompts", "0000"] == "done"
    assert [problem.label for problem in found.problems] == ["logprobs/0000"]
    detail = found.partitions.set_index(["asset", "partition"])["detail"]
    assert "pi_clone is off" in detail["logprobs", "0002"]
    assert len(states.loc["prompts"]) == len(experiment.partitions)


def test_broken_findings_are_a_problem_of_their_own(place):
    (place.data / "arena_test" / "prompts" / "0000.checks.json").write_text("{")
    found = status(catalog.choose("arena_test"))
    assert [problem.label for problem in found.problems] == ["prompts/0000"]
    assert "0000.checks.json is no list of findings" in found.problems[0].text


def test_an_experiment_without_configuration_keeps_its_data_and_finds_its_roles(place):
    (place.configs / "arena_test.yaml").write_text("prompts: -1\nnonsense: true\n")
    chosen = catalog.choose("arena_test")
    assert chosen.experiment is None
    assert "nonsense" in str(chosen.reason)
    assert loads.roles_of(chosen) == catalog.Roles(
        "P0", ("pi_clone", "pi_cooler", "pi_concise", "pi_bad"), ("pi_clone",)
    )
    (place.data / "arena_test" / "ablation_results.parquet").unlink()  # which says whose results they are
    assert loads.roles_of(chosen) == catalog.Roles(
        "P0", ("pi_bad", "pi_clone", "pi_concise", "pi_cooler"), ("pi_clone",)
    )


def test_data_are_looked_for_where_the_environment_keeps_them(place, monkeypatch):
    shutil.copytree(place.data / "arena_test", place.data / "renamed")
    assert catalog.names() == ["arena_test", "renamed"]
    assert catalog.has_data("arena_test")
    assert catalog.has_data("renamed")
    monkeypatch.setenv("ARENA_STORAGE", f"memory://{place.data.name}")
    assert catalog.names() == ["arena_test"]
    assert not catalog.has_data("arena_test")
    store = catalog.choose("elsewhere").store
    store.write("prompts", place.store().read("prompts", "0000"), fingerprint="x", partition="0000")
    assert catalog.names() == ["arena_test", "elsewhere"]
    assert catalog.has_data("elsewhere")
    (place.configs / "arena_test.yaml").open("a").write(f"storage: {place.data}\n")
    assert catalog.has_data("arena_test")


def test_a_partial_run_is_shown_with_what_there_is(empty):
    experiment, store = empty.experiment(), empty.store()
    write_experiment(experiment, store, partitions=["0000"], assets=("prompts", "responses"), with_results=False)
    states = status(catalog.choose("arena_test")).partitions.set_index(["asset", "partition"])["state"]
    assert states["prompts", "0000"] == "done"
    assert states["prompts", "0001"] == "missing"
    assert states["judge_scores", "0000"] == "missing"


def test_the_cache_holds_no_more_than_its_bytes_and_drops_the_oldest():
    frame = pd.DataFrame({"x": [0.0] * 1000})
    cache = ByteCache(limit=3 * size_of(frame))
    made = []

    def make(name: str) -> pd.DataFrame:
        made.append(name)
        return frame.copy()

    for name in ("a", "b", "c", "a", "d"):
        cache.get(name, partial(make, name))
    assert cache.held <= 3 * size_of(frame)
    cache.get("a", lambda: make("a"))
    assert made == ["a", "b", "c", "d"]
    cache.get("b", lambda: make("b"))
    assert made[-1] == "b"


def test_an_error_is_not_kept_by_the_cache():
    cache = ByteCache()

    def fail() -> int:
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        cache.get("key", fail)
    assert cache.get("key", lambda: 1) == 1

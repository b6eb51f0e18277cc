"""A real webserver and daemon run a backfill of the real model: one partition is refused, the others reach the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena_assets.config import load_experiment
from arena_assets.storage import Store
from tests.made_up.frames import BATCH_ASSETS
from tests.system import servers
from tests.system.experiments import FAULTY_PARTITION, write_experiment

pytestmark = [pytest.mark.model, pytest.mark.server]

GOOD = ["0000", "0002"]


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Store]]:
    folder = tmp_path_factory.mktemp("backfill")
    write_experiment(folder / "configs", prompts=6, batch_size=2)
    (folder / "configs" / "broken.yaml").write_text("seed: [\n", encoding="utf-8")
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((servers.ROOT / "dagster_home" / "dagster.yaml").read_bytes())
    environment = {
        "ARENA_CONFIGS": str(folder / "configs"),
        "ARENA_STORAGE": str(folder / "data"),
        "DAGSTER_HOME": str(home),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARENA_CONFIGS", environment["ARENA_CONFIGS"])
        store = Store.of(load_experiment("small"), environment["ARENA_STORAGE"])
        with servers.dagster_servers("tests.system.faulty_definitions", environment, folder) as url:
            assert servers.launch_run(url, [["small", "arena_corpus"]]) == "SUCCESS"
            assets = [["small", name] for name in BATCH_ASSETS]
            status = servers.backfill(url, assets, [*GOOD, FAULTY_PARTITION])
            yield url, status, store


def statuses(url: str, asset: str) -> dict[str, list[str]]:
    node = servers.ask(url, servers.ASSET, k={"path": ["small", asset]})["assetNodeOrError"]
    return dict(node["assetPartitionStatuses"])


def check(url: str, partition: str) -> dict[str, object]:
    found = servers.ask(url, servers.CHECK, k={"path": ["small", "logprobs"]}, n="clone_weights_are_one", p=partition)[
        "assetCheckExecutions"
    ]
    return dict(found[0]["evaluation"])


def test_the_refused_partition_is_red_and_leaves_no_file(backfilled) -> None:
    url, status, store = backfilled
    assert status == "COMPLETED_FAILED"
    assert statuses(url, "logprobs") == {"materializedPartitions": GOOD, "failedPartitions": [FAULTY_PARTITION]}
    assert store.partitions("logprobs") == GOOD


def test_its_check_says_what_is_wrong_for_that_partition_only(backfilled) -> None:
    url, _, store = backfilled
    assert check(url, GOOD[0])["success"] is True
    refused = check(url, FAULTY_PARTITION)
    assert refused["success"] is False
    assert "1 of 2 weights of a clone of P0 are not 1" in str(refused["description"])
    assert "is 0.606531" in str(refused["description"])  # exp(-0.5)
    stored = {finding["name"]: finding["passed"] for finding in store.read_run("logprobs", FAULTY_PARTITION).findings}
    assert stored["clone_weights_are_one"] is False
    assert stored["precomputed_sampler_fields"] is True


def test_the_other_partitions_are_finished(backfilled) -> None:
    url, _, _ = backfilled
    for asset in ("judge_scores", "oracle_labels"):
        assert set(GOOD) <= set(statuses(url, asset)["materializedPartitions"])


def test_the_analysis_uses_what_holds_and_names_what_does_not(backfilled) -> None:
    url, _, store = backfilled
    tampered = store.read("logprobs", GOOD[1])
    tampered["target_logps"] = [row | {"pi_clone": row["pi_clone"] - 0.1} for row in tampered["target_logps"]]
    notes = store.notes("logprobs", GOOD[1])
    original = store.path("logprobs", GOOD[1]).read_bytes()
    store.write("logprobs", tampered, fingerprint=notes["fingerprint"], partition=GOOD[1])
    try:
        assert servers.launch_run(url, [["small", "ablation_results"]]) == "SUCCESS"
    finally:
        Path(store.path("logprobs", GOOD[1]).path).write_bytes(original)
    node = servers.ask(url, servers.ASSET, k={"path": ["small", "ablation_results"]})["assetNodeOrError"]
    entries = {entry["label"]: entry.get("text") for entry in node["assetMaterializations"][0]["metadataEntries"]}
    rests_on = str(entries["rests on"])
    assert rests_on.startswith("1 partitions analysed, 2 left out: 0001: logprobs/0001 was refused")
    assert "0002: logprobs breaks" in rests_on
    assert "clone_weights_are_one" in rests_on
    assert json.dumps(rests_on)[1:30] in json.dumps(store.notes("ablation_results")["rests_on"])


def test_a_broken_experiment_file_is_shown_beside_the_others(backfilled) -> None:
    url, _, _ = backfilled
    node = servers.ask(url, servers.ASSET, k={"path": ["broken", "configuration_error"]})["assetNodeOrError"]
    assert "broken.yaml is no valid YAML" in node["description"]

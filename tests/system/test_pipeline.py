"""The whole path on the real model: exact weights, equal bytes whatever the batches, resumption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from arena_assets.config import Experiment, load_experiment
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.rules.logprobs import log_ratios
from arena_assets.storage import Store
from arena_assets.tables import TABLES
from tests.made_up.frames import BATCH_ASSETS
from tests.system.experiments import write_experiment

pytestmark = pytest.mark.model


def materialise(experiment: Experiment, base: Path) -> Store:
    """Every asset of every partition, in order; the store that holds them."""
    assets = build_assets(experiment)
    resources = {"storage": ArenaStorage(base=str(base)), "models": LocalModels(), "progress": ProgressReports()}
    with dg.DagsterInstance.ephemeral() as instance:

        def run(names: list[str], partition: str | None) -> None:
            keys = [dg.AssetKey([experiment.name, name]) for name in names]
            dg.materialize(assets, selection=keys, partition_key=partition, instance=instance, resources=resources)

        run(["arena_corpus"], None)
        for partition in experiment.partitions:
            run(list(BATCH_ASSETS), partition)
        run(["ablation_results"], None)
    return Store.of(experiment, str(base))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Experiment, Store]]]:
    """The same experiment three times: twice as it is, once in batches of another size."""
    folder = tmp_path_factory.mktemp("pipeline")
    write_experiment(folder / "configs")
    write_experiment(folder / "configs", "wide", batch_size=6)
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARENA_CONFIGS", str(folder / "configs"))
        for name, experiment in (("first", "small"), ("second", "small"), ("wide", "wide")):
            loaded = load_experiment(experiment)
            made[name] = (loaded, materialise(loaded, folder / name))
        yield made


def whole(entry: tuple[Experiment, Store], asset: str) -> pd.DataFrame:
    experiment, store = entry
    parts = [store.read(asset, partition) for partition in experiment.partitions]
    return pd.concat(parts).sort_values(list(TABLES[asset].key), ignore_index=True)


def test_clone_weights_are_one_and_replay_equals_sampling_to_the_last_bit(stores) -> None:
    experiment, _ = stores["first"]
    logprobs, responses = whole(stores["first"], "logprobs"), whole(stores["first"], "responses")
    assert len(logprobs) == 6
    assert (log_ratios(logprobs, ("pi_clone",)) == 0.0).all(axis=None)
    own = responses[responses["policy"] == experiment.logging_policy.name].set_index("prompt_id")
    sampled = own["sampling_logprob"].reindex(logprobs["prompt_id"]).to_numpy()
    np.testing.assert_array_equal(logprobs["total_logprob"].to_numpy(), sampled)
    # The other policies differ, so equality is no artefact of scoring everything the same way.
    assert (log_ratios(logprobs, ("pi_cooler", "pi_bad")) != 0.0).all(axis=None)


def test_clone_draws_its_own_responses(stores) -> None:
    responses = whole(stores["first"], "responses").pivot(index="prompt_id", columns="policy", values="response")
    assert (responses["p0"] != responses["pi_clone"]).any()


@pytest.mark.parametrize("asset", BATCH_ASSETS)
def test_two_runs_from_scratch_write_the_same_bytes(stores, asset: str) -> None:
    experiment, first = stores["first"]
    _, second = stores["second"]
    for partition in experiment.partitions:
        assert first.path(asset, partition).read_bytes() == second.path(asset, partition).read_bytes()


@pytest.mark.parametrize("asset", BATCH_ASSETS)
def test_another_batch_size_gives_the_same_data(stores, asset: str) -> None:
    pd.testing.assert_frame_equal(whole(stores["first"], asset), whole(stores["wide"], asset), check_exact=True)


def test_results_differ_in_timing_columns_only(stores) -> None:
    tables = [stores[name][1].read("ablation_results").drop(columns="seconds") for name in ("first", "second", "wide")]
    assert len(tables[0]) > 0
    for other in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], other, check_exact=True)


def test_every_column_of_every_file_states_its_meaning(stores) -> None:
    experiment, store = stores["first"]
    for asset in BATCH_ASSETS:
        schema = pq.read_schema(str(store.path(asset, experiment.partitions[0])))
        assert all(field.metadata and field.metadata[b"meaning"] for field in schema)


def test_interrupted_generation_goes_on_from_the_journal(stores, tmp_path: Path) -> None:
    experiment, store = stores["first"]
    partition = experiment.partitions[0]
    items = (store.journal_path("responses", partition) / "items.jsonl").read_bytes().splitlines(keepends=True)
    assert len(items) == 15
    other = Store.of(experiment, str(tmp_path))
    for asset, part in (("arena_corpus", None), ("prompts", partition)):
        target = Path(other.path(asset, part).path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(store.path(asset, part).read_bytes())
    journal = Path(other.journal_path("responses", partition).path) / "items.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"".join(items[:9]) + items[9][:20])  # killed in the middle of a write
    result = dg.materialize(
        build_assets(experiment),
        selection=[dg.AssetKey([experiment.name, "responses"])],
        partition_key=partition,
        instance=dg.DagsterInstance.ephemeral(),
        resources={"storage": ArenaStorage(base=str(tmp_path)), "models": LocalModels(), "progress": ProgressReports()},
    )
    metadata: Any = result.asset_materializations_for_node(f"{experiment.name}__responses")[0].metadata
    assert metadata["finished in this run"].value == 6
    effort = other.read_run("responses", partition).effort
    assert effort is not None
    assert effort.items == 6
    assert effort.seconds == metadata["seconds"].value > 0
    assert other.path("responses", partition).read_bytes() == store.path("responses", partition).read_bytes()

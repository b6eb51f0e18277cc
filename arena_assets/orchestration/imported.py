"""The assets of an imported experiment: each partition is cut from the import, and its rules are applied as ever."""

from typing import Any

import dagster as dg
import pandas as pd

from arena_assets.config import Experiment
from arena_assets.corpus import sample_batch
from arena_assets.errors import ArenaError
from arena_assets.exchange.importing import staged
from arena_assets.orchestration.checked_write import Yields, check_specs, failure, finish
from arena_assets.orchestration.resources import ArenaStorage
from arena_assets.pipeline import BATCH
from arena_assets.rules import Batch
from arena_assets.storage import Store

# What the rules of each asset read beside its own table.
UPSTREAM: dict[str, tuple[str, ...]] = {
    "prompts": (),
    "responses": ("prompts",),
    "logprobs": ("prompts", "responses"),
    "judge_scores": ("prompts", "responses"),
    "oracle_labels": ("prompts", "responses"),
}


def imported_assets(experiment: Experiment, partitions: dg.StaticPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The partitioned assets of an imported experiment; they need no model and no key."""
    return [_asset(experiment, name, partitions) for name in (step.name for step in BATCH)]


def _asset(experiment: Experiment, name: str, partitions: dg.StaticPartitionsDefinition) -> dg.AssetsDefinition:
    key = dg.AssetKey([experiment.name, name])
    options: dict[str, Any] = {
        "key": key,
        "deps": [dg.AssetKey([experiment.name, dep]) for dep in ("arena_corpus", *UPSTREAM[name])],
        "group_name": experiment.name,
        "partitions_def": partitions,
        "check_specs": check_specs(key, partitions, imported=True),
        "code_version": experiment.code_version(name),
    }

    @dg.asset(  # type: ignore[untyped-decorator]
        **options, description=f"The {name.replace('_', ' ')} of one batch of the import."
    )
    def imported_asset(context: dg.AssetExecutionContext, storage: ArenaStorage) -> Yields:
        store, partition = storage.store(experiment), context.partition_key
        try:
            prompts = sample_batch(store.read_current(experiment, "arena_corpus"), experiment, partition)
            table = prompts if name == "prompts" else _cut(experiment, store, name, prompts)
            read = {dep: store.read_current(experiment, dep, partition) for dep in UPSTREAM[name]}
        except ArenaError as error:
            raise failure(error) from error
        yield from finish(context, store, Batch(experiment, name, table, partition, read), {"imported": True})

    asset: dg.AssetsDefinition = imported_asset
    return asset


def _cut(experiment: Experiment, store: Store, name: str, prompts: pd.DataFrame) -> pd.DataFrame:
    whole = staged(experiment, store, name)
    return whole[whole["prompt_id"].isin(prompts["prompt_id"])].reset_index(drop=True)

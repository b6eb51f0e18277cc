"""Batches of simulated work for the benchmark: each sleeps, as long as the environment says, and holds a llama slot."""

from __future__ import annotations

import os
import time
from typing import Any

import dagster as dg

from arena_assets.orchestration.cluster.placement import LLAMA, step_tags

BATCHES = dg.StaticPartitionsDefinition([f"{number:04d}" for number in range(8)])


@dg.asset(partitions_def=BATCHES, pool=LLAMA, op_tags=step_tags(n_gpu_layers=0))
def sleeping_batch() -> dg.MaterializeResult[Any]:
    """One batch; its metadata say when the work began and ended, seconds since 1970."""
    began = time.time()
    time.sleep(float(os.environ["ARENA_BENCHMARK_SECONDS"]))
    metadata: dict[str, Any] = {"worker": os.environ.get("ARENA_WORKER", ""), "began": began, "ended": time.time()}
    return dg.MaterializeResult(metadata=metadata)


defs = dg.Definitions(assets=[sleeping_batch], executor=dg.in_process_executor)

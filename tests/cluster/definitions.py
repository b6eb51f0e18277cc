"""The code location of the scene: the faulty one of the system tests, and an asset that says where it ran.

For the servers' and the runs' processes only: importing it changes the scorer of the process that does.
"""

from __future__ import annotations

import os
from typing import Any

import dagster as dg

from arena_assets.orchestration.cluster.placement import LLAMA, step_tags
from tests.system import faulty_definitions


@dg.asset(pool=LLAMA, op_tags=step_tags(n_gpu_layers=-1))
def gpu_probe() -> dg.MaterializeResult[Any]:
    """Tagged as the assets of an experiment with n_gpu_layers: -1 are."""
    return dg.MaterializeResult(
        metadata={
            "worker": os.environ.get("ARENA_WORKER", ""),
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", "unset"),
        }
    )


defs = dg.Definitions.merge(faulty_definitions.defs, dg.Definitions(assets=[gpu_probe]))

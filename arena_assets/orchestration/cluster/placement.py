"""What a step asks of the machine that runs it, and how Ray and Kubernetes are told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# The pool of the steps that use llama.cpp, and the Ray resource of which a machine offers one for each run at a time.
LLAMA = "llama"
# A step's tag: how many GPUs it needs.
GPUS_TAG = "arena/gpus"
RAY_TAG = "dagster-ray/config"
K8S_TAG = "dagster-k8s/config"


@dataclass(frozen=True)
class Request:
    """What one run needs of its machine: slots of llama.cpp and GPUs, each 0 or more."""

    llama: int = 0
    gpus: int = 0


def step_tags(n_gpu_layers: int) -> dict[str, str]:
    """Tags of a step that uses llama.cpp: one GPU where layers go to it."""
    return {GPUS_TAG: "1"} if n_gpu_layers else {}


def request_of(steps: Iterable[tuple[str | None, Mapping[str, str]]]) -> Request:
    """The request of a run with these steps (pool, tags), which run one after the other: the most that one asks."""
    llama, gpus = 0, 0
    for pool, tags in steps:
        llama = max(llama, int(pool == LLAMA))
        gpus = max(gpus, int(tags.get(GPUS_TAG, "0")))
    return Request(llama, gpus)


def run_tags(request: Request, present: Mapping[str, str]) -> dict[str, str]:
    """Tags by which Ray and Kubernetes place a run; none that is `present`, since whoever launched it chose.

    A run without llama.cpp (the corpus, the analysis) asks for nothing: else it would wait in Ray for a machine's slot
    until its start times out, while batches of hours hold them all.
    """
    ray: dict[str, object] = {}
    if request.gpus:
        ray["num_gpus"] = request.gpus
    if request.llama:
        ray["resources"] = {LLAMA: request.llama}
    tags = {RAY_TAG: json.dumps(ray)} if ray else {}
    if request.gpus:
        limits = {"limits": {"nvidia.com/gpu": str(request.gpus)}}
        tags[K8S_TAG] = json.dumps({"container_config": {"resources": limits}})
    return {key: value for key, value in tags.items() if key not in present}

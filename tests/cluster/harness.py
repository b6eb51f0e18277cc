"""A whole pretend cluster on loopback: Postgres, object storage, a Ray head and workers, Dagster's servers."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from tests.cluster import nodes, services
from tests.system import servers

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Cluster:
    """A running cluster: its folder, the environment of its machines, the URL of Dagster's webserver."""

    folder: Path
    environment: dict[str, str]
    url: str = ""
    started: dict[str, float] = field(default_factory=dict)

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(self.environment["DAGSTER_HOME"])


@contextmanager
def cluster(
    folder: Path, module: str, workers: dict[str, int], environment: dict[str, str], *, gpus: int = 0
) -> Iterator[Cluster]:
    """Start everything, one after the other: two Ray nodes at once time out on two cores.

    workers: llama slots by name. gpus: how many GPUs the last worker says it has. Call it within a namespace.
    """
    began = time.monotonic()
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((ROOT / "dagster_home" / "cluster" / "dagster.yaml").read_bytes())
    with ExitStack() as stack:
        shared = stack.enter_context(services.postgres(folder)) | stack.enter_context(services.object_storage(folder))
        # As after `source .venv/bin/activate`: a run begins as the command `dagster` of its machine's PATH.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "PATH": path}
        made = Cluster(folder, shared | own | environment)
        os.environ.update(made.environment)
        made.started["services"] = time.monotonic() - began
        # Before it starts: what began of it must go, too. `ray stop` would take every Ray of the host.
        stack.callback(nodes.kill, "head")
        nodes.start_head(folder, made.environment)
        made.started["head"] = time.monotonic() - began
        for number, (name, slots) in enumerate(workers.items(), 3):
            stack.callback(nodes.kill, name)
            declared = gpus if name == list(workers)[-1] else 0
            nodes.start_worker(name, number, made.environment, folder, gpus=declared, slots=slots)
            made.started[name] = time.monotonic() - began
        with made.instance() as instance:
            instance.event_log_storage.set_concurrency_slots("llama", sum(workers.values()))
        made.url = stack.enter_context(servers.dagster_servers(module, made.environment, folder))
        made.started["servers"] = time.monotonic() - began
        yield made

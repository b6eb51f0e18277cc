"""`arena cluster check`: can the cluster do the job? Said before anything is spent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from arena_assets.config import Experiment, experiment_names, load_experiment
from arena_assets.errors import ClusterError, StorageError
from arena_assets.orchestration.cluster.check import Instance, Need, Problem, blocking, problems
from arena_assets.orchestration.cluster.machine_report import MachineReport, Question, answer, probe
from arena_assets.orchestration.cluster.nodes import Node, alive_nodes, ask
from arena_assets.orchestration.cluster.placement import LLAMA
from arena_assets.storage import Store, is_local, write_bytes

_SECONDS = 180.0


def check(names: list[str]) -> int:
    """Print the cluster's machines and every problem; 0 where it can do the job of these experiments, else 1.

    Raises:
        ClusterError: no head answers, or DAGSTER_HOME is no cluster's. ConfigError: an experiment is broken.
    """
    experiments = [load_experiment(name) for name in names or experiment_names()]
    experiments = [experiment for experiment in experiments if experiment.model_files]
    # Its configuration alone: opening the instance would already need Postgres.
    reference = InstanceRef.from_dir(os.environ["DAGSTER_HOME"])
    address = getattr(reference.run_launcher, "address", None)
    if address is None:
        raise ClusterError(
            f"DAGSTER_HOME ({os.environ['DAGSTER_HOME']}) launches runs by {type(reference.run_launcher).__name__}, on "
            "this machine alone; set it to dagster_home/cluster, or leave this check to those who have a cluster"
        )
    nodes = alive_nodes(address)
    storage = {experiment.name: str(Store.of(experiment).root) for experiment in experiments}
    question = _question(reference, experiments, storage)
    with _signs(storage, question.token):
        head = answer(question)
        if head.history:
            raise ClusterError(
                f"the head itself cannot reach Dagster's history ({head.history}); start Postgres, and export "
                "ARENA_PG_HOST and ARENA_PG_PASSWORD"
            )
        answers = ask(address, nodes, question, _SECONDS)
    with dg.DagsterInstance.from_ref(reference) as instance:
        found = problems(_instance(instance), nodes, head, answers, _need(experiments))
    found += [_local(name, root) for name, root in storage.items() if is_local(Store(root).root)]
    _show(nodes, answers, found)
    return 1 if blocking(found) else 0


def _question(reference: InstanceRef, experiments: list[Experiment], storage: dict[str, str]) -> Question:
    from dagster_shared.serdes import serialize_value

    models: dict[str, dict[str, Any]] = {}
    keys: set[str | None] = set()
    for experiment in experiments:
        for name in experiment.policies_by_model:
            models[name] = experiment.models[name].model_dump(mode="json")
        scorers = [experiment.judge, *([experiment.oracle] if experiment.oracle.enabled else [])]
        keys |= {getattr(scorer, "api_key_env", None) for scorer in scorers}
    named = tuple(sorted(key for key in keys if key))
    return Question(serialize_value(reference), storage, models, named, uuid4().hex)


def _need(experiments: list[Experiment]) -> Need:
    checksums = {
        name: experiment.models[name].sha256 for experiment in experiments for name in experiment.policies_by_model
    }
    return Need(any(experiment.engine.n_gpu_layers for experiment in experiments), checksums)


def _instance(instance: dg.DagsterInstance) -> Instance:
    limits = {info.name: info.limit for info in instance.event_log_storage.get_pool_limits()}
    default = instance.get_concurrency_config().pool_config.default_pool_limit
    return Instance(
        launcher=type(instance.run_launcher).__name__,
        coordinator=type(instance.run_coordinator).__name__,
        history=type(instance.run_storage).__name__,
        monitoring=instance.run_monitoring_enabled,
        retries=instance.run_retries_enabled,
        pool_limit=limits.get(LLAMA, default if default is not None else 0),
    )


@contextlib.contextmanager
def _signs(storage: dict[str, str], token: str) -> Iterator[None]:
    """The head's sign in each experiment's data while the machines are asked; every sign is removed in the end."""
    for root in storage.values():
        write_bytes(probe(root, token, "head"), token.encode())
    try:
        yield
    finally:
        for root in storage.values():
            folder = probe(root, token, "head").parent
            try:
                for sign in list(folder.iterdir()):
                    if sign.name.startswith(token):
                        sign.unlink()
            except OSError as error:
                raise StorageError(f"the signs of the check cannot be removed from {folder}: {error}") from error


def _local(name: str, root: str) -> Problem:
    remedy = "set ARENA_STORAGE to object storage (s3://bucket/arena), unless this path is one shared disk everywhere"
    return Problem(name, f"its data lies at {root}, a path of each machine's own", remedy, blocking=False)


def _show(nodes: list[Node], answers: dict[str, MachineReport | str], found: list[Problem]) -> None:
    print(f"{'node':<16}{'llama':>6}{'GPUs':>6}  {'worker':<16}{'python':<9}{'ray':<9}{'llama-cpp':<10}  cpu")
    for node in nodes:
        line = f"{node.ip:<16}{node.slots:>6}{node.gpus:>6}  "
        own = answers[node.ip]
        if isinstance(own, MachineReport):
            versions = f"{own.versions['ray']:<9}{own.versions['llama-cpp-python']:<10}"
            line += f"{own.worker:<16}{own.python:<9}{versions}  {own.cpu}"
        print(line + (" (head)" if node.is_head else ""))
    for problem in found:
        print(f"{'PROBLEM' if problem.blocking else 'note'}  {problem}")
    bad = blocking(found)
    print(f"{len(bad)} problems: the cluster cannot do the job yet" if bad else "the cluster can do the job")

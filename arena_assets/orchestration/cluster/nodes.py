"""Asking a cluster: its nodes by Ray's state interface, each machine by a job that is placed on it."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from arena_assets.errors import ClusterError
from arena_assets.orchestration.cluster.machine_report import MARK, MachineReport, Question
from arena_assets.orchestration.cluster.placement import LLAMA

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_POLL_S = 0.5


@dataclass(frozen=True)
class Node:
    """A Ray node that is alive: its address, whether it is the head, and what it offers."""

    ip: str
    is_head: bool
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        return int(self.resources.get(LLAMA, 0))

    @property
    def gpus(self) -> int:
        return int(self.resources.get("GPU", 0))


def alive_nodes(address: str) -> list[Node]:
    """The nodes of the cluster whose head's job interface is at `address`, the head first.

    Raises:
        ClusterError: Ray is not installed, or nobody answers there.
    """
    try:
        import requests
        from ray.util.state import list_nodes
        from ray.util.state.exception import RayStateApiException
    except ImportError as error:
        raise ClusterError(f"{error}: install the extra of the cluster, pip install -e '.[cluster]'") from error
    try:
        found = list_nodes(address=address, limit=10_000, detail=True)
    except (RayStateApiException, ConnectionError, RuntimeError, requests.RequestException) as error:
        raise ClusterError(
            f"no Ray head answers at {address} ({str(error).splitlines()[0]}); start it there with `ray start --head`, "
            "or correct run_launcher.config.ray.address in dagster.yaml"
        ) from error
    nodes = [
        Node(str(node.node_ip), bool(node.is_head_node), dict(node.resources_total or {}))
        for node in found
        if node.state == "ALIVE"
    ]
    return sorted(nodes, key=lambda node: (not node.is_head, node.ip))


def ask(address: str, nodes: Sequence[Node], question: Question, timeout: float) -> dict[str, MachineReport | str]:
    """Each node's report by its address, or the text of what kept it from answering, within `timeout` seconds."""
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(address)
    module = "arena_assets.orchestration.cluster.machine_report"
    entrypoint = f"python -m {module} {shlex.quote(json.dumps(asdict(question)))}"
    jobs = {
        node.ip: client.submit_job(
            entrypoint=entrypoint,
            entrypoint_num_cpus=0,
            entrypoint_resources={f"node:{node.ip}": 0.001},  # Ray's own resource of each node: it pins the job there
        )
        for node in nodes
    }
    deadline = time.monotonic() + timeout
    answers: dict[str, MachineReport | str] = {}
    while len(answers) < len(jobs):
        late = time.monotonic() > deadline
        for ip, job in jobs.items():
            if ip not in answers and (client.get_job_status(job).is_terminal() or late):
                answers[ip] = _read(client, job, timeout if late else None)
        time.sleep(_POLL_S)
    return answers


def _read(client: JobSubmissionClient, job: str, timeout: float | None) -> MachineReport | str:
    """What a job printed, or why it printed nothing."""
    info = client.get_job_info(job)
    try:
        log = client.get_job_logs(job)
    except RuntimeError as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        unread = f"its job is {info.status}, and the log cannot be fetched from there: {first[:300]}"
        # Of a job that failed the head keeps the last lines itself.
        kept = _lines(str(info.message)) if info.status == "FAILED" else []
        return f"{kept[-1]}; {unread}" if kept else unread
    for line in log.splitlines():
        if line.startswith(MARK):
            return MachineReport(**json.loads(line.removeprefix(MARK)))
    if timeout is not None and not info.status.is_terminal():
        client.stop_job(job)
        return f"no answer within {timeout:.0f} s"
    tail = _lines(log)
    return tail[-1] if tail else _lines(str(info.message))[0]


def _lines(text: str) -> list[str]:
    """What a job said: its lines without blank ones and Ray's own announcement."""
    return [line for line in text.splitlines() if line.strip() and "Running entrypoint" not in line]

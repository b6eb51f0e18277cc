"""A real webserver and daemon for a test, and their GraphQL."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import dagster as dg

from arena_assets.orchestration.recovery import prepare

ROOT = Path(__file__).resolve().parents[2]

LAUNCH = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
POLL = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status error { message } } } }"""
LAUNCH_RUN = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RUN = """query($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status } } }"""
LOGS = """query($id: ID!, $after: String) { logsForRun(runId: $id, afterCursor: $after) { ... on EventConnection {
  cursor hasMore events { __typename ... on MessageEvent { message } } } } }"""
ASSET = """query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode { description
  assetPartitionStatuses { ... on DefaultPartitionStatuses { materializedPartitions failedPartitions } }
  assetMaterializations(limit: 5) { metadataEntries { label ... on TextMetadataEntry { text } } } } } }"""
CHECK = """query($k: AssetKeyInput!, $n: String!, $p: String) { assetCheckExecutions(
  assetKey: $k, checkName: $n, partition: $p, limit: 1) { status evaluation { success description } } }"""
FINISHED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "COMPLETED", "FAILED", "CANCELED"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def dagster_servers(module: str | None, environment: dict[str, str], logs: Path) -> Iterator[str]:
    """Webserver and daemon over a code location, None for that of workspace.yaml; yields the URL, stops both after."""
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        prepare(instance)
    url = f"http://127.0.0.1:{free_port()}"
    port = url.rpartition(":")[2]
    code = ["-w", str(ROOT / "workspace.yaml")] if module is None else ["-m", module]
    commands = {
        "webserver": ["-m", "dagster_webserver", "-h", "127.0.0.1", "-p", port, *code],
        "daemon": ["-m", "dagster._daemon", "run", *code],
    }
    with contextlib.ExitStack() as stack:
        for name, arguments in commands.items():
            log = stack.enter_context((logs / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=os.environ | environment | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            stack.callback(_stop, process)
        _wait_for(url + "/server_info", logs)
        yield url


def ask(url: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    try:
        with urlopen(Request(url + "/graphql", body, {"Content-Type": "application/json"}), timeout=60) as answer:
            return json.load(answer)["data"]
    except HTTPError as error:
        raise RuntimeError(error.read().decode()) from error


def backfill(url: str, assets: list[list[str]], partitions: list[str], timeout: float = 400, every: float = 1) -> str:
    """Launch a backfill and wait for its end, asking `every` so many seconds; returns its status."""
    launched = launch_backfill(url, assets, partitions)
    return _until(lambda: backfill_status(url, launched), FINISHED, timeout, every)


def launch_backfill(url: str, assets: list[list[str]], partitions: list[str]) -> str:
    """Launch a backfill; returns its id."""
    params = {"assetSelection": [{"path": path} for path in assets], "partitionNames": partitions}
    launched = ask(url, LAUNCH, p=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return str(launched["backfillId"])


def backfill_status(url: str, backfill_id: str) -> str:
    return str(ask(url, POLL, id=backfill_id)["partitionBackfillOrError"]["status"])


def launch_run(url: str, assets: list[list[str]], partition: str | None = None, timeout: float = 120) -> str:
    """Launch one run of assets and wait for its end; returns its status."""
    return wait_for_run(url, start_run(url, assets, partition), timeout)


def start_run(url: str, assets: list[list[str]], partition: str | None = None) -> str:
    """Launch one run of assets; returns its id."""
    selector = {
        "repositoryLocationName": _location(url),
        "repositoryName": "__repository__",
        "pipelineName": "__ASSET_JOB",
        "assetSelection": [{"path": path} for path in assets],
    }
    tags = [{"key": "dagster/partition", "value": partition}] if partition else []
    params = {"selector": selector, "mode": "default", "runConfigData": {}, "executionMetadata": {"tags": tags}}
    launched = ask(url, LAUNCH_RUN, p=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def wait_for_run(url: str, run_id: str, timeout: float = 120) -> str:
    """The status in which a run ended."""
    return _until(
        lambda: str(ask(url, RUN, id=run_id)["runOrError"]["status"]), {"SUCCESS", "FAILURE", "CANCELED"}, timeout
    )


def log_of(url: str, run_id: str) -> list[str]:
    """The messages of a run as the UI shows them: Dagster's own events and what the assets logged."""
    messages: list[str] = []
    cursor: str | None = None
    while True:
        page = ask(url, LOGS, id=run_id, after=cursor)["logsForRun"]
        messages += [f"{event['__typename']}: {event['message']}" for event in page["events"]]
        if not page["hasMore"]:
            return messages
        cursor = page["cursor"]


def _location(url: str) -> str:
    answer = ask(url, "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }")
    return str(answer["repositoriesOrError"]["nodes"][0]["location"]["name"])


def _until(status: Any, finished: set[str], timeout: float, every: float = 1) -> str:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if (state := status()) in finished:
            return str(state)
        time.sleep(every)
    raise TimeoutError(f"still {status()} after {timeout} s")


def _wait_for(url: str, logs: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    texts = "\n".join(log.read_text(errors="replace")[-2000:] for log in logs.glob("*.log"))
    raise TimeoutError(f"{url} did not answer; logs: {texts}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

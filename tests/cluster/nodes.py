"""Pretend machines: Ray nodes on addresses of loopback, each a process tree with a mark in its environment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

HEAD = "127.0.0.2"
DASHBOARD = "http://127.0.0.1:8265"
_RAY = str(Path(sys.executable).with_name("ray"))
_RUN = re.compile(rb'"pipeline_run_id": "([0-9a-f-]+)"')
# Small, so that several nodes fit one machine: nothing here passes objects through Ray, and each node's log monitor
# would read the logs of all, since they share a session's folder.
_SMALL = ["--object-store-memory=100000000", "--disable-usage-stats", "--num-cpus=1", "--include-log-monitor=False"]


def start_head(folder: Path, environment: Mapping[str, str]) -> None:
    """The head, which only leads: it has no llama slot."""
    where = [f"--node-ip-address={HEAD}", "--port=6379", "--dashboard-host=127.0.0.1", f"--temp-dir={folder / 'ray'}"]
    own = dict(environment) | {"ARENA_WORKER": "head"}
    _ray(["start", "--head", *where, *_SMALL], own, "head", folder)


def start_worker(
    name: str, number: int, environment: Mapping[str, str], folder: Path, *, gpus: int = 0, slots: int = 1
) -> None:
    """A worker on 127.0.0.<number>, with llama slots, a lock of its own, and as many GPUs as it says it has."""
    own = {"ARENA_LLAMA_LOCK": str(folder / f"{name}.lock"), "ARENA_WORKER": name}
    # One host has one agent's port; real machines keep the default. Below the ports that the kernel hands out: one of
    # those may be taken by any connection, and the node then has no agent to ask for logs.
    port = f"--dashboard-agent-listen-port={31_000 + number}"
    resources = f"--resources={json.dumps({'llama': slots})}"
    where = [f"--address={HEAD}:6379", f"--node-ip-address=127.0.0.{number}", f"--num-gpus={gpus}", resources, port]
    _ray(["start", *where, *_SMALL], dict(environment) | own, name, folder)


def _ray(arguments: list[str], environment: Mapping[str, str], name: str, folder: Path) -> None:
    log = folder / f"ray-{name}.log"
    with log.open("wb") as file:
        done = subprocess.run(
            [_RAY, *arguments],
            env=os.environ | dict(environment) | {"RAY_DISABLE_IMPORT_WARNING": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"ray {' '.join(arguments)}: {log.read_text(errors='replace')[-3000:]}")


def kill(name: str) -> int:
    """`kill -9` every process of a machine at once; returns how many there were."""
    pids = processes(name)
    for pid in pids:
        with suppress(ProcessLookupError):  # its parent's end took it along
            os.kill(pid, signal.SIGKILL)
    return len(pids)


def processes(name: str) -> list[int]:
    """Ids of the processes whose environment says that they are of this machine."""
    mark = f"ARENA_WORKER={name}".encode()
    return [pid for pid in _pids() if mark in _read(pid, "environ").split(b"\0")]


def running() -> dict[str, set[str]]:
    """Ids of the Dagster runs that each machine executes at this moment, from the processes alone."""
    found: dict[str, set[str]] = {}
    for pid in _pids():
        command = _read(pid, "cmdline")
        run = _RUN.search(command)
        if run is None or b"execute_run" not in command:
            continue
        marks = [entry[13:] for entry in _read(pid, "environ").split(b"\0") if entry.startswith(b"ARENA_WORKER=")]
        if marks:
            found.setdefault(marks[0].decode(), set()).add(run[1].decode())
    return found


def _pids() -> Sequence[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # it ended just now

"""Pretend machines: Ray nodes on addresses of loopback, each a process tree that is known by a mark in its environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HEAD = "127.0.0.2"
DASHBOARD = "http://127.0.0.1:8265"
_RAY = str(Path(sys.executable).with_name("ray"))
# Small, so that several nodes fit one machine's memory: nothing here passes objects through Ray.
_SMALL = ["--object-store-memory=100000000", "--disable-usage-stats", "--num-cpus=1"]


def start_head(folder: Path, environment: Mapping[str, str]) -> None:
    """The head, which only leads: it has no llama slot."""
    where = [f"--node-ip-address={HEAD}", "--port=6379", "--dashboard-host=127.0.0.1", f"--temp-dir={folder / 'ray'}"]
    _ray(["start", "--head", *where, *_SMALL], environment, "head", folder)


def start_worker(
    name: str, number: int, environment: Mapping[str, str], folder: Path, *, gpus: int = 0, slots: int = 1
) -> None:
    """A worker on 127.0.0.<number>, with llama slots, a lock of its own, and as many GPUs as it says it has."""
    own = {"ARENA_LLAMA_LOCK": str(folder / f"{name}.lock"), "ARENA_WORKER": name}
    resources = f"--resources={json.dumps({'llama': slots})}"
    where = [f"--address={HEAD}:6379", f"--node-ip-address=127.0.0.{number}", f"--num-gpus={gpus}", resources]
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
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def processes(name: str) -> list[int]:
    """Ids of the processes whose environment says that they are of this machine."""
    mark = f"ARENA_WORKER={name}".encode()
    return [pid for pid in _pids() if mark in _read(pid, "environ").split(b"\0")]


def runs_of(name: str) -> set[str]:
    """Ids of the Dagster runs that a machine executes at this moment."""
    found = set()
    for pid in processes(name):
        command = _read(pid, "cmdline").decode(errors="replace")
        if "execute_run" in command and '"run_id"' in command:
            found.add(command.split('"run_id"')[1].split('"')[1])
    return found


def _pids() -> Sequence[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # it ended just now

"""`arena ui`: the Dagster UI, its daemon and the dashboard as three processes, on loopback, until interrupted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import dagster as dg

from arena_assets.config import project_root
from arena_assets.errors import ArenaError
from arena_assets.orchestration.recovery import prepare

HOST = "127.0.0.1"


def serve(port: int, dashboard_port: int) -> int:
    """Start all three, print both addresses, and stop them together."""
    for number in (port, dashboard_port):
        _require_free(number)
    with dg.DagsterInstance.get() as instance:
        prepare(instance)
    root = project_root()
    python, workspace = sys.executable, str(root / "workspace.yaml")
    streamlit = ["--server.headless", "true", "--server.address", HOST, "--server.port", str(dashboard_port)]
    commands = [
        [python, "-m", "dagster_webserver", "-h", HOST, "-p", str(port), "-w", workspace],
        [python, "-m", "dagster._daemon", "run", "-w", workspace],
        [python, "-m", "streamlit", "run", str(root / "dashboard" / "app.py"), *streamlit],
    ]
    # In full, since the three run in that folder: a relative one would be looked for below itself.
    environment = os.environ | {"ARENA_ROOT": str(root), "PYTHONWARNINGS": "ignore"}
    # By these each links to the other.
    environment |= {
        "ARENA_DAGSTER_URL": f"http://{HOST}:{port}",
        "ARENA_DASHBOARD_URL": f"http://{HOST}:{dashboard_port}",
    }
    processes = [subprocess.Popen(command, cwd=root, env=environment, start_new_session=True) for command in commands]
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _wait_for(f"http://{HOST}:{port}/server_info", processes)
        _wait_for(f"http://{HOST}:{dashboard_port}/_stcore/health", processes)
        print(
            f"\nDagster UI: http://{HOST}:{port}\nDashboard:  http://{HOST}:{dashboard_port}\nCtrl-C stops both.\n",
            flush=True,
        )
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        raise ArenaError("one of the servers ended; its last lines above say why")
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ArenaError(f"port {port} is taken ({error}); stop what uses it, or choose another port") from error


def _wait_for(url: str, processes: list[subprocess.Popen[bytes]], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes):
            raise ArenaError("one of the servers ended at its start; its last lines above say why")
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise ArenaError(f"{url} did not answer within {seconds:.0f} s")

"""Starting, killing and comparing runs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import psutil

from arena_assets.config import load_experiment
from arena_assets.storage import Store
from tests.made_up.frames import BATCH_ASSETS

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120.0


class Worker:
    """The process that forks runs, and the log that these write."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log.txt"
        self.log.touch()
        self._errors = (folder / "errors.txt").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.interruption.worker"],
            cwd=ROOT,
            env=os.environ | {"INTERRUPTION_LOG": str(self.log), "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def start(self, number: int = 1) -> list[int]:
        """Fork runs; returns their process ids."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"run {number}\n")
        self._process.stdin.flush()
        return [int(part) for part in self._line().split()]

    def wait(self) -> list[int]:
        """Exit codes of the runs that were started, negative where a signal ended one."""
        return [os.waitstatus_to_exitcode(int(part)) for part in self._line().split()]

    def run(self, wish: str | None = None) -> int:
        """One run to its end, on a machine that is as wished."""
        path = Path(f"{self.log}.wish")
        path.unlink(missing_ok=True)
        if wish:
            path.write_text(wish)
        self.start()
        code = self.wait()[0]
        path.unlink(missing_ok=True)
        return code

    def kill_in(self, stage: str, rng: random.Random, spread: float = 0.06) -> int | None:
        """Start a run and kill it at a random moment after its next entry of `stage`; None where it ended before."""
        begun = self.entries(stage)
        (child,) = self.start()
        deadline = time.monotonic() + SECONDS
        while self.entries(stage) == begun and _alive(child):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no run entered {stage}")
            time.sleep(0.001)
        time.sleep(rng.uniform(0, spread))
        if _alive(child):
            os.kill(child, signal.SIGKILL)
        code = self.wait()[0]
        return code if code < 0 else None

    def entries(self, stage: str) -> int:
        return self.log.read_text().splitlines().count(f"stage {stage}")

    def items(self) -> list[str]:
        """Everything that was computed so far, repetitions included."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("item ")]

    def errors(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith("error ")]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._errors.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(Path(self._errors.name).read_text()[-3000:])
        return line


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def contents(store: Store, name: str = "small") -> dict[str, bytes | pd.DataFrame]:
    """Every table of an experiment: the bytes of partitions, the rows of the analysis without its timing."""
    found: dict[str, bytes | pd.DataFrame] = {}
    for partition in load_experiment(name).partitions:
        for asset in BATCH_ASSETS:
            found[f"{asset}/{partition}"] = store.path(asset, partition).read_bytes()
    found["ablation_results"] = store.read("ablation_results").drop(columns="seconds")
    return found


def differences(first: dict[str, bytes | pd.DataFrame], second: dict[str, bytes | pd.DataFrame]) -> Sequence[str]:
    """Names of the tables that are not the same."""
    assert first.keys() == second.keys()
    unequal = []
    for name, one in first.items():
        other = second[name]
        same = one.equals(other) if isinstance(one, pd.DataFrame) else one == other
        if not same:
            unequal.append(name)
    return unequal

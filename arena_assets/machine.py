"""What a result's last bits may depend on: the machine that computed it, by its CPU and by what it computes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

_PREFIX = "machine_"


@dataclass(frozen=True)
class Machine:
    """What a worker says of itself; `fingerprint` is the digest of a fixed small scoring task under P0's model.

    Machines of equal fingerprint computed the same log-probabilities to the last bit, whatever their names.
    """

    cpu: str
    library: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.cpu}, llama-cpp-python {self.library}, fingerprint {self.fingerprint}"

    @property
    def notes(self) -> dict[str, str]:
        """As the notes of a table's file."""
        return {_PREFIX + key: value for key, value in asdict(self).items()}

    @classmethod
    def from_notes(cls, notes: Mapping[str, str]) -> Machine | None:
        """The machine that a table's notes state; None where they state none (an import, an earlier version)."""
        stated = {key.removeprefix(_PREFIX): value for key, value in notes.items() if key.startswith(_PREFIX)}
        return cls(**stated) if stated.keys() == {"cpu", "library", "fingerprint"} else None


@cache
def cpu_model() -> str:
    """The CPU's name as the system states it; no library that the project needs anyway knows it."""
    stated = ""
    if sys.platform == "linux":
        stated = _stated_by_linux()
    elif sys.platform == "darwin":
        stated = _stated_by_macos()
    return stated or platform.processor() or platform.machine() or "unknown CPU"


def worker_name() -> str:
    """The name by which people know this machine: ARENA_WORKER, else the host's. In logs only, never in a table."""
    return os.environ.get("ARENA_WORKER") or platform.node()


def _stated_by_linux() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""  # a container may come without /proc
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _stated_by_macos() -> str:
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""

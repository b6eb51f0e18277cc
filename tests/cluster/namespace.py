"""A world of its own for a pretend cluster: its own loopback, since Ray listens everywhere, and its own processes.

The first process of the namespace takes all others with it when it ends, so nothing outlives a test.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NEEDED = ("ray", "dagster_ray", "dagster_postgres", "psycopg2", "moto", "s3fs")
# The shell stays the first process, because it reaps what others leave behind; Ray would count that as alive.
_ENTER = 'ip link set lo up && "$@"; exit $?'
_COMMAND = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", _ENTER, "sh"]


def why_not() -> str | None:
    """Why no pretend cluster can run here, and what would mend it; None where one can."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return f"the Python packages {', '.join(missing)} are missing: pip install -e '.[cluster,test]'"
    if os.getuid() != 0:
        return "it needs root, for namespaces and for Postgres' own user"
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("runuser", "util-linux")):
        if shutil.which(program) is None:
            return f"the program {program} is missing: apt-get install {package}"
    if postgres_programs() is None:
        return "PostgreSQL is missing: apt-get install postgresql"
    tried = subprocess.run([*_COMMAND, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"the kernel gives no namespaces ({tried.stderr.strip()}): run it in a container that may make them"
    return None


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl of the newest installed release."""
    releases = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return next((path for path in releases if (path / "initdb").exists()), None)


def inside(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a namespace of its own."""
    done: subprocess.CompletedProcess[str] = subprocess.run([*_COMMAND, *command], text=True, check=False, **options)
    return done

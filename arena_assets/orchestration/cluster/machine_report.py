"""What one machine says of itself. Run on each machine as a Ray job, just as a batch's run would be:
`python -m arena_assets.orchestration.cluster.machine_report QUESTION` prints one line of JSON.
No value of a key is ever in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

import arena_assets
from arena_assets.config import ModelConfig, config_folder, project_root
from arena_assets.errors import ArenaError
from arena_assets.machine import cpu_model, worker_name
from arena_assets.storage import Store, write_bytes

MARK = "ARENA-REPORT "
PACKAGES = ("ray", "dagster", "dagster-ray", "llama-cpp-python", "arena-oracle")


@dataclass(frozen=True)
class Question:
    """What each machine is asked: the instance (secrets by name), the data's URLs, model files and variables."""

    instance: str
    storage: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    token: str = ""


@dataclass(frozen=True)
class MachineReport:
    """A machine's answer. Of `history`, `storage` and `keys` "" says that all is well, another text what is not.

    models: `bytes` and `sha256` of each file, or `problem`.
    """

    worker: str
    cpu: str
    python: str
    versions: dict[str, str]
    code: str
    command: str
    history: str
    storage: dict[str, str]
    models: dict[str, dict[str, Any]]
    keys: dict[str, str]
    gpu_build: bool


def answer(question: Question) -> MachineReport:
    """The report of the machine that this process runs on."""
    # It brings llama.cpp; the questions and rules about a cluster do without.
    from arena_assets.llama.build import supports_gpu

    return MachineReport(
        worker=worker_name(),
        cpu=cpu_model(),
        python=platform.python_version(),
        versions={name: _version(name) for name in PACKAGES},
        code=code_digest(),
        command=_command(),
        history=_history(question.instance),
        storage={name: _storage(root, question.token, worker_name()) for name, root in question.storage.items()},
        models={name: _model(name, config) for name, config in question.models.items()},
        keys={name: _key(name) for name in question.keys},
        gpu_build=supports_gpu(),
    )


def code_digest() -> str:
    """Digest of the project's code and of the experiments' files: equal on every machine, or results are not."""
    digest = hashlib.sha256()
    for folder, pattern in ((Path(arena_assets.__file__).parent, "*.py"), (config_folder(), "*.yaml")):
        for path in sorted(folder.rglob(pattern)):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def probe(root: str, token: str, name: str) -> Any:
    """Where a machine leaves its sign in an experiment's data while the cluster is checked."""
    return Store(root).root / ".cluster-check" / f"{token}-{name}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _command() -> str:
    """The folder of the command `dagster` that a run on this machine would begin as; "" where there is none."""
    found = shutil.which("dagster")
    return str(Path(found).parent) if found else ""


def _history(instance: str) -> str:
    from dagster import DagsterError, DagsterInstance
    from dagster._core.instance.ref import InstanceRef
    from dagster_shared.serdes import deserialize_value
    from sqlalchemy.exc import SQLAlchemyError

    try:
        from dagster_postgres.utils import DagsterPostgresException
    except ImportError as error:
        return f"{error}: pip install -e '.[cluster]'"
    try:
        with DagsterInstance.from_ref(deserialize_value(instance, InstanceRef)) as opened:
            opened.get_runs_count()
    except (DagsterError, DagsterPostgresException, SQLAlchemyError, OSError) as error:
        cause = error.__cause__ or error.__context__ or error  # Dagster says only that it tried too often
        return f"{type(error).__name__}: {str(cause).strip().splitlines()[0]}"
    return ""


def _storage(root: str, token: str, worker: str) -> str:
    try:
        seen = probe(root, token, "head").read_text()
        if seen != token:
            return "what the head wrote reads differently here"
        write_bytes(probe(root, token, worker), token.encode())
    except FileNotFoundError:
        return "what the head wrote is not there: it is another storage"
    except (ArenaError, OSError, ImportError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _model(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    from arena_assets.config.model_files import parts, whole_checksum
    from arena_assets.llama.files import model_path

    try:
        path = model_path(name, TypeAdapter[ModelConfig](ModelConfig).validate_python(config))
        return {"bytes": sum(part.stat().st_size for part in parts(path)), "sha256": whole_checksum(path)}
    except (ArenaError, OSError) as error:
        return {"problem": str(error)}


def _key(name: str) -> str:
    from arena_assets.judging.keys import find_key

    try:
        find_key(name, os.environ, project_root())
    except ArenaError as error:
        return str(error)
    return ""


def main() -> int:
    question = json.loads(sys.argv[1])
    report = answer(Question(**question | {"keys": tuple(question["keys"])}))
    print(MARK + json.dumps(asdict(report)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

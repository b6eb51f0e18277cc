"""The floors of the design: that the contracts of pyproject.toml hold and see a breach, and what they cannot say."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

A = "arena_assets"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
TREES = (A, "benchmarks", "dashboard", "tests")

# Contract to file and the line that breaks it.
BREACHES = {
    "floors": (f"{A}/rules/thresholds.py", "from arena_assets.storage import Store"),
    "trees": (f"{A}/slices.py", "import dashboard.app"),
    "circles": (f"{A}/config/base.py", "def f() -> None:\n    from arena_assets.config import loading"),
    "estimation": (
        f"{A}/estimation/diagnostics/gates.py",
        "def f() -> None:\n    from arena_assets.tables import TABLES",
    ),
    "made_up": ("tests/made_up/frames.py", "import tests.core.hub_server"),
    "dashboard": ("dashboard/session.py", "def f() -> None:\n    from arena_assets.orchestration import graph"),
    "dagster": (f"{A}/stages/scoring.py", "import dagster as dg"),
    "placement": (
        f"{A}/orchestration/cluster/placement.py",
        "from arena_assets.orchestration.graph import build_assets",
    ),
    "cluster": (f"{A}/orchestration/recovery.py", "def f() -> None:\n    import ray"),
    "llama": (f"{A}/judging/costs.py", "import llama_cpp"),
    "openai": (f"{A}/llama/lock.py", "from openai import OpenAI"),
    "datasets": (f"{A}/exchange/importing/sources.py", "import datasets.load"),
    "streamlit": (f"{A}/charts/style.py", "import streamlit as st"),
}

# Floor 0 may bring these beside the standard library and its own kind: the contracts know only what is forbidden.
TABLES_AND_SETTINGS = {"numpy", "pandas", "pyarrow", "pydantic", "yaml"}
ALLOWED = {
    f"{A}/estimation": {"numpy", "pandas", "scipy", "sklearn"},
    **{f"{A}/{place}": TABLES_AND_SETTINGS for place in ("config", "tables", "rules")},
    **{f"{A}/{place}.py": set() for place in ("errors", "ids", "machine", "pipeline", "progress", "slices")},
}


def lint(root: Path) -> str:
    """What import-linter says of the trees below a folder; it finds them by the folder it runs in."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"COLUMNS": "400"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return done.stdout


def copy(target: Path) -> Path:
    for tree in TREES:
        shutil.copytree(ROOT / tree, target / tree, ignore=shutil.ignore_patterns("__pycache__", "results", "*.jsonl"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def packages(source: Path) -> Iterator[tuple[int, str]]:
    """Line and package of every absolute import, those within functions included."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.split(".")[0]


def foreign(root: Path) -> list[str]:
    """Imports of floor 0 that bring more than it may."""
    found = []
    for place, allowed in ALLOWED.items():
        path = root / place
        sources = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        assert sources, f"{place} is not there"
        for source in sources:
            for line, package in packages(source):
                if package not in sys.stdlib_module_names | allowed | {A}:
                    found.append(f"{source.relative_to(root).as_posix()}:{line} imports {package}")
    return found


def test_every_contract_holds() -> None:
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in lint(ROOT)


def test_a_breach_of_each_contract_is_seen(tmp_path: Path) -> None:
    assert set(BREACHES) == {contract["id"] for contract in CONTRACTS}
    root = copy(tmp_path)
    for file, line in BREACHES.values():
        assert (root / file).exists(), f"{file} is not there"
        with (root / file).open("a") as source:
            source.write(f"\n\n{line}\n")
    said = lint(root)
    for contract in CONTRACTS:
        assert re.search(rf"^{re.escape(contract['name'])} BROKEN$", said, re.MULTILINE), said
    assert f"Contracts: 0 kept, {len(CONTRACTS)} broken." in said


def test_a_new_package_must_be_put_on_a_floor() -> None:
    floors = next(contract for contract in CONTRACTS if contract["id"] == "floors")
    placed = {name.strip(" ()") for layer in floors["layers"] for name in layer.split("|")}
    there = {path.stem for path in (ROOT / A).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - placed == {"__init__"}


def test_floor_0_brings_no_more_than_it_may() -> None:
    assert foreign(ROOT) == []


@pytest.mark.parametrize("file", ["estimation/calibration/isotonic.py", "tables/contract.py", "ids.py"])
def test_a_foreign_package_on_floor_0_is_seen(tmp_path: Path, file: str) -> None:
    root = copy(tmp_path)
    with (root / A / file).open("a") as source:
        source.write("\n\ndef f() -> None:\n    import requests.adapters\n")
    (found,) = foreign(root)
    assert found.startswith(f"{A}/{file}:")
    assert found.endswith("imports requests")


@pytest.mark.parametrize(
    "module", ["definitions", "cli.main", "orchestration.cluster.coordinator", "orchestration.cluster.placement"]
)
def test_a_laptop_needs_nothing_of_a_cluster(module: str) -> None:
    absent = ("ray", "dagster_ray", "dagster_postgres", "dagster_k8s", "psycopg2", "kubernetes")
    code = f"import sys; sys.modules.update(dict.fromkeys({absent}, None)); import {A}.{module}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

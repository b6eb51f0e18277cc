"""The floors of the design: a walk over every import, at whatever depth of a file, and proof that the walk sees."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

STDLIB = sys.stdlib_module_names
A = "arena_assets"
CONTRACTS = {f"{A}.{name}" for name in ("errors", "ids", "config", "tables", "rules", "slices", "progress", "machine")}
PLAIN = {"numpy", "pandas", "pyarrow", "pydantic", "yaml"}
DAGSTER = ("orchestration", "definitions.py", "cli")
# What a laptop does not have: only the cluster's room may import it, and only where it is used.
CLUSTER = ("ray", "dagster_ray", "dagster_postgres", "dagster_k8s", "psycopg2", "kubernetes")


@dataclass(frozen=True)
class Import:
    """`module` as it is imported by `file`, relative imports resolved."""

    file: str
    line: int
    module: str

    @property
    def package(self) -> str:
        return self.module.split(".")[0]

    def within(self, *modules: str) -> bool:
        return any(self.module == module or self.module.startswith(module + ".") for module in modules)

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


@cache
def parse(text: str) -> ast.Module:
    return ast.parse(text)


def imports(root: Path, *places: str) -> Iterator[Import]:
    """Every import below the places, those within functions and under TYPE_CHECKING included."""
    for place in places:
        path = root / place
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.exists():
            name = source.relative_to(root).as_posix()
            for node in ast.walk(parse(source.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (Import(name, node.lineno, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    above = list(source.relative_to(root).parts[: -node.level]) if node.level else []
                    module = ".".join([*above, *([node.module] if node.module else [])])
                    yield Import(name, node.lineno, module)
                    # `from package import module` names the module only here.
                    yield from (
                        Import(name, node.lineno, f"{module}.{alias.name}")
                        for alias in node.names
                        if (root / module.replace(".", "/") / f"{alias.name}.py").exists()
                    )


def breaches(root: Path) -> list[str]:
    """Every import that goes up, or takes what only another floor may."""
    found = [str(one) for one in imports(root, "arena_assets/estimation") if not _estimation(one)]
    floor_0 = ("errors.py", "ids.py", "config", "tables", "rules", "slices.py", "progress.py", "machine.py")
    for one in imports(root, *(f"{A}/{place}" for place in floor_0)):
        if not (one.package in STDLIB | PLAIN or one.within(*CONTRACTS)):
            found.append(str(one))
    floor_1 = {
        "journal.py": {f"{A}.errors", f"{A}.storage"},
        "storage": CONTRACTS | {f"{A}.storage"},
        "corpus": CONTRACTS | {f"{A}.corpus"},
        "llama": CONTRACTS | {f"{A}.llama"},
        "judging": CONTRACTS | {f"{A}.llama", f"{A}.judging", f"{A}.journal"},
    }
    for place, allowed in floor_1.items():
        for one in imports(root, f"{A}/{place}"):
            if one.within(A) and not one.within(*allowed):
                found.append(str(one))
    for one in imports(root, f"{A}/stages"):
        if one.within(f"{A}.orchestration", f"{A}.cli", f"{A}.definitions", "dashboard"):
            found.append(str(one))
    for one in imports(root, f"{A}/orchestration/cluster"):
        if one.within(
            f"{A}.orchestration.graph",
            f"{A}.orchestration.batches",
            f"{A}.cli",
            f"{A}.definitions",
            f"{A}.stages",
            "dashboard",
        ):
            found.append(str(one))
    found += _owned(root)
    for one in imports(root, "dashboard"):
        if one.package in ("dagster", "llama_cpp") or one.within(f"{A}.orchestration", f"{A}.llama", f"{A}.cli"):
            found.append(str(one))
    return found


def _estimation(one: Import) -> bool:
    return one.package in STDLIB | {"numpy", "pandas", "scipy", "sklearn"} or one.within(f"{A}.estimation")


def _owned(root: Path) -> list[str]:
    """Packages that only one place may import."""
    owners = {"llama_cpp": ("llama",), "openai": ("judging",), "dagster": DAGSTER, "datasets": ("corpus",)}
    owners |= dict.fromkeys(CLUSTER, ("orchestration/cluster",))
    found = []
    for one in imports(root, A, "dashboard"):
        owner = owners.get(one.package)
        if owner and not any(one.file.startswith(f"{A}/{place}") for place in owner):
            found.append(str(one))
        if one.package == "dashboard" and not one.file.startswith("dashboard/"):
            found.append(str(one))
    return found


def at_import(root: Path, module: str, seen: set[str]) -> set[str]:
    """Packages that importing `module` brings, through our own modules too; imports in functions bring nothing."""
    if module in seen:
        return set()
    seen.add(module)
    path = root / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.exists():
        return set()
    found: set[str] = set()
    names = [module.rsplit(".", 1)[0]] if "." in module else []
    for node in _top_level(parse(source.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    for name in names:
        if name.split(".")[0] in (A, "dashboard"):
            found |= at_import(root, name, seen)
        else:
            found.add(name.split(".")[0])
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from _top_level(node.body + node.orelse)
        elif isinstance(node, ast.Try | ast.With):
            yield from _top_level(node.body)


def test_every_import_goes_down() -> None:
    assert breaches(ROOT) == []


def test_the_walk_sees_the_imports_that_there_are() -> None:
    seen = {one.package for one in imports(ROOT, A, "dashboard")}
    assert {"dagster", "llama_cpp", "openai", "datasets", "sklearn", "streamlit", "pydantic", A} <= seen


@pytest.mark.parametrize("screen", sorted(path.stem for path in (ROOT / "dashboard").rglob("*.py")))
def test_the_dashboard_brings_neither_dagster_nor_llama(screen: str) -> None:
    path = next((ROOT / "dashboard").rglob(f"{screen}.py"))
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    assert not {"dagster", "llama_cpp", "openai", "datasets"} & at_import(ROOT, module, set())


@pytest.mark.parametrize(
    "module", ["definitions", "cli.main", "orchestration.cluster.coordinator", "orchestration.cluster.placement"]
)
def test_a_laptop_needs_nothing_of_a_cluster(module: str) -> None:
    found = at_import(ROOT, f"{A}.{module}", set())
    assert not found & set(CLUSTER)
    assert found  # the walk saw the module


BREACHES = {
    f"{A}/estimation/diagnostics/weights.py": "import pyarrow",
    f"{A}/estimation/diagnostics/gates.py": "def f() -> None:\n    from arena_assets.tables import TABLES",
    f"{A}/rules/thresholds.py": "from arena_assets.storage import Store",
    f"{A}/ids.py": "import dagster.core",
    f"{A}/config/base.py": "from arena_assets import storage",
    f"{A}/journal.py": "from .stages import responses",
    f"{A}/storage/store.py": "import arena_assets.orchestration.resources",
    f"{A}/judging/costs.py": "import llama_cpp",
    f"{A}/llama/lock.py": "from openai import OpenAI",
    f"{A}/stages/scoring.py": "import dagster as dg",
    f"{A}/corpus/sample.py": "from arena_assets.llama.pool import ModelPool",
    f"{A}/orchestration/cluster/placement.py": "from arena_assets.orchestration.graph import build_assets",
    f"{A}/orchestration/recovery.py": "def f() -> None:\n    import ray",
    f"{A}/cli/status.py": "from dagster_ray import RayRunLauncher",
    "dashboard/elements.py": "import dagster",
    "dashboard/session.py": "from arena_assets.orchestration.graph import build_assets",
    f"{A}/slices.py": "import dashboard.app",
}


def test_a_breach_is_seen(tmp_path: Path) -> None:
    for package in (A, "dashboard"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.jsonl"))
    assert breaches(tmp_path) == []
    for file, line in BREACHES.items():
        with (tmp_path / file).open("a") as source:
            source.write(f"\n\n{line}\n")
    assert {text.split(":")[0] for text in breaches(tmp_path)} == set(BREACHES)


def test_a_way_to_dagster_over_another_module_is_seen(tmp_path: Path) -> None:
    for package in (A, "dashboard"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.jsonl"))
    storage = tmp_path / A / "storage" / "store.py"
    storage.write_text(storage.read_text() + "\nfrom arena_assets.orchestration.resources import ArenaStorage\n")
    assert "dagster" in at_import(tmp_path, "dashboard.app", set())

"""One concept, one place: where the names of assets and estimators stand in the code, tests and prose apart.

The names come from the pipeline and from the entries, so a new one is held to it, too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from arena_assets import pipeline
from arena_assets.estimation import ESTIMATORS
from tests.conftest import ROOT

TREES = ("arena_assets", "benchmarks", "dashboard")
A = "arena_assets"
E = f"{A}/estimation"
# The table's contract, its rules, and the pipeline; its stage is in the entry.
OF_EVERY_ASSET = (f"{A}/pipeline.py", f"{A}/tables/", f"{A}/rules/registry.py")

# estimation/ is a library that may import nothing of the project: the files below make a table, or read one, that the
# pipeline knows by the same word, and the room above gives it to others.
LIBRARY = {
    "judge_scores": (f"{E}/data/from_tables.py",),
    "oracle_labels": (f"{E}/data/from_tables.py",),
    "ablation_results": (f"{E}/reporting/complete.py",),
    "ablation_grid": (f"{E}/studies/grid.py", f"{E}/__init__.py", "benchmarks/estimation.py"),
    "estimator_simulation": (f"{E}/studies/simulation.py", f"{E}/__init__.py", f"{A}/stages/studies.py"),
}
# Arguments of this name hold scores by prompt and policy, or a table for the library's own argument.
ARGUMENTS = {
    "judge_scores": (f"{A}/slices.py", f"{A}/stages/generated.py", f"{A}/rules/scores.py"),
    "oracle_labels": (f"{A}/stages/generated.py",),
}
# Names that are English words or foreign fields as well: they are looked for only where a table is taken by name.
WORDS = {name for name in (step.name for step in pipeline.STEPS) if "_" not in name}
TAKES = {"code_version", "columns", "exists", "fingerprint", "get", "notes", "partitions", "path", "read", "read_run"}
TAKES |= {"upstream", "write", "write_checks"}
# Columns, notes, settings and journals' fields of these names are no tables.
FIELDS = {
    "responses": ("dashboard/views/cost.py",),
    "prompts": (f"{A}/config/loading.py", f"{A}/summary/material.py", "dashboard/data/basis.py"),
    "logprobs": (f"{A}/judging/",),
}

# The family's file bears its first estimator's name; a peer's names of its own estimators stand in the benchmarks.
PEERS = ("direct", "ips", "tmle")
MODULES = {"direct": (f"{E}/__init__.py", f"{E}/estimators/__init__.py")}


@cache
def sources(root: Path) -> list[tuple[str, ast.Module]]:
    files = sorted(path for tree in TREES for path in (root / tree).rglob("*.py"))
    return [(path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in files]


def docstrings(tree: ast.Module) -> set[int]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node) is not None]
    return {id(node.body[0].value) for node in nodes if isinstance(node.body[0], ast.Expr)}


def words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every identifier and every string that is no docstring."""
    prose = docstrings(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield line, text
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text) | ast.keyword(arg=str(text)):
                yield line, text
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text) | ast.alias(name=text):
                yield line, text
            case _:
                pass


def taken(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every string by which something is taken: `x["text"]`, `x.read("text")`."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(slice=ast.Constant(value=str(text))):
                yield node.lineno, text
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(text)), *_]) if name in TAKES:
                yield node.lineno, text
            case _:
                pass


def stages() -> dict[str, str]:
    """The file of each step's stage."""
    return {step.name: step.stage.split(":")[0].replace(".", "/") + ".py" for step in pipeline.STEPS if step.stage}


def asset_names(root: Path = ROOT) -> list[str]:
    """Where an asset's name stands although it should not."""
    allowed: dict[str, tuple[str, ...]] = {}
    for step in pipeline.STEPS:
        own = (*OF_EVERY_ASSET, *([stages()[step.name]] if step.name in stages() else []))
        more = (where.get(step.name, ()) for where in (LIBRARY, ARGUMENTS, FIELDS))
        allowed[step.name] = tuple(place for part in (own, *more) for place in part)
    found = []
    for file, tree in sources(root):
        seen = [(line, text, WORDS) for line, text in taken(tree)]
        seen += [(line, text, set(allowed) - WORDS) for line, text in words(tree)]
        for line, text, names in seen:
            for name in names:
                if re.search(rf"\b{name}\b", text) and not file.startswith(allowed[name]):
                    found.append(f"{file}:{line} {name}")
    return sorted(found)


def estimator_names(root: Path = ROOT) -> list[str]:
    """Where an estimator's name stands although it should not: outside the file of its function and entry."""
    of = {name: one.function.__module__.replace(".", "/") + ".py" for name, one in ESTIMATORS.items()}
    found = []
    for file, tree in sources(root):
        for line, text in words(tree):
            for name in [text] if text in ESTIMATORS else re.findall(r"\b\w+_\w+\b", text):
                peers = ("benchmarks/",) if name in PEERS else ()
                if name in ESTIMATORS and not file.startswith((of[name], *MODULES.get(name, ()), *peers)):
                    found.append(f"{file}:{line} {name}")
    return sorted(found)


def test_an_assets_name_stands_in_the_pipeline_its_stage_its_rules_and_its_table() -> None:
    assert asset_names() == []


def test_an_estimators_name_stands_beside_its_function_alone() -> None:
    assert estimator_names() == []


BREACHES: Mapping[str, str] = {
    "STEP = 'judge_scores'": "judge_scores",
    "def f(oracle_labels): ...": "oracle_labels",
    "raise ValueError(f'materialise arena_corpus again, {x}')": "arena_corpus",
    "x = store.read('responses', '0000')": "responses",
    "x = tables['logprobs']": "logprobs",
    "if one.estimator == 'dr_cpo': ...": "dr_cpo",
    "x = 'tmle'": "tmle",
    "from arena_assets.estimation import naive_direct": "naive_direct",
    "raise ValueError('take calibrated_ips instead')": "calibrated_ips",
}


@pytest.mark.parametrize("line", BREACHES)
def test_a_name_elsewhere_is_seen(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "dashboard"
    folder.mkdir()
    (folder / "page.py").write_text(f'"""Of {BREACHES[line]}, in prose."""\n{line}  # {BREACHES[line]}\n')
    assert asset_names(tmp_path) + estimator_names(tmp_path) == [f"dashboard/page.py:2 {BREACHES[line]}"]

"""What keeps the house easy to see: small files, few arguments by position, no module named for nothing."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

from tests.conftest import ROOT

TREES = ("arena_assets", "benchmarks", "dashboard", "tests")
FILES = sorted(path for tree in TREES for path in (ROOT / tree).rglob("*.py"))
LONGEST, MEDIAN = 300, 120
# Beyond so many, a caller that swaps two of one type is not seen: what travels together is one frozen object.
POSITIONAL = 8
# Said of anything, so of nothing.
MEANINGLESS = ["elements", "evidence", "facts", "helpers", "misc", "problem", "products", "utils", "whole", "work"]


def positional(path: Path) -> list[str]:
    """The functions of a file that take too much by position."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            taken = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args) if arg.arg not in ("self", "cls")]
            if len(taken) > POSITIONAL:
                found.append(f"{path.name}:{node.lineno} {node.name} takes {len(taken)}")
    return found


def test_files_are_small() -> None:
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in FILES}
    assert [f"{path}: {count}" for path, count in lines.items() if count > LONGEST] == []
    assert statistics.median(count for path, count in lines.items() if path.name != "__init__.py") < MEDIAN


def test_no_function_takes_nine_by_position(tmp_path: Path) -> None:
    assert [one for path in FILES for one in positional(path)] == []
    (tmp_path / "x.py").write_text("class A:\n    def f(self, a, b, c, d, /, e, f, g, h, i, *, j): ...\n")
    assert positional(tmp_path / "x.py") == ["x.py:2 f takes 9"]


@pytest.mark.parametrize("name", MEANINGLESS)
def test_no_two_modules_share_a_meaningless_name(name: str) -> None:
    assert len([path for path in FILES if path.stem == name]) < 2

"""The pages: what they name is there, what they promise of themselves holds, and no comment cites another page."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "DATA_USAGE_GUIDE.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
# Made by a run or by an installation.
MADE = ("dagster_home/data/", "methods/", ".venv/", "out/", "logs/")
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def named_files(text: str) -> set[str]:
    """Paths in backticks that lead through a folder: to a file, or to a folder below another."""
    return {path for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]+(?:\.\w+|/))`", text) if not path.startswith(MADE)}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    below = (ROOT, ROOT / "arena_assets")  # a page about the package names its rooms alone
    assert [path for path in sorted(named_files(text)) if not any((root / path).exists() for root in below)] == []
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


def test_no_source_cites_a_page_that_is_not_here() -> None:
    cited: dict[str, str] = {}
    for name in TRACKED:
        if name.endswith((".py", ".yaml", ".toml", ".md", "Makefile", "Dockerfile")) and (ROOT / name).exists():
            text = (ROOT / name).read_text(encoding="utf-8")
            cited |= dict.fromkeys(re.findall(r"\b((?:docs/)?(?:[A-Z_]+|[a-z_]+)\.md)\b", text), name)
    here = {Path(name).name for name in TRACKED}
    # Written by a run or an export; a file of the hub.
    made = {"analysis_summary.md", "report.md"}
    assert {page: name for page, name in cited.items() if Path(page).name not in here | made} == {}


def test_the_workflow_runs_what_every_change_must_pass() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split("\n")
    assert {"make check", "make test"} <= set(script)


def test_the_hooks_are_steps_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    check = subprocess.run(["make", "-n", "check"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for hook in hooks:
        assert hook["entry"].removesuffix(" --fix") in check


def test_the_fast_tests_leave_out_every_marker() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    command = subprocess.run(["make", "-n", "test-fast"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.search(r"-m 'not \((.*)\)'", command)
    assert found
    assert set(found.group(1).split(" or ")) == {marker.split(":")[0] for marker in options["markers"]}


@pytest.mark.parametrize(("start", "most"), [("### A prompt", 40), ("### `dr_cpo`", 15)])
def test_a_walk_is_short_and_every_file_on_it_exists(start: str, most: int) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walk = text[text.index(start) :].split("\n### ")[0]
    files = re.findall(r"`((?:configs|arena_assets|dashboard)/[\w./]+\.\w+)`", walk)
    assert 5 < len(set(files)) <= most
    assert [name for name in files if not (ROOT / name).is_file()] == []

"""The image of the Kubernetes file: what the file names is what the Dockerfile builds, by the steps of the pages."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
LAUNCHER = yaml.safe_load((ROOT / "deploy" / "k8s" / "dagster.yaml").read_text(encoding="utf-8"))["run_launcher"]


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name, continued lines joined."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)


def shell_lines(page: str) -> set[str]:
    blocks = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    return {line.split("  #")[0].strip() for block in blocks for line in block.splitlines()}


def test_the_page_builds_the_image_that_the_launcher_starts() -> None:
    built = re.findall(r"^docker build .*--tag (\S+) \.", PAGE, re.MULTILINE)
    assert set(built) == {LAUNCHER["config"]["job_image"]}


def test_its_steps_are_those_of_each_machine() -> None:
    packages, *steps = instructions("RUN")
    assert packages.startswith("apt-get update")
    model = dict(argument.split("=") for argument in instructions("ARG"))["MODEL"]
    said = shell_lines(PAGE) | shell_lines((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [step.replace("${MODEL}", model) for step in steps if step.replace("${MODEL}", model) not in said] == []
    assert "make .venv/installed-cluster" in steps


def test_its_python_is_one_that_the_project_takes() -> None:
    (base,) = instructions("FROM")
    python = re.match(r"python:(3\.\d+)-", base)
    assert python
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    assert f"Programming Language :: Python :: {python.group(1)}" in classifiers


def test_it_holds_the_launcher_and_no_secret() -> None:
    cluster = (ROOT / "requirements" / "cluster.txt").read_text(encoding="utf-8")
    assert f"\n{LAUNCHER['module'].replace('_', '-')}==" in cluster
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".env", ".git", ".venv", "models/*", "dagster_home/*"} <= set(left_out)

"""The lock: it answers every requirement of pyproject.toml on every Python, and names no place to fetch from."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SETS = {"demo": {"demo"}, "test": {"demo", "test"}, "cluster": {"demo", "cluster"}, "all": {"demo", "test", "cluster"}}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PIN = re.compile(r"^[a-z0-9][^#\n]*?==", re.MULTILINE)


def lock_file(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def pins(text: str, python: str, platform: str) -> dict[str, Version]:
    """Package to version, where the pin's condition holds."""
    machine = {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": platform}
    found: dict[str, Version] = {}
    for line in text.splitlines():
        if not PIN.match(line):
            continue
        pin = Requirement(line.removesuffix("\\"))
        if pin.marker is None or pin.marker.evaluate(machine):
            assert pin.name not in found, f"{pin.name} is pinned twice for Python {python} on {platform}"
            (specifier,) = pin.specifier
            found[pin.name] = Version(specifier.version)
    return found


def drift(project: dict[str, list[str]], locked: dict[str, Version]) -> list[str]:
    """Requirements of the project that the lock leaves out or answers with another version."""
    wrong = []
    for text in (text for texts in project.values() for text in texts):
        wanted = Requirement(text)
        version = locked.get(_canonical(wanted.name))
        if version is None:
            wrong.append(f"{wanted} is not locked: `make lock`")
        elif version not in wanted.specifier:
            wrong.append(f"{wanted} is locked as {version}: `make lock`")
    return wrong


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(extras: set[str]) -> dict[str, list[str]]:
    optional = PROJECT["optional-dependencies"]
    return {"dependencies": PROJECT["dependencies"], **{extra: optional[extra] for extra in extras}}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_locked(name: str, platform: str, python: str) -> None:
    locked = pins(lock_file(name).read_text(encoding="utf-8"), python, platform)
    assert drift(required(SETS[name]), locked) == []


def test_the_sets_hold_the_same_versions() -> None:
    def blocks(name: str) -> Iterator[str]:
        text = lock_file(name).read_text(encoding="utf-8")
        yield from re.split(r"\n(?=[a-z0-9])", text.split("\n", 2)[2].strip())

    everything = set(blocks("all"))
    for name in SETS:
        assert set(blocks(name)) <= everything, f"{name} differs: `make lock`"


@pytest.mark.parametrize("name", SETS)
def test_every_pin_has_hashes_and_no_file_names_an_index(name: str) -> None:
    text = lock_file(name).read_text(encoding="utf-8")
    pinned = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(pinned) > 100
    assert [block.split()[0] for block in pinned if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "--index-url" not in text
    assert not re.search(r"^(torch|nvidia)", text, re.MULTILINE), "nobody needs 2 GB of PyTorch"


def test_drift_is_seen() -> None:
    locked = {"numpy": Version("1.26"), "py3langid": Version("0.4.0")}
    found = drift({"dependencies": ["numpy>=2", "Py3LangID>=0.4", "extra.ordinary"]}, locked)
    assert found == ["numpy>=2 is locked as 1.26: `make lock`", "extra.ordinary is not locked: `make lock`"]


@pytest.mark.parametrize("name", SETS)
def test_the_makefile_installs_each_set_locked_or_not(name: str) -> None:
    target = ".venv/installed" if name == "demo" else f".venv/installed-{name}"
    dry_run = ["make", "--dry-run", "--always-make", target]
    locked = subprocess.run(dry_run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"install --require-hashes --no-deps -r requirements/{name}.txt" in locked
    free = subprocess.run([*dry_run, "LOCKED="], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "requirements/" not in free
    assert SETS[name] in [set(extras.split(",")) for extras in re.findall(r"-e '\.\[(.*?)\]'", free)]

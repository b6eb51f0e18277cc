"""The command line and the README's commands, run as a user runs them, on the real model."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.system.experiments import write_experiment
from tests.system.servers import ROOT, free_port

pytestmark = [pytest.mark.model, pytest.mark.server]


@dataclass(frozen=True)
class User:
    """A user of the command, with configuration, data and instance of their own."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {"ARENA_CONFIGS": "configs", "ARENA_STORAGE": "data", "DAGSTER_HOME": "home"}
        return os.environ | {name: str(self.folder / place) for name, place in own.items()}

    def arena(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "arena_assets.cli", *arguments]
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=400)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> User:
    folder = tmp_path_factory.mktemp("user")
    write_experiment(folder / "configs", "demo", prompts=4, batch_size=2)
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_bytes((ROOT / "dagster_home" / "dagster.yaml").read_bytes())
    return User(folder)


@pytest.fixture(scope="module")
def first_run(user: User) -> subprocess.CompletedProcess[str]:
    return user.arena("run", "demo")


def test_a_run_ends_with_the_comparison(first_run: subprocess.CompletedProcess[str]) -> None:
    assert first_run.returncode == 0, first_run.stderr
    assert "demo: 2 partitions analysed" in first_run.stdout
    for policy in ("pi_clone", "pi_cooler", "pi_concise", "pi_bad"):
        assert re.search(rf"^{policy}: truth [0-9.-]+ .*effective sample size \d+%", first_run.stdout, re.MULTILINE)
    for estimator in ("naive_direct", "direct", "ips", "clipped_ips", "snips", "dr_cpo"):
        assert re.search(rf"^  {estimator} ", first_run.stdout, re.MULTILINE)


def test_a_second_run_does_only_what_is_missing(user: User, first_run: subprocess.CompletedProcess[str]) -> None:
    assert "batch 0000" in first_run.stdout
    (user.folder / "data" / "demo" / "judge_scores" / "0001.parquet").unlink()
    again = user.arena("run", "demo")
    assert again.returncode == 0, again.stderr
    assert re.findall(r"^batch .*$", again.stdout, re.MULTILINE) == ["batch 0001 (2 of 2): judge_scores"]


def test_status_says_what_is_done_and_what_comes_next(user: User, first_run: subprocess.CompletedProcess[str]) -> None:
    assert first_run.returncode == 0
    report = json.loads(user.arena("status", "demo", "--json").stdout)
    done = {entry["asset"]: (entry["done"], entry["rows"]) for entry in report["assets"]}
    assert done["responses"] == (2, 20)
    assert done["logprobs"] == (2, 4)
    assert "nothing is missing" in user.arena("status").stdout


def test_the_readme_python_reads_the_results(user: User, first_run: subprocess.CompletedProcess[str]) -> None:
    assert first_run.returncode == 0
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert snippets
    for snippet in snippets:
        done = subprocess.run(
            [sys.executable, "-c", snippet], env=user.environment, cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert "pi_clone" in done.stdout


PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))


def commands(page: Path) -> Iterator[list[str]]:
    """Every `arena` and `make` command of a page's code blocks."""
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = line.split("#")[0].split()
            if words and (words[0] == "make" or Path(words[0]).name == "arena"):
                yield words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_pages_exists(page: Path) -> None:
    for words in commands(page):
        if words[0] == "make":
            checked = subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True)
        else:
            parser = [sys.executable, "-m", "arena_assets.cli", words[1], "--help"]
            checked = subprocess.run(parser, cwd=ROOT, capture_output=True, text=True)
            for option in (word for word in words if word.startswith("--")):
                assert option in checked.stdout, f"{' '.join(words)}: no option {option}"
        assert checked.returncode == 0, f"{' '.join(words)}: {checked.stderr}"


def test_the_readme_tells_of_the_two_commands() -> None:
    assert {"demo", "test", "ui"} <= {words[1] for words in commands(ROOT / "README.md") if words[0] == "make"}


def test_ui_starts_both_servers_and_stops_them(user: User) -> None:
    ports = free_port(), free_port()
    command = [sys.executable, "-m", "arena_assets.cli", "ui"]
    command += ["--port", str(ports[0]), "--dashboard-port", str(ports[1])]
    log = user.folder / "ui.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=user.environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 150
        while "Ctrl-C stops both" not in log.read_text(errors="replace"):
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.5)
        for port, path in ((ports[0], "/server_info"), (ports[1], "/_stcore/health")):
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
                assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    with pytest.raises((URLError, OSError)):
        urlopen(f"http://127.0.0.1:{ports[0]}/server_info", timeout=5)

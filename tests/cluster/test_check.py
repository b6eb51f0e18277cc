"""The rules of `arena cluster check`: each fault alone, named where it is and with what to do."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import arena_assets
from arena_assets.cli import main
from arena_assets.config import project_root
from arena_assets.orchestration.cluster.check import Instance, Need, blocking, problems
from arena_assets.orchestration.cluster.machine_report import MachineReport, Question, answer, code_digest, probe
from arena_assets.orchestration.cluster.nodes import Node, _read
from arena_assets.storage import write_bytes
from tests.conftest import ROOT, ConfigFolder

DIGEST = "a" * 64
INSTANCE = Instance("ArenaRayRunLauncher", "RequestingRunCoordinator", "PostgresRunStorage", True, True, 3)
HEAD = Node("10.0.0.1", is_head=True)
FIRST = Node("10.0.0.2", is_head=False, resources={"llama": 1, "CPU": 8})
SECOND = Node("10.0.0.3", is_head=False, resources={"llama": 2, "CPU": 8, "GPU": 2})
NEED = Need(checksums={"llama32": DIGEST})
REPORT = MachineReport(
    worker="w",
    cpu="EPYC",
    python="3.11.7",
    versions={"ray": "2.60.0", "llama-cpp-python": "0.3.36"},
    code="c0de",
    command="/opt/arena/.venv/bin",
    history="",
    storage={"demo": ""},
    models={"llama32": {"bytes": 1, "sha256": DIGEST}},
    keys={"OPENAI_API_KEY": ""},
    gpu_build=True,
)


def found(
    *, instance: Instance = INSTANCE, nodes: tuple[Node, ...] = (HEAD, FIRST, SECOND), need: Need = NEED, **second: Any
) -> list[str]:
    """Every problem's text where the second worker's report has these changes."""
    answers: dict[str, MachineReport | str] = {node.ip: REPORT for node in nodes}
    answers["10.0.0.3"] = replace(REPORT, **second)
    return [str(problem) for problem in problems(instance, list(nodes), REPORT, answers, need)]


def test_a_cluster_that_can_do_the_job_has_no_problem() -> None:
    assert found() == []
    assert found(need=Need(checksums={"llama32": None})) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"python": "3.12.1"}, "10.0.0.3: Python is 3.12.1, the head's 3.11.7; install the same on every machine"),
        (
            {"versions": {"ray": "2.59.0", "llama-cpp-python": "0.3.36"}},
            "10.0.0.3: ray is 2.59.0, the head's 2.60.0; pip install 'ray==2.60.0' there and restart its Ray node",
        ),
        (
            {"versions": {"ray": "2.60.0"}},
            "10.0.0.3: llama-cpp-python is missing, the head's 0.3.36; pip install 'llama-cpp-python==0.3.36' there "
            "and restart its Ray node",
        ),
        (
            {"code": "01d"},
            "10.0.0.3: the project's code or experiment files differ from the head's; bring the same commit and the "
            "same configs/ to every machine",
        ),
        (
            {"command": ""},
            "10.0.0.3: the command `dagster`, as which a run begins, is not in its PATH; activate the project's "
            "environment before `ray start`: runs inherit its PATH",
        ),
        (
            {"history": "connection refused"},
            "10.0.0.3: Dagster's history cannot be reached (connection refused); export ARENA_PG_HOST and "
            "ARENA_PG_PASSWORD before `ray start`, and let Postgres admit this machine",
        ),
        (
            {"storage": {"demo": "no such bucket"}},
            "10.0.0.3: the data of demo cannot be read and written (no such bucket); export ARENA_STORAGE and the "
            "storage's variables before `ray start`; it must be shared storage",
        ),
        (
            {"models": {"llama32": {"problem": "it is not there"}}},
            "10.0.0.3: model llama32: it is not there; run `arena fetch-model llama32` there",
        ),
        (
            {"models": {"llama32": {"bytes": 1, "sha256": "b" * 64}}},
            "10.0.0.3: model llama32 has sha256 bbbbbbbbbbbb..., the configuration aaaaaaaaaaaa...; remove the file "
            "there and run `arena fetch-model llama32`",
        ),
        (
            {"keys": {"OPENAI_API_KEY": "no API key"}},
            "10.0.0.3: judge or oracle need OPENAI_API_KEY: no API key; export OPENAI_API_KEY before `ray start` there",
        ),
    ],
)
def test_each_fault_of_a_worker_is_named_with_its_remedy(changes: dict[str, Any], text: str) -> None:
    assert found(**changes) == [text]


def test_machines_of_two_kinds_are_a_note() -> None:
    (text,) = found(cpu="Xeon")
    assert "2 kinds of CPU (EPYC; Xeon)" in text
    answers: dict[str, MachineReport | str] = {
        HEAD.ip: REPORT,
        FIRST.ip: REPORT,
        SECOND.ip: replace(REPORT, cpu="Xeon"),
    }
    assert blocking(problems(INSTANCE, [HEAD, FIRST, SECOND], REPORT, answers, NEED)) == []


def test_without_a_configured_checksum_the_machines_must_agree() -> None:
    third = replace(FIRST, ip="10.0.0.4")
    texts = found(
        nodes=(HEAD, FIRST, SECOND, third),
        instance=replace(INSTANCE, pool_limit=4),
        need=Need(checksums={"llama32": None}),
        models={"llama32": {"bytes": 1, "sha256": "b" * 64}},
    )
    assert [text.split(",")[0] for text in texts] == ["10.0.0.3: model llama32 has sha256 bbbbbbbbbbbb..."]


def test_gpus_are_needed_where_layers_go_to_them() -> None:
    texts = found(need=Need(gpus=True, checksums={}), gpu_build=False)
    assert texts == [
        "10.0.0.2: it offers 1 llama slots and 0 GPUs, and each run needs one; restart it with --num-gpus and "
        """--resources='{"llama": 1}'""",
        "10.0.0.3: llama-cpp-python has no GPU support there, and n_gpu_layers is not 0; install a build that has "
        "(docs/full_experiment.md, 'GPU')",
    ]
    spare = replace(SECOND, resources={"llama": 1, "GPU": 4})
    (text,) = found(nodes=(HEAD, spare), instance=replace(INSTANCE, pool_limit=1), need=Need(gpus=True))
    assert text == """10.0.0.3: 3 of its GPUs get no run; restart it with --resources='{"llama": 4}'"""


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (4, "pool llama: 4 runs may use llama.cpp at once, 3 have a place: others time out while they wait in Ray; "),
        (1, "pool llama: 1 runs at once leave 2 slots idle; "),
    ],
)
def test_the_pool_has_as_many_places_as_the_machines(limit: int, text: str) -> None:
    expected = [text + "run `dagster instance concurrency set llama 3`"]
    assert found(instance=replace(INSTANCE, pool_limit=limit)) == expected


def test_a_laptops_instance_and_a_cluster_without_workers_are_refused() -> None:
    laptop = Instance("DefaultRunLauncher", "QueuedRunCoordinator", "SqliteRunStorage", True, False, 3)
    assert len(found(instance=laptop)) == 4
    assert all("dagster_home/cluster/dagster.yaml" in text for text in found(instance=laptop))
    (text,) = found(nodes=(HEAD,))
    assert text.startswith("Ray: none of 1 nodes offers a llama slot; start workers with `ray start --address=")


def test_a_machine_that_gives_no_answer_is_named() -> None:
    answers: dict[str, MachineReport | str] = {HEAD.ip: REPORT, FIRST.ip: REPORT, SECOND.ip: "sh: python: not found"}
    (problem,) = problems(INSTANCE, [HEAD, FIRST, SECOND], REPORT, answers, NEED)
    assert "10.0.0.3: a job there gave no answer (sh: python: not found); activate the project's" in str(problem)


@pytest.mark.parametrize(
    ("status", "message", "says"),
    [
        (
            "FAILED",
            "failed with exit code 127, last logs:\nRunning entrypoint x\nsh: python: not found\n",
            "sh: python",
        ),
        ("SUCCEEDED", "Job finished successfully.", "its job is SUCCEEDED, and the log cannot be fetched"),
    ],
)
def test_of_a_failed_job_whose_node_gives_no_log_the_head_is_asked(status: str, message: str, says: str) -> None:
    """As where the node's agent found its port taken: Ray answers 500 for the log of a job that did run."""
    jobs = pytest.importorskip("ray.job_submission", reason="the extra of the cluster is not installed")

    class Client:
        def get_job_info(self, _job: str) -> Any:
            return SimpleNamespace(status=jobs.JobStatus(status), message=message)

        def get_job_logs(self, _job: str) -> str:
            raise RuntimeError("Request failed with status code 500: Traceback (most recent call last):\n...")

    answered = _read(Client(), "job", None)
    assert isinstance(answered, str)
    assert answered.startswith(says)
    assert answered.endswith(
        "the log cannot be fetched from there: Request failed with status code 500: Traceback (most recent call last):"
    )


def test_a_machine_says_of_itself_what_is_so(config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "sk-do-not-show")
    monkeypatch.delenv("OTHER_KEY", raising=False)
    root = str(project_root() / "data" / "small")
    write_bytes(probe(root, "t", "head"), b"t")
    model = {"source": "file", "path": "mine.gguf"}
    (project_root() / "mine.gguf").write_bytes(b"GGUF")
    before = code_digest()
    question = Question("{}", {"small": root, "other": root + "-2"}, {"m": model}, ("SECRET_KEY", "OTHER_KEY"), "t")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arena_assets.orchestration.cluster.machine_report._history", lambda _: "")
        patch.setenv("ARENA_WORKER", "n1")
        own = answer(question)
    assert own.worker == "n1"
    assert own.storage == {"small": "", "other": "what the head wrote is not there: it is another storage"}
    assert probe(root, "t", "n1").read_text() == "t"
    assert own.models["m"]["bytes"] == 4
    assert own.keys["SECRET_KEY"] == ""
    assert "OTHER_KEY" in own.keys["OTHER_KEY"]
    assert "sk-do-not-show" not in str(own)
    config_folder.write("small")
    assert code_digest() != before


def test_the_digest_covers_every_module_of_the_package(
    config_folder: ConfigFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine with another sampling of ids, say, must not pass for one with the same code."""
    del config_folder
    package = tmp_path / "arena_assets"
    shutil.copytree(ROOT / "arena_assets", package, ignore=shutil.ignore_patterns("__pycache__"))
    before = code_digest()
    monkeypatch.setattr(arena_assets, "__file__", str(package / "__init__.py"))
    assert code_digest() == before
    for module in ("ids.py", "rules/scores.py", "orchestration/cluster/placement.py"):
        (package / module).write_text((package / module).read_text() + "\n")
        assert code_digest() != before, module
        before = code_digest()


def test_on_a_laptop_the_command_says_that_there_is_no_cluster(
    config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config_folder.write("small")
    home = project_root() / "dagster_home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert main(["cluster", "check", "small"]) == 1
    assert "launches runs by DefaultRunLauncher, on this machine alone" in capsys.readouterr().err

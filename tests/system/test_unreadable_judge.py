"""`arena run` with a judge that nobody can read: it ends for all batches together, and quotes what the judge says."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena_assets.cli.run import run
from arena_assets.config import load_experiment
from arena_assets.errors import JudgeStoppedError
from tests.judging.fault_server import Body, FaultServer, completion
from tests.system.experiments import write_experiment

pytestmark = pytest.mark.model

TEXT = "A nice answer, and well put."


def test_a_run_stops_across_its_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(body: Body) -> tuple[int, Body]:
        return 200, completion(body, 0, text=TEXT)

    for name, folder in {"ARENA_CONFIGS": "configs", "ARENA_STORAGE": "data", "DAGSTER_HOME": "home"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    (tmp_path / "home").mkdir()
    with FaultServer(script=script).running() as server:
        judge = {
            "kind": "openai", "model": "judge", "rubric": "Is it right?", "base_url": server.url, "api_key_env": None,
            "uncertainty": "none", "max_retries": 0,
        }  # fmt: skip
        write_experiment(tmp_path / "configs", "unreadable", prompts=8, batch_size=1, judge=judge)
        experiment = load_experiment("unreadable")
        rows = len(experiment.policies)
        with pytest.raises(JudgeStoppedError, match=f"the last 20 answers of judge .* hold no verdict.*{TEXT}"):
            run(experiment)
        assert len(server.requests) == 20
        begun = [line for line in capsys.readouterr().out.splitlines() if line.startswith("batch ")]
        assert len(begun) == -(-20 // rows)  # no further batch was begun
        with pytest.raises(JudgeStoppedError):
            run(experiment)
        assert len(server.requests) == 21

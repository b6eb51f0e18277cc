"""The connection that Dagster's history keeps, on a real Postgres in a network namespace (`kept.py`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cluster.namespace import inside, why_not
from tests.conftest import ROOT

pytestmark = pytest.mark.cluster


def test_queries_share_a_connection_which_is_closed_when_idle_and_found_lost_after_a_restart(tmp_path: Path) -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(f"no Postgres can run here: {reason}")
    done = inside([sys.executable, "-m", "tests.cluster.kept", str(tmp_path)], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads((tmp_path / "observed.json").read_text()) == {
        "opened": 0,
        "kept": 1,
        "idle": 0,
        "runs_after_idle": 0,
        "kept_again": 1,
        "runs_after_restart": 0,
    }

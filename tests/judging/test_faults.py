"""Every fault at once, at 30%: all items scored, none twice, each in the journal once, with a kill in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.judging.fault_server import FAULTS, FaultServer
from tests.judging.remote_judge import KEY, judge, numbered, score

N = 500


def keys_of(journal: Path) -> list[str]:
    lines = (journal / "items.jsonl").read_bytes().split(b"\n")
    return [json.loads(line)["key"] for line in lines[:-1]]


@pytest.mark.slow
def test_500_items_at_30_percent_faults_with_a_kill_in_between(
    serve: Callable[..., FaultServer], tmp_path: Path
) -> None:
    server = serve(faults=0.3, latency=0.01)
    journal = tmp_path / "journal"
    child = subprocess.Popen(
        [sys.executable, "-m", __name__, server.url, str(journal)],
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"OPENAI_API_KEY": KEY},
    )
    deadline = time.monotonic() + 60
    while not (journal / "items.jsonl").exists() or len(keys_of(journal)) < 200:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = len(keys_of(journal))
    assert 200 <= kept < N
    answered_before = sum(server.served.values())
    asked_before = len(server.requests)
    time.sleep(0.1)  # answers that were on their way when the child died

    found = score(judge(server, concurrency=16), numbered(N), journal)

    assert Counter(verdict.status for verdict in found) == {"ok": N}
    assert [verdict.score for verdict in found] == [pytest.approx(n % 11 / 10) for n in range(N)]
    keys = keys_of(journal)
    assert len(keys) == len(set(keys)) == N
    # Only what was in flight at the kill, at most 16, may have been answered and not kept.
    lost = answered_before - kept
    assert 0 <= lost <= 16
    assert len(server.served) == N
    assert sum(server.served.values()) <= N + 16
    assert max(server.served.values()) <= 2
    assert set(server.faulted) == set(FAULTS)
    assert sum(server.faulted.values()) > 0.3 * N
    asked = len(server.requests)
    assert asked > asked_before
    assert score(judge(server, concurrency=16), numbered(N), journal) == found
    assert len(server.requests) == asked


if __name__ == "__main__":
    score(judge(FaultServer(url=sys.argv[1]), concurrency=16), numbered(N), Path(sys.argv[2]))

"""Judging through an API: many calls at once against a plain loop over the same client, and against the server's limit.

The server of the judging tests, without faults, in a process of its own, answers after 50 ms. Ours does all that a real
run does: prompt, probabilities, parsing, and a durable journal record an answer.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai

from arena_assets.config.judges import OpenAIJudge
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item
from arena_assets.judging.remote.capabilities import first_capabilities
from arena_assets.judging.remote.request import body, calls
from arena_assets.judging.remote.scorer import OpenAIScorer
from arena_assets.progress import silent
from benchmarks.report import Case, against_peer, report

SERVER = Path(__file__).resolve().parents[1] / "tests" / "judging" / "fault_server.py"
LATENCY, CONCURRENCY, REPEATS = 0.05, 16, 7
OURS_ITEMS, LOOP_ITEMS = 480, 40


@contextmanager
def server() -> Iterator[str]:
    """The address of a server that runs until the block ends."""
    command = [sys.executable, str(SERVER), "--latency", str(LATENCY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def items(count: int, run: int) -> list[Item]:
    return [
        Item(f"p{n}", "P0", f"Question {n} of run {run}", f"This is item {n}. " + "Text. " * 100) for n in range(count)
    ]


def ours(config: OpenAIJudge, run: int) -> float:
    """Seconds an item, everything included."""
    scorer = OpenAIScorer(config, environment={"OPENAI_API_KEY": "none"})
    with tempfile.TemporaryDirectory() as folder, Journal(folder) as journal:
        started = time.perf_counter()
        verdicts = scorer.score(items(OURS_ITEMS, run), journal=journal, progress=silent)
        seconds = time.perf_counter() - started
    assert all(verdict.status == "ok" for verdict in verdicts)
    return seconds / OURS_ITEMS


def plain_loop(config: OpenAIJudge, run: int) -> float:
    """Seconds an item of a script that asks one after the other and keeps nothing."""
    client = openai.OpenAI(api_key="none", base_url=config.base_url)
    requests = [body(config, calls(config, item)[0], first_capabilities(config)) for item in items(LOOP_ITEMS, run)]
    started = time.perf_counter()
    for request in requests:
        client.chat.completions.create(**request)
    seconds = time.perf_counter() - started
    client.close()
    return seconds / LOOP_ITEMS


def main() -> int:
    with server() as url:
        config = OpenAIJudge(kind="openai", model="judge", rubric="Right?", base_url=url, concurrency=CONCURRENCY)
        ours(config, -1), plain_loop(config, -1)
        mine, loop = [], []
        for run in range(REPEATS):
            mine.append(ours(config, run))
            loop.append(plain_loop(config, run))
    rate, limit = 1 / statistics.median(mine), CONCURRENCY / LATENCY
    spread = f"{1 / max(mine):.4g} to {1 / min(mine):.4g}, n = {REPEATS}"
    return report(
        "judge",
        [
            against_peer("seconds an item, 16 at once, against a plain loop", mine, loop, unit="s", goal=8.0),
            Case("share of the server's limit", rate, limit, "1/s", rate / limit, 0.5, rate >= 0.5 * limit, spread),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())

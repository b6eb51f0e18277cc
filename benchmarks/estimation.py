"""Speed of the estimator suite beside its peer, the Python package cje-eval 0.3.0 (`make benchmark-estimation`)."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from tqdm import tqdm

from arena_assets.estimation import (
    AblationSpec,
    EvaluationData,
    Scenario,
    ablation_grid,
    analyze,
    draw_targets,
    from_sampler,
)
from benchmarks.report import Case, against_peer, report, within_bound

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT.parent / "shared" / "data" / "arena_sample"
PEER = "cje-eval==0.3.0"
PEER_VENV = Path(__file__).parent / ".peer-venv"
PEER_FIVE = ("direct", "calibrated-ips", "dr-cpo", "tmle", "stacked-dr")
POLICIES = {
    "clone": Scenario("clone").shifts,
    "parallel_universe_prompt": Scenario("good").shifts,
    "different": Scenario("fair").shifts,
    "unhelpful": Scenario("poor", transports=False).shifts,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="interleaved repetitions (default 5)")
    parser.add_argument("--no-peer", action="store_true", help="only the cases that need no peer")
    arguments = parser.parse_args()
    cases: list[Case] = []
    with tempfile.TemporaryDirectory() as folder:
        sample = SAMPLE if SAMPLE.is_dir() else write_sample(Path(folder))
        print(f"sample: {'shared data' if sample == SAMPLE else 'generated, the shared sample is absent'}")
        if not arguments.no_peer:
            cases += beside_peer(sample, arguments.repeat)
    cases.append(ten_thousand(arguments.repeat))
    cases.append(paper_grid())
    return report("estimation", cases)


def beside_peer(sample: Path, repeat: int) -> list[Case]:
    """All methods of ours, from the files to the table, against the peer's estimators from the same files."""
    ours: list[float] = []
    alone: list[float] = []
    peer: dict[str, list[float]] = {name: [] for name in PEER_FIVE}
    with started_peer(sample) as ask:
        rows = len(analyze(load(sample)))  # warm up, as the peer's start is not counted either
        for _ in tqdm(range(repeat), desc=f"{rows} results of ours beside {len(peer)} estimators of the peer"):
            begun = time.perf_counter()
            data = load(sample)
            loaded = time.perf_counter()
            analyze(data)
            ours.append(time.perf_counter() - begun)
            alone.append(time.perf_counter() - loaded)
            for name, seconds in peer.items():
                seconds.append(ask(name))
    together = [sum(values) for values in zip(*peer.values(), strict=True)]
    return [
        against_peer("all methods, files to table, v five of the peer", ours, together, unit="s", goal=200),
        against_peer("all methods, analysis alone, v five of the peer", alone, together, unit="s", goal=200),
    ]


def ten_thousand(repeat: int) -> Case:
    """10,000 prompts x 4 targets, all methods."""
    data = draw_targets(POLICIES, n=10_000, n_labels=2_500, rng=np.random.default_rng(0))
    taken = []
    for _ in range(repeat + 1):
        begun = time.perf_counter()
        analyze(data)
        taken.append(time.perf_counter() - begun)
    return within_bound("all methods, 10,000 prompts x 4 targets", taken[1:], 0.5, unit="s")


def paper_grid() -> Case:
    """The paper's design on 5,000 generated prompts: 16,250 experiments."""
    spec = AblationSpec.from_mapping(yaml.safe_load((ROOT / "configs" / "ablations" / "paper.yaml").read_text()))
    data = draw_targets(POLICIES, n=5_000, n_labels=5_000, rng=np.random.default_rng(0))
    begun = time.perf_counter()
    with tqdm(desc=f"paper's grid, {len(spec.chosen)} methods each", unit="subset") as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = ablation_grid(data, spec, progress=progress)
    seconds = time.perf_counter() - begun
    columns = ["estimator", "reward_calibration", "weight_calibration"]
    measured = ["rmse", "coverage", "interval_width", "pairwise_accuracy", "kendall_tau"]
    print(result.runs.groupby(columns, sort=False)[measured].mean().round(3).to_string())
    return within_bound(f"paper's grid, {len(result.runs):,} experiments", [seconds], 240.0, unit="s")


def load(sample: Path) -> EvaluationData:
    """The sample's files, which have the peer's own layout, in this project's terms."""
    draws = sorted((sample / "fresh_draws").glob("*_responses.jsonl"))
    targets = {path.name.removesuffix("_responses.jsonl"): path for path in draws}
    targets.pop("base", None)
    return from_sampler(sample / "logged_data.jsonl", targets, logging_policy="base")


@contextmanager
def started_peer(sample: Path) -> Iterator[Callable[[str], float]]:
    """A running peer; call it with an estimator's name for the seconds that it took."""
    command = [
        peer_python(),
        Path(__file__).with_name("peer_cje.py"),
        sample / "logged_data.jsonl",
        sample / "fresh_draws",
    ]
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    asked, answers = process.stdin, process.stdout
    assert asked is not None
    assert answers is not None

    def answer() -> dict[str, Any]:
        line = answers.readline()
        if not line:
            raise RuntimeError(f"the peer ended with code {process.wait()}; run {command[1]} by hand to see why")
        return dict(json.loads(line))

    def ask(name: str) -> float:
        asked.write(f"{name}\n")
        asked.flush()
        return float(answer()["seconds"])

    try:
        answer()
        yield ask
    finally:
        asked.close()
        process.wait(timeout=60)


def peer_python() -> Path:
    """The interpreter of the peer's own virtual environment, set up at the first use."""
    python = PEER_VENV / "bin" / "python"
    mark = PEER_VENV / "installed"
    if not mark.is_file() or mark.read_text() != PEER:
        print(f"setting up the peer: {PEER}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEER_VENV)], check=True)
        (PEER_VENV / ".gitignore").write_text("*\n")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", PEER], check=True)
        mark.write_text(PEER)
    return python


def write_sample(folder: Path) -> Path:
    """Generated data in the layout of the shared sample: 1,000 prompts, three targets, 480 labels."""
    targets = {name: shifts for name, shifts in POLICIES.items() if name != "different"}
    data = draw_targets(targets, n=1_000, n_labels=480, rng=np.random.default_rng(0))
    draws = folder / "fresh_draws"
    draws.mkdir()
    scores = data.scores["deterministic"]
    with (folder / "logged_data.jsonl").open("w") as file:
        for i, prompt_id in enumerate(data.prompt_ids):
            logps = {name: float(-500 + target.log_weights[i]) for name, target in data.targets.items()}
            row = {
                "prompt": f"prompt {prompt_id}",
                "response": "a",
                "base_policy_logprob": -500.0,
                "target_policy_logprobs": logps,
                "metadata": {"prompt_id": prompt_id},
                "judge_score": float(scores[i]),
            }
            if not np.isnan(data.labels[i]):
                row["oracle_label"] = float(data.labels[i])
            file.write(json.dumps(row) + "\n")
    for name, target in data.targets.items():
        with (draws / f"{name}_responses.jsonl").open("w") as file:
            for prompt_id, score in zip(target.prompt_ids, target.scores["deterministic"], strict=True):
                row = {
                    "prompt_id": prompt_id,
                    "prompt": "p",
                    "response": "a",
                    "judge_score": float(score),
                    "draw_idx": 0,
                }
                file.write(json.dumps(row) + "\n")
    return folder


if __name__ == "__main__":
    sys.exit(main())

"""What every benchmark reports: a table on the screen, and `benchmarks/results/NAME.json` with the same rows.

`ratio` says how many times better ours is than the peer measured beside it; for a bound (seconds, bytes) it is
bound / ours, so that 1 and more holds.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Case:
    """One measured case: medians, and in `spread` what the repetitions of ours ranged over."""

    case: str
    ours: float
    peer: float
    unit: str
    ratio: float
    goal: float
    holds: bool
    spread: str = ""


def against_peer(case: str, ours: Sequence[float], peer: Sequence[float], *, unit: str, goal: float) -> Case:
    """Medians of ours and of a peer, measured interleaved: how many times less ours takes; holds from `goal` times."""
    mine, other = statistics.median(ours), statistics.median(peer)
    ratio = other / mine if mine else float("inf")
    return Case(case, mine, other, unit, ratio, goal, ratio >= goal, _spread(ours))


def within_bound(case: str, ours: Sequence[float], bound: float, *, unit: str) -> Case:
    """Median of ours against an upper bound."""
    mine = statistics.median(ours)
    ratio = bound / mine if mine else float("inf")
    return Case(case, mine, bound, unit, ratio, 1.0, ratio >= 1.0, _spread(ours))


def report(name: str, cases: Sequence[Case]) -> int:
    """Print the table and write the JSON; the exit code is 0 where every goal holds, else 1."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps([asdict(case) for case in cases], indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    width = max((len(case.case) for case in cases), default=4)
    print(f"{'case':{width}}  {'ours':>10}  {'peer':>10}  {'unit':4}  {'ratio':>8}  {'goal':>6}  holds  spread of ours")
    for case in cases:
        print(
            f"{case.case:{width}}  {case.ours:10.4g}  {case.peer:10.4g}  {case.unit:4}  {case.ratio:8.2f}  "
            f"{case.goal:6.1f}  {'yes' if case.holds else 'NO':5}  {case.spread}"
        )
    return 0 if all(case.holds for case in cases) else 1


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.4g} to {max(values):.4g}, n = {len(values)}"

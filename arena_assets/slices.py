"""Which responses the oracle labels. A batch decides for itself, so no batch waits for another.

- A fraction f: a prompt is in when its uniform hash lies below f. More prompts, or a larger f, extend the slice.
- A number n: the first n prompts in the order of the sample, which is itself an order by hash, so they are a random
  sample. Exact, known to each batch from the ranks it holds, and the same however many prompts the experiment has.
- A fraction, stratified: within each bin of the judge's score every 1/f-th prompt, in the order of the sample, from a
  hashed start. Every bin gets its share to within one prompt, and every response still has the chance f, so means over
  the slice need no weights. Prompts that are added to a batch come last and change no earlier decision.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from arena_assets.config import Experiment, OracleConfig
from arena_assets.ids import sampling_rank, slice_rank

SliceName = Literal["calibration", "validation"]
Scores = Mapping[tuple[str, str], float | None]

# Ten bins: a 0 to 10 rubric has about one score in each, and a batch of 50 some five responses in each.
SCORE_BINS = 10


@dataclass(frozen=True)
class Labelled:
    """A response that the oracle labels: `calibration` on P0's responses, `validation` on a target's."""

    prompt_id: str
    policy: str
    slice: SliceName


def choose(
    experiment: Experiment, partition: str, prompt_ids: Iterable[str], *, judge_scores: Scores | None = None
) -> list[Labelled]:
    """The responses of a batch that the oracle labels, in the order of the sample, P0's first.

    prompt_ids: all prompts of the batch, in any order. judge_scores: the deterministic score by (prompt_id, policy),
    needed by `stratify` alone; a response without one is in a bin of its own.

    Raises:
        ValueError: `stratify` without judge_scores.
    """
    oracle = experiment.oracle
    if not oracle.enabled:
        return []
    order = sorted(prompt_ids, key=lambda prompt_id: sampling_rank(experiment.seed, prompt_id))
    first, _ = experiment.batch_bounds(partition)
    chosen = []
    for policy in experiment.policies:
        name: SliceName = "calibration" if policy.name == experiment.logging_policy.name else "validation"
        size = oracle.calibration if name == "calibration" else oracle.validation
        if isinstance(size, int):
            inside = order[: max(0, size - first)]
        elif oracle.stratify:
            if judge_scores is None:
                raise ValueError("a stratified slice needs the judge's scores")
            inside = _stratified(experiment.seed, partition, order, name, policy.name, size, judge_scores)
        else:
            inside = [prompt_id for prompt_id in order if slice_rank(experiment.seed, name, prompt_id) < size]
        chosen += [Labelled(prompt_id, policy.name, name) for prompt_id in inside]
    return chosen


def expected_labels(oracle: OracleConfig, name: SliceName, first: int, stop: int) -> float:
    """How many labels of one policy a slice has in the mean among the prompts of ranks `first` to `stop`, exclusive."""
    if not oracle.enabled:
        return 0.0
    size = oracle.calibration if name == "calibration" else oracle.validation
    return max(0, min(size, stop) - first) if isinstance(size, int) else size * (stop - first)


def _stratified(
    seed: int, partition: str, order: list[str], name: str, policy: str, fraction: float, scores: Scores
) -> list[str]:
    seen: Counter[int] = Counter()
    inside = []
    for prompt_id in order:
        bin_ = _bin(scores.get((prompt_id, policy)))
        start = slice_rank(seed, f"{name}/{policy}/{bin_}", partition)
        before = seen[bin_]
        seen[bin_] += 1
        if math.floor((before + 1) * fraction + start) > math.floor(before * fraction + start):
            inside.append(prompt_id)
    return inside


def _bin(score: float | None) -> int:
    if score is None or math.isnan(score):
        return -1
    return min(SCORE_BINS - 1, int(score * SCORE_BINS))

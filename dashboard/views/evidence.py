"""What is known of the responses to one prompt: scores, labels, reference points, weights under each policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from arena_assets.charts.names import count
from arena_assets.judging.reference import contained
from arena_assets.judging.remote.thinking import hide_thinking

NUMBERS = (
    "policy", "judge score", "judge mean", "judge sd", "label", "slice", "ln P", "log weight", "weight", "share",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Evidence:
    """The rows of one prompt. judged, labelled: of `judge_scores` and `oracle_labels`, by policy.

    log_weights: of each target, nats; total: ln P of P0's response under P0; whole: ln of the sum of all weights of a
    policy, by which a weight's share is known.
    """

    judged: Mapping[str, Mapping[str, Any]]
    labelled: Mapping[str, Mapping[str, Any]]
    log_weights: Mapping[str, float]
    total: float | None
    whole: Mapping[str, float]

    def numbers(self, policies: Sequence[str], logging: str) -> pd.DataFrame:
        """A row for each policy with `NUMBERS`; what is not there is null."""
        return pd.DataFrame([self._row(policy, logging) for policy in policies], columns=list(NUMBERS))

    def reasons(self, policies: Sequence[str]) -> list[str]:
        """Why a score or a label is missing, a sentence for each."""
        return [
            f"{policy}: the {role} gave no {what} ({row['reason']})"
            for role, what, rows in (("judge", "score", self.judged), ("oracle", "label", self.labelled))
            for policy in policies
            if (row := rows.get(policy)) is not None and row["status"] != "ok"
        ]

    def _row(self, policy: str, logging: str) -> tuple[object, ...]:
        judged, label = self.judged.get(policy, {}), self.labelled.get(policy, {})
        log = 0.0 if policy == logging else self.log_weights.get(policy, np.nan)
        under = np.nan if self.total is None else self.total + log
        share = float(np.exp(log - self.whole[policy])) if policy in self.whole else np.nan
        variance = judged.get("judge_variance", np.nan)
        return (
            policy,
            judged.get("judge_score", np.nan),
            judged.get("judge_mean", np.nan),
            np.nan if pd.isna(variance) else float(variance) ** 0.5,
            label.get("oracle_label", np.nan),
            label.get("slice", ""),
            under,
            log,
            float(np.exp(log)),
            share,
        )


def whole(weights: pd.DataFrame) -> dict[str, float]:
    """ln of the sum of each policy's weights, where it has one above 0. weights: policy, log_weight (nats)."""
    found = {}
    for policy, own in weights.groupby("policy", observed=True)["log_weight"]:
        logs = own.dropna().to_numpy(float)
        if np.isfinite(logs).any():
            found[str(policy)] = float(np.logaddexp.reduce(logs))
    return found


def points(stated: Sequence[Sequence[str]], response: str, *, strip_thinking: bool) -> str:
    """Which reference points a response meets and which it misses, each by its first spelling; none: empty."""
    if not stated:
        return ""
    # As the oracle read it.
    met = contained(stated, hide_thinking(response).strip() if strip_thinking else response)
    named = {True: [point[0] for point, there in zip(stated, met, strict=True) if there]}
    named[False] = [point[0] for point, there in zip(stated, met, strict=True) if not there]
    parts = [f"{word}: {', '.join(named[there])}" for there, word in ((True, "met"), (False, "missed")) if named[there]]
    return f"{sum(met)} of {count(len(met), 'reference point')} ({'; '.join(parts)})"

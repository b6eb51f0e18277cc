"""Rules of `ablation_results`."""

from __future__ import annotations

import math

from arena_assets.estimation.estimators.methods import METHOD_COLUMNS
from arena_assets.rules.finding import Batch, Outcome, Rule, none_of
from arena_assets.rules.machines import across_batches
from arena_assets.tables import rows_of

# Two independent sets of responses of the same policy: a difference of 4 standard errors is no chance.
CLONE_STANDARD_ERRORS = 4.0


def _clone_agrees(batch: Batch) -> Outcome:
    """A weighted estimate of a clone is the mean over P0's own rows, so it must agree with P0's own mean."""
    table, p0 = batch.table, batch.experiment.logging_policy.name
    own = table[(table["policy"] == p0) & (table["status"] == "ok")]
    clones = table[table["policy"].isin(batch.experiment.clones) & (table["status"] == "ok")]
    if own.empty or clones.empty:
        return Outcome(True, "no target equals P0, or nothing was estimated: nothing to compare")
    both = clones.merge(own, on=list(METHOD_COLUMNS), suffixes=("", "_p0"))
    bad = []
    for row in rows_of(both):
        spread = math.hypot(row["std_error"], row["std_error_p0"])
        if abs(row["estimate"] - row["estimate_p0"]) > CLONE_STANDARD_ERRORS * spread:
            bad.append(f"{row['estimator']} ({row['estimate']:.3f} against {row['estimate_p0']:.3f})")
    return none_of(
        bad,
        "estimates of a clone differ from P0's own mean",
        "weights or labels are wrong: look at logprobs",
        len(both),
    )


def _finite(batch: Batch) -> Outcome:
    done = batch.table[batch.table["status"] == "ok"]
    wrong = done[["estimate", "std_error", "ci_low", "ci_high"]].isna().any(axis=1)
    bad = [f"{row['estimator']}/{row['policy']}" for row in rows_of(done[wrong])]
    return none_of(bad, "finished estimates lack a value or an interval", "report it: this is a bug", len(done))


def _failed(batch: Batch) -> Outcome:
    failed = batch.table[batch.table["status"] != "ok"]
    bad = [f"{row['estimator']}/{row['policy']}: {row['reason']}" for row in rows_of(failed)]
    return none_of(bad, "methods gave no estimate", "see each reason", len(batch.table))


ABLATION_RULES = (
    Rule("whole_estimates", "every finished estimate has a value and an interval", _finite, form=True),
    Rule("clone_agrees", "a clone's estimates agree with P0's own mean", _clone_agrees, blocking=False),
    Rule("all_estimated", "every method gave an estimate", _failed, blocking=False),
    Rule("reproducibility", "all partitions were scored on one kind of machine", across_batches, blocking=False),
)

"""Rules of `judge_scores` and `oracle_labels`."""

from __future__ import annotations

import pandas as pd

from arena_assets import pipeline
from arena_assets.rules.finding import Batch, Outcome, Rule, below, none_of
from arena_assets.rules.responses import left_out_for_all
from arena_assets.rules.thresholds import MAX_UNSCORED_SHARE, ROUNDING
from arena_assets.slices import choose
from arena_assets.tables import rows_of


def _ids(frame: pd.DataFrame) -> list[str]:
    return [f"{row['prompt_id']}/{row['policy']}" for row in rows_of(frame)]


def _complete(batch: Batch) -> Outcome:
    responses = batch.upstream[pipeline.RESPONSES.name]
    wanted = set(zip(responses["prompt_id"], responses["policy"], strict=True))
    got = set(zip(batch.table["prompt_id"], batch.table["policy"], strict=True))
    bad = sorted("/".join(key) for key in wanted ^ got)
    return none_of(bad, "responses have no row, or a row has no response", "re-run the partition", len(wanted))


def _consistent(batch: Batch) -> Outcome:
    table = batch.table
    value = "judge_score" if batch.asset == pipeline.JUDGE_SCORES.name else "oracle_label"
    wrong = (table["status"].eq("ok") != table[value].notna()) | (table["status"].ne("ok") & table["reason"].isna())
    return none_of(
        _ids(table[wrong]),
        "rows have a score without status ok, or none without a reason",
        "re-run the partition",
        len(table),
    )


def _variance(batch: Batch) -> Outcome:
    table = batch.table.dropna(subset=["judge_mean", "judge_variance"])
    wide = table["judge_variance"] > table["judge_mean"] * (1 - table["judge_mean"]) + ROUNDING
    what = "variances exceed mean (1 - mean), which no distribution on 0 to 1 has"
    return none_of(_ids(table[wide]), what, "the judge is wrong: fix it, re-run the partition", len(table))


def _unscored(batch: Batch) -> Outcome:
    table = batch.table[~batch.table["prompt_id"].isin(left_out_for_all(batch))]
    bad = table[table["status"] != "ok"]
    entries = [f"{row['prompt_id']}/{row['policy']}: {row['reason']}" for row in rows_of(bad)]
    share = len(bad) / max(len(table), 1)
    return below(
        share,
        MAX_UNSCORED_SHARE,
        entries,
        "rows have no score",
        "re-run the partition: it asks for those that failed, and retry_unscored times for those without a verdict",
        len(table),
    )


def _signal(batch: Batch) -> Outcome:
    table = batch.table
    spread = table.groupby("policy")["judge_score"].std()
    flat = [str(policy) for policy, value in spread.items() if not value > 0]
    text = "spread of the deterministic score: " + ", ".join(
        f"{policy} {value:.3g}" for policy, value in spread.items()
    )
    if flat:
        text += f"; the judge cannot tell the responses of {', '.join(flat)} apart"
    return Outcome(not flat, text, {f"sd {policy}": float(value) for policy, value in spread.items() if value == value})


def _coverage(batch: Batch) -> Outcome:
    assert batch.partition is not None
    prompts = batch.upstream[pipeline.PROMPTS.name]["prompt_id"].tolist()
    scores = None
    if batch.experiment.oracle.stratify:
        judged = batch.upstream[pipeline.JUDGE_SCORES.name]
        scores = dict(zip(zip(judged["prompt_id"], judged["policy"], strict=True), judged["judge_score"], strict=True))
    chosen = choose(batch.experiment, batch.partition, prompts, judge_scores=scores)
    wanted = {(entry.prompt_id, entry.policy, entry.slice) for entry in chosen}
    got = set(zip(batch.table["prompt_id"], batch.table["policy"], batch.table["slice"], strict=True))
    bad = sorted("/".join(key) for key in wanted ^ got)
    outcome = none_of(
        bad, "labels are missing from the configured slice or outside it", "re-run the partition", len(wanted)
    )
    return Outcome(outcome.passed, outcome.text, dict(outcome.figures) | _labelled(batch))


def _labelled(batch: Batch) -> dict[str, int]:
    counts = batch.table.groupby("slice")["oracle_label"].count()
    return {f"labelled {name}": int(count) for name, count in counts.items()}


def _imported_labels(batch: Batch) -> Outcome:
    return Outcome(True, f"{len(batch.table)} labels came with the import", _labelled(batch))


_CONSISTENT = Rule("status_and_reason", "a row without a score says why", _consistent, form=True)

JUDGE_RULES = (
    Rule("complete", "every response has a row", _complete, form=True),
    _CONSISTENT,
    Rule("variance_bound", "the variance is at most mean (1 - mean)", _variance),
    Rule("few_unscored", "fewer than 5% of the responses are unscored", _unscored),
    Rule("spread", "the judge tells responses apart", _signal, blocking=False),
)

ORACLE_RULES = (
    Rule("coverage", "the labelled slice is the configured one", _coverage, of_imports=_imported_labels),
    _CONSISTENT,
    Rule("few_unscored", "fewer than 5% of the slice have no label", _unscored),
)

"""Rules of `logprobs`: what keeps wrong weights out of the analysis."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arena_assets import pipeline
from arena_assets.estimation.data import weights
from arena_assets.rules.finding import Batch, Outcome, Rule, below, none_of
from arena_assets.rules.machines import within_batch
from arena_assets.rules.responses import left_out_for_all
from arena_assets.rules.thresholds import (
    CLONE_LOG_RATIO_TOLERANCE,
    LOWEST_OVERLAP,
    MAX_MISSING_SHARE,
    MAX_REJECTED_SHARE,
    MAX_ZERO_SHARE,
)


def policy_logps(table: pd.DataFrame, policies: tuple[str, ...]) -> pd.DataFrame:
    """ln P of every target by prompt: (prompts, targets), NaN where null; the index is prompt_id."""
    rows = table["target_logps"].tolist()
    values = {policy: weights.target_logprobs(rows, policy) for policy in policies}
    return pd.DataFrame(values, index=pd.Index(table["prompt_id"]), columns=list(policies), dtype="float64")


def log_ratios(table: pd.DataFrame, policies: tuple[str, ...]) -> pd.DataFrame:
    """ln pi(response) - ln P0(response), nats, in the shape of `policy_logps`; NaN where one is null or impossible.

    Minus infinity is a weight of 0.
    """
    base = table["total_logprob"].to_numpy(dtype=np.float64, na_value=np.nan)
    targets = policy_logps(table, policies)
    ratios = {policy: weights.log_ratios(targets[policy].to_numpy(), base) for policy in policies}
    return pd.DataFrame(ratios, index=targets.index, columns=list(policies), dtype="float64")


def _fields(batch: Batch) -> Outcome:
    names = batch.experiment.target_names
    fields = batch.table["target_logps"].map(lambda row: row is not None and set(row) == set(names))
    bad = batch.table.loc[~fields.astype(bool), "prompt_id"].tolist()
    prompts = set(batch.upstream[pipeline.PROMPTS.name]["prompt_id"])
    bad += sorted(prompts ^ set(batch.table["prompt_id"]))
    what = f"rows lack a field of PrecomputedSampler (target_logps of {', '.join(names)}) or a prompt of the batch"
    return none_of(bad, what, "re-run the partition", len(batch.table))


def _all_values(batch: Batch) -> pd.DataFrame:
    values = policy_logps(batch.table, batch.experiment.target_names)
    values.insert(
        0, batch.experiment.logging_policy.name, batch.table.set_index("prompt_id")["total_logprob"].astype("float64")
    )
    return values


def _possible(batch: Batch) -> Outcome:
    values = _all_values(batch)
    wrong = values > 0
    own = batch.experiment.logging_policy.name
    wrong[own] |= np.isinf(values[own])
    bad = [f"{prompt}/{policy}" for prompt, policy in wrong.stack()[lambda flag: flag].index]
    return none_of(
        bad,
        "log-probabilities are above 0, or P0's own infinite",
        "the scorer is wrong: fix it, re-run the partition",
        wrong.size,
    )


def _zeros(batch: Batch) -> Outcome:
    # Not by the number of tokens, which an import may not know.
    zero = (_all_values(batch) == 0).loc[batch.table["response"].fillna("").ne("").to_numpy()]
    share = float(zero.mean().max()) if len(zero) else 0.0
    bad = [f"{prompt}/{policy}" for prompt, policy in zero.stack()[lambda flag: flag].index]
    remedy = "0 is a missing value in disguise: fix the scorer, re-run the partition"
    return below(
        share, MAX_ZERO_SHARE, bad, "log-probabilities of non-empty responses are 0 (worst policy)", remedy, zero.size
    )


def _missing(batch: Batch) -> Outcome:
    values = _all_values(batch)
    null = values[~values.index.isin(left_out_for_all(batch))].isna()
    share = float(null.mean().max()) if len(null) else 1.0
    bad = [f"{prompt}/{policy}" for prompt, policy in null.stack()[lambda flag: flag].index]
    remedy = "see `rejected` and the responses left out"
    return below(share, MAX_MISSING_SHARE, bad, "log-probabilities are missing (worst policy)", remedy, null.size)


def _rejected(batch: Batch) -> Outcome:
    entries = [
        f"{prompt}/{entry['policy']}: {entry['reason']}"
        for prompt, row in zip(batch.table["prompt_id"], batch.table["rejected"], strict=True)
        for entry in row
    ]
    total = len(batch.table) * len(batch.experiment.policies)
    share = len(entries) / max(total, 1)
    remedy = "check P0's model file and its chat template"
    return below(share, MAX_REJECTED_SHARE, entries, "log-probabilities were rejected as impossible", remedy, total)


def _clone(batch: Batch) -> Outcome:
    clones = batch.experiment.clones
    if not clones:
        return Outcome(True, "no target policy equals P0, so there is nothing to compare")
    ratios = log_ratios(batch.table, clones)
    off = ratios.abs() > CLONE_LOG_RATIO_TOLERANCE
    bad = [
        f"{prompt}/{policy} is {np.exp(ratios.loc[prompt, policy]):.6g}"
        for prompt, policy in off.stack()[lambda f: f].index
    ]
    largest = float(ratios.abs().max().max()) if len(ratios) else 0.0
    outcome = none_of(
        bad,
        "weights of a clone of P0 are not 1",
        "scoring is not deterministic: do not use this batch's weights",
        off.size,
    )
    return Outcome(outcome.passed, outcome.text, dict(outcome.figures) | {"largest absolute log ratio": largest})


def _replay(batch: Batch) -> Outcome:
    responses = batch.upstream[pipeline.RESPONSES.name]
    logged = responses[responses["policy"] == batch.experiment.logging_policy.name]
    own = logged.set_index("prompt_id")["sampling_logprob"].astype("float64")
    scored = batch.table.set_index("prompt_id")["total_logprob"].astype("float64")
    deviation = (scored - own.reindex(scored.index)).dropna()
    largest = float(np.abs(deviation.to_numpy()).max(initial=0.0))
    if not batch.experiment.engine.promises_equality:
        text = f"scoring differs from sampling by {deviation.std():.3g} nats a response (sd), at most {largest:.3g}"
        return Outcome(True, text, {"largest deviation": largest})
    bad = [str(prompt) for prompt, value in deviation.items() if value != 0]
    outcome = none_of(
        bad,
        "responses score differently from how they were sampled",
        "see the reproducibility check; re-run both assets",
        len(scored),
    )
    return Outcome(outcome.passed, outcome.text, dict(outcome.figures) | {"largest deviation": largest})


def _imported(_: Batch) -> Outcome:
    return Outcome(True, "imported responses have no log-probability at sampling: nothing to compare")


def _reproducible(batch: Batch) -> Outcome:
    mixed = within_batch(batch)
    again = _scored_again(batch)
    if mixed is None:
        return again
    text = f"{mixed.text}; {again.text}"
    return Outcome(mixed.passed and again.passed, text, dict(mixed.figures) | dict(again.figures))


def _scored_again(batch: Batch) -> Outcome:
    sample = batch.upstream.get("rescored")
    if sample is not None:
        sample = sample.dropna(subset=["stored"])  # a rejected value: `few_rejected` counts it
    if sample is None or sample.empty:
        return Outcome(
            True, "no response was scored a second time (engine.reproducibility_sample is 0, or a table read back)"
        )
    deviation = (sample["again"] - sample["stored"]).astype("float64")
    deviation = deviation.mask(sample["again"] == sample["stored"], 0.0)  # infinities that are equal differ by nothing
    wide = sample.assign(deviation=deviation).pivot(index="prompt_id", columns="policy", values="deviation")
    ratio = wide.drop(columns=batch.experiment.logging_policy.name).sub(
        wide[batch.experiment.logging_policy.name], axis=0
    )
    spread = float(np.exp(ratio.stack()).std(ddof=0))
    by_token = deviation.abs() / sample["n_response_tokens"].clip(lower=1)
    if "largest_token" in sample:
        by_token = sample["largest_token"].fillna(by_token)
    figures: dict[str, float | int | str] = {
        "responses": len(sample),
        "largest deviation of a response, nats": float(deviation.abs().max()),
        "largest deviation a token, nats": float(by_token.max()),
        "largest deviation of a log ratio, nats": float(ratio.abs().max().max()),
        "spread of exp(deviation)": spread,
    }
    text = (
        f"{len(sample)} responses scored again in another composition: at most "
        f"{figures['largest deviation of a response, nats']:.3g} nats a response and "
        f"{figures['largest deviation of a log ratio, nats']:.3g} a log ratio apart "
        f"({figures['largest deviation a token, nats']:.3g} a token), "
        f"which spreads the weights by a factor with standard deviation {spread:.3g}"
    )
    if not batch.experiment.engine.promises_equality:
        return Outcome(True, text, figures)
    same = bool((deviation == 0).all() and (by_token == 0).all())
    remedy = "; exact mode promises none: llama.cpp or the machine changed, do not mix these results with earlier ones"
    if batch.experiment.engine.n_gpu_layers:
        remedy += ". If nothing did, this GPU does not keep the promise: set engine.mode: throughput, which makes none"
    return Outcome(same, text + ("" if same else remedy), figures)


def _overlap(batch: Batch) -> Outcome:
    ratios = log_ratios(batch.table, batch.experiment.target_names)
    known = {str(policy): weights.from_log(ratios[policy].dropna().to_numpy()) for policy in ratios}
    fractions = {policy: weights.ess(each) / each.size if each.size else 0.0 for policy, each in known.items()}
    low = [f"{policy} {value:.0%}" for policy, value in fractions.items() if value < LOWEST_OVERLAP]
    text = "effective sample size / n: " + ", ".join(f"{policy} {value:.0%}" for policy, value in fractions.items())
    zero = {policy: int((each == 0).sum()) for policy, each in known.items()}
    if any(zero.values()):
        text += "; rows of weight 0: " + ", ".join(f"{policy} {count}" for policy, count in zero.items() if count)
    if low:
        text += f"; weights say little about {', '.join(low)} in this batch"
    return Outcome(not low, text, {f"ESS/n {policy}": value for policy, value in fractions.items()})


LOGPROB_RULES = (
    Rule(
        "precomputed_sampler_fields", "every row has every field of the PrecomputedSampler format", _fields, form=True
    ),
    Rule("possible_values", "log-probabilities are at most 0, and P0's own finite", _possible, form=True),
    Rule("few_zeros", "fewer than 5% zeros on non-empty responses", _zeros),
    Rule("few_missing", "fewer than 5% missing for each policy", _missing),
    Rule("few_rejected", "few values were rejected as impossible", _rejected),
    Rule("clone_weights_are_one", "a target equal to P0 has weights of exactly 1", _clone),
    Rule(
        "replay_equals_sampling",
        "P0's total_logprob equals its log-probability at sampling",
        _replay,
        of_imports=_imported,
    ),
    Rule("reproducibility", "scored a second time, on the kind of machine that sampled, it is the same", _reproducible),
    Rule("overlap", "effective sample size of each target", _overlap, blocking=False),
)

"""Teacher forcing: ln P of P0's response under every policy, P0 itself included.

Policies that differ in temperature alone are read off one pass. A clone of P0 has passes of its own: that its weights
are exactly 1 is the experiment's proof. So has each policy in the sample that is scored a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arena_assets import pipeline
from arena_assets.config import Experiment, Policy
from arena_assets.ids import content_key, slice_rank
from arena_assets.journal import Journal
from arena_assets.llama.build import arithmetic
from arena_assets.llama.jobs import Done, Force
from arena_assets.llama.journalled import finish_missing
from arena_assets.llama.loaded import Loaded
from arena_assets.llama.pool import ModelPool
from arena_assets.llama.shape import Path
from arena_assets.progress import Progress, silent, within
from arena_assets.rules.rejection import why_rejected
from arena_assets.stages.stage import Made, Work
from arena_assets.tables import LOGPROBS, records, rows_of


@dataclass(frozen=True)
class Scored:
    """The `logprobs` table, and which policies scored re-tokenised text because their vocabulary is another.

    `tokens`: ln P of each token, by `prompt_id/policy`, of the sample that is scored a second time.
    """

    table: pd.DataFrame
    retokenised: tuple[str, ...]
    tokens: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def stage(work: Work) -> Made:
    """The step of the pipeline: scored once, and a sample of it once more for the rules to compare."""
    made_from = work.read[pipeline.PROMPTS.name], work.read[pipeline.RESPONSES.name]
    once = len(work.experiment.policies) * len(work.read[pipeline.PROMPTS.name])
    total = once + len(work.experiment.policies) * len(_sample(work.experiment, work.read[pipeline.PROMPTS.name]))
    first, second = within(work.progress, 0, total), within(work.progress, once, total)
    scored = score_logprobs(work.experiment, *made_from, work.pool, work.journal, first)
    again = rescore(work.experiment, *made_from, scored, work.pool, second)
    work.progress(total, total)  # what is too long for some policy was never begun
    notes = {"retokenised": ",".join(scored.retokenised)}
    return Made(scored.table, notes, compared={"rescored": again}, machine=work.pool.machine())


def score_logprobs(
    experiment: Experiment,
    prompts: pd.DataFrame,
    responses: pd.DataFrame,
    pool: ModelPool,
    journal: Journal,
    progress: Progress = silent,
) -> Scored:
    """The `logprobs` table of a batch; what `journal` holds is not scored again."""
    logged = _logged(experiment, prompts, responses)
    values: dict[str, float] = {}
    tokens: dict[str, NDArray[np.float64]] = {}
    sample = _sample(experiment, prompts)
    retokenised: list[str] = []
    kind = pool.kind()
    path: Path = "decode" if experiment.engine.scoring == "replay" else "prefill"
    home = _home_vocabulary(experiment, pool)
    total, before = len(logged) * len(experiment.policies), 0
    for model, policies in experiment.policies_by_model.items():
        loaded = pool.get(model)
        foreign = _is_foreign(loaded, home)
        retokenised += [policy.name for policy in policies if foreign]
        jobs = _jobs(experiment, policies, logged, loaded, foreign, pool)
        items = finish_missing(
            loaded.engine,
            jobs,
            _keys(experiment, jobs, loaded.identity, path, kind),
            journal,
            partial(_record, sample, loaded),
            former={} if loaded.former is None else _keys(experiment, jobs, loaded.former, path, kind),
            path=path,
            progress=within(progress, before, total),
            on_wait=pool.say,
        )
        values |= {key: float(item["logprob"]) for key, item in items.items()}
        tokens |= {key: np.array(item["tokens"]) for key, item in items.items() if "tokens" in item}
        before += len(logged) * len(policies)
    return Scored(_table(experiment, prompts, logged, values), tuple(sorted(retokenised)), tokens)


def rescore(
    experiment: Experiment,
    prompts: pd.DataFrame,
    responses: pd.DataFrame,
    scored: Scored,
    pool: ModelPool,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Score a sample of the batch a second time in another composition: reversed, few sequences, by replay.

    Returns one row per (prompt_id, policy): `stored` and `again` (ln P, nats), `n_response_tokens` and `largest_token`,
    the largest difference of one token (nats; NaN where the first scoring kept no tokens). In exact mode with replay
    nothing differs, to the last bit; otherwise the difference is what the faster way costs.
    """
    logged = _logged(experiment, prompts, responses)
    logged = logged[logged["prompt_id"].isin(_sample(experiment, prompts))].iloc[::-1]
    stored = scored.table.set_index("prompt_id")
    rows: list[tuple[object, ...]] = []
    home = _home_vocabulary(experiment, pool)
    for model, policies in experiment.policies_by_model.items():
        loaded = pool.get(model)
        jobs = _jobs(experiment, policies, logged, loaded, _is_foreign(loaded, home), pool)
        again: list[Done] = []
        alone = [replace(job, shares=False) for job in jobs]
        within_all = within(progress, len(rows), len(logged) * len(experiment.policies))
        loaded.engine.narrow(6).run(alone, again.append, progress=within_all, on_wait=pool.say)
        for done in again:
            identity, policy = done.key.split("/")
            first = stored.loc[identity]
            is_p0 = policy == experiment.logging_policy.name
            value = first["total_logprob"] if is_p0 else first["target_logps"][policy]
            token = largest_difference(scored.tokens.get(done.key), done.logprobs)
            rows.append((identity, policy, value, done.total, len(done.tokens), token))
    columns = ["prompt_id", "policy", "stored", "again", "n_response_tokens", "largest_token"]
    return pd.DataFrame(rows, columns=columns).sort_values(["prompt_id", "policy"], ignore_index=True)


def largest_difference(one: NDArray[np.float64] | None, other: NDArray[np.float64]) -> float:
    """Largest absolute difference of two (tokens,) arrays; NaN where they cannot be compared."""
    if one is None or one.shape != other.shape:
        return float("nan")
    # Of two impossible tokens the difference is not a number; equal they are all the same.
    with np.errstate(invalid="ignore"):
        return float(np.where(one == other, 0.0, np.abs(one - other)).max(initial=0.0))


def _sample(experiment: Experiment, prompts: pd.DataFrame) -> frozenset[str]:
    """Ids of the prompts that are scored a second time; never dependent on how many others there are."""
    rank = {identity: slice_rank(experiment.seed, "reproducibility", identity) for identity in prompts["prompt_id"]}
    return frozenset(sorted(rank, key=rank.__getitem__)[: experiment.engine.reproducibility_sample])


def _home_vocabulary(experiment: Experiment, pool: ModelPool) -> str | None:
    """P0's vocabulary; None where every policy has its model: reading 49,000 pieces to compare with itself is waste."""
    if len(experiment.policies_by_model) == 1:
        return None
    return pool.get(experiment.logging_policy.model).vocabulary


def _is_foreign(loaded: Loaded, home: str | None) -> bool:
    return home is not None and loaded.vocabulary != home


def _logged(experiment: Experiment, prompts: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """P0's responses with their prompts, joined by key; those without a response are left to be null."""
    own = responses[responses["policy"] == experiment.logging_policy.name]
    joined = prompts[["prompt_id", "prompt"]].merge(own, on="prompt_id", validate="one_to_one")
    return joined[joined["response_tokens"].notna()]


def _jobs(
    experiment: Experiment,
    policies: list[Policy],
    logged: pd.DataFrame,
    loaded: Loaded,
    foreign: bool,
    pool: ModelPool,
) -> list[Force]:
    jobs = []
    limit, sampled_up_to = pool.limit(loaded), experiment.logging_policy.max_tokens
    for row in rows_of(logged):
        tokens = tuple(map(int, row["response_tokens"]))
        if foreign:
            tokens = loaded.retokenise(row["response"], row["finish_reason"])
        for policy in policies:
            prompt = loaded.template.render(policy.system_prompt, row["prompt"], policy.chat_template_kwargs)
            key = f"{row['prompt_id']}/{policy.name}"
            shares = policy.name not in experiment.clones
            job = Force(key, prompt, policy.temperature, tokens, max_tokens=sampled_up_to, shares=shares)
            if job.length <= limit:
                jobs.append(job)
    return jobs


def _keys(experiment: Experiment, jobs: Sequence[Force], model: str, path: Path, kind: str | None) -> dict[str, str]:
    """The journal's key of each job's result, by the job's key."""
    return {
        # The policy's name is part of the key: pi_clone is scored in passes of its own, never looked up from P0's.
        job.key: content_key(
            job=job.key,
            prompt=job.prompt.tokens,
            response=job.response,
            temperature=job.temperature,
            model=model,
            mode=experiment.engine.mode,
            path=path,
            engine=arithmetic(),
            machine=kind,
        )
        for job in jobs
    }


def _record(sample: frozenset[str], loaded: Loaded, done: Done) -> dict[str, Any]:
    """`logprob`, the total, and for the prompts of `sample` that of all `tokens`, with their texts as `pieces`."""
    if done.key.split("/")[0] not in sample:
        return {"logprob": done.total}
    pieces = [loaded.model.piece(token).decode("utf-8", "replace") for token in done.tokens]
    return {"logprob": done.total, "tokens": done.logprobs.tolist(), "pieces": pieces}


def _table(
    experiment: Experiment, prompts: pd.DataFrame, logged: pd.DataFrame, values: dict[str, float]
) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    response = logged.set_index("prompt_id")["response"].to_dict()
    n_tokens = logged.set_index("prompt_id")["n_response_tokens"].to_dict()
    for prompt in rows_of(prompts):
        identity = prompt["prompt_id"]
        length = int(n_tokens.get(identity, 0))
        kept, rejected = {}, []
        for policy in experiment.policies:
            value = values.get(f"{identity}/{policy.name}")
            sampled = policy is experiment.logging_policy
            reason = None if value is None else why_rejected(value, length, sampled=sampled)
            if reason is not None:
                rejected.append({"policy": policy.name, "value": value, "reason": reason})
            kept[policy.name] = None if reason is not None else value
        rows.append(
            {
                "prompt_id": identity,
                "prompt": prompt["prompt"],
                "response": response.get(identity),
                "total_logprob": kept.pop(experiment.logging_policy.name),
                "target_logps": kept,
                "n_response_tokens": length,
                "rejected": rejected,
            }
        )
    return records(rows, LOGPROBS)

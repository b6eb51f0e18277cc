"""Every policy's own response to every prompt of a batch."""

from __future__ import annotations

import pandas as pd

from arena_assets.config import Experiment, Policy
from arena_assets.ids import content_key, stream_seed
from arena_assets.journal import Journal
from arena_assets.llama.jobs import Done, Generate
from arena_assets.llama.native import library_version
from arena_assets.llama.pool import ModelPool
from arena_assets.progress import Progress, silent
from arena_assets.tables import RESPONSES, records, rows_of


def generate_responses(
    experiment: Experiment, prompts: pd.DataFrame, pool: ModelPool, journal: Journal, progress: Progress = silent
) -> pd.DataFrame:
    """The `responses` table of a batch; what `journal` holds is not sampled again.

    A prompt that does not fit the context with the policy's max_tokens is left out for that policy, with its reason.
    """
    rows: list[dict[str, object]] = []
    total, before = len(prompts) * len(experiment.policies), 0
    # Policies of one model together: two big models need not fit into memory at once.
    for policy in sorted(experiment.policies, key=lambda policy: policy.model):
        rows += _answer(experiment, policy, prompts, pool, journal, _part(progress, before, total))
        before += len(prompts)
    return records(rows, RESPONSES)


def _part(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _total, note="": progress(before + done, total, note)


def _answer(
    experiment: Experiment, policy: Policy, prompts: pd.DataFrame, pool: ModelPool, journal: Journal, progress: Progress
) -> list[dict[str, object]]:
    loaded = pool.get(policy.model)
    rows: list[dict[str, object]] = []
    jobs: list[Generate] = []
    lengths: dict[str, int] = {}
    settings = content_key(
        policy=experiment.policy_identity(policy), mode=experiment.engine.mode, library=library_version()
    )
    keys: dict[str, str] = {}
    for row in rows_of(prompts):
        seed = stream_seed(experiment.seed, row["prompt_id"], policy.name)
        prompt = loaded.template.render(policy.system_prompt, row["prompt"])
        job = Generate(row["prompt_id"], prompt, policy.temperature, policy.max_tokens, seed)
        lengths[row["prompt_id"]] = len(prompt.tokens)
        if job.length > (limit := pool.limit(loaded)):
            reason = (
                f"prompt of {len(prompt.tokens)} and response of up to {policy.max_tokens} tokens "
                f"exceed the context of {limit}"
            )
            rows.append(_row(row["prompt_id"], policy.name, seed, len(prompt.tokens), None, None, reason))
            continue
        keys[row["prompt_id"]] = content_key(prompt=row["prompt"], settings=settings, seed=seed)
        jobs.append(job)
    seeds = {job.key: job.seed for job in jobs}

    def keep(done: Done) -> None:
        item = {"tokens": list(done.tokens), "finish_reason": done.finish_reason, "logprob": done.total}
        journal.append(keys[done.key], item)

    missing = [job for job in jobs if keys[job.key] not in journal]
    held = len(prompts) - len(missing)
    loaded.engine.run(
        missing, keep, progress=lambda done, total, note="": progress(held + done, held + total, note), on_wait=pool.say
    )
    progress(len(prompts), len(prompts), policy.name)
    for job in jobs:
        item = journal.get(keys[job.key])
        assert item is not None
        text = loaded.model.text(item["tokens"])
        rows.append(_row(job.key, policy.name, seeds[job.key], lengths[job.key], item, text, None))
    return rows


def _row(
    prompt_id: str,
    policy: str,
    seed: int,
    n_prompt: int,
    item: dict[str, object] | None,
    text: str | None,
    reason: str | None,
) -> dict[str, object]:
    tokens = item["tokens"] if item else None
    return {
        "prompt_id": prompt_id,
        "policy": policy,
        "response": text,
        "response_tokens": tokens,
        "finish_reason": item["finish_reason"] if item else "left_out",
        "n_prompt_tokens": n_prompt,
        "n_response_tokens": len(tokens) if isinstance(tokens, list) else 0,
        "sampling_logprob": item["logprob"] if item else None,
        "seed": seed,
        "reason": reason,
    }

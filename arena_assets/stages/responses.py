"""Every policy's own response to every prompt of a batch."""

from __future__ import annotations

from typing import Any

import pandas as pd

from arena_assets.config import Experiment, Policy
from arena_assets.ids import content_key, stream_seed
from arena_assets.journal import Journal
from arena_assets.llama.build import arithmetic
from arena_assets.llama.jobs import Done, Generate
from arena_assets.llama.loaded import Loaded
from arena_assets.llama.pool import ModelPool
from arena_assets.progress import Progress, silent, within
from arena_assets.tables import RESPONSES, records, rows_of


def generate_responses(
    experiment: Experiment, prompts: pd.DataFrame, pool: ModelPool, journal: Journal, progress: Progress = silent
) -> pd.DataFrame:
    """The `responses` table of a batch; what `journal` holds is not sampled again.

    A prompt that does not fit the context with the policy's max_tokens is left out for that policy, with its reason.
    """
    rows: list[dict[str, object]] = []
    kind = pool.kind()
    total, before = len(prompts) * len(experiment.policies), 0
    # The policies of one model together: two big models need not fit into memory at once, and the batch stays full.
    for model, policies in experiment.policies_by_model.items():
        report = within(progress, before, total)
        rows += _answer(experiment, policies, prompts, pool.get(model), pool, kind, journal, report)
        before += len(prompts) * len(policies)
    return records(rows, RESPONSES)


def _answer(
    experiment: Experiment,
    policies: list[Policy],
    prompts: pd.DataFrame,
    loaded: Loaded,
    pool: ModelPool,
    kind: str | None,
    journal: Journal,
    progress: Progress,
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    jobs: list[Generate] = []
    keys: dict[str, str] = {}
    limit = pool.limit(loaded)
    for policy in policies:
        settings = content_key(
            policy=experiment.policy_identity(policy),
            mode=experiment.engine.mode,
            engine=arithmetic(),
            machine=kind,
        )
        for row in rows_of(prompts):
            seed = stream_seed(experiment.seed, row["prompt_id"], policy.name)
            prompt = loaded.template.render(policy.system_prompt, row["prompt"])
            job = Generate(f"{row['prompt_id']}/{policy.name}", prompt, policy.temperature, policy.max_tokens, seed)
            if job.length <= limit:
                jobs.append(job)
                keys[job.key] = content_key(prompt=row["prompt"], settings=settings, seed=seed)
            else:
                reason = (
                    f"prompt of {len(prompt.tokens)} and response of up to {policy.max_tokens} tokens "
                    f"exceed the context of {limit}"
                )
                rows.append(_row(job, {}, None, reason))

    def keep(done: Done) -> None:
        item = {"tokens": list(done.tokens), "finish_reason": done.finish_reason, "logprob": done.total}
        journal.append(keys[done.key], item)

    missing = [job for job in jobs if keys[job.key] not in journal]
    held, total = len(rows) + len(jobs) - len(missing), len(rows) + len(jobs)
    progress(held, total)
    loaded.engine.run(missing, keep, progress=within(progress, held, total), on_wait=pool.say)
    for job in jobs:
        item = journal.get(keys[job.key])
        assert item is not None
        rows.append(_row(job, item, loaded.model.text(item["tokens"]), None))
    return rows


def _row(job: Generate, item: dict[str, Any], text: str | None, reason: str | None) -> dict[str, object]:
    prompt_id, policy = job.key.split("/")
    tokens = item.get("tokens")
    return {
        "prompt_id": prompt_id,
        "policy": policy,
        "response": text,
        "response_tokens": tokens,
        "finish_reason": item.get("finish_reason", "left_out"),
        "n_prompt_tokens": len(job.prompt.tokens),
        "n_response_tokens": len(tokens or ()),
        "sampling_logprob": item.get("logprob"),
        "seed": job.seed,
        "reason": reason,
    }

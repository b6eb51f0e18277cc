"""Every policy's own response to every prompt of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment, Policy
from arena_assets.ids import content_key, stream_seed
from arena_assets.journal import Journal
from arena_assets.llama.build import arithmetic
from arena_assets.llama.jobs import Done, Generate
from arena_assets.llama.journalled import finish_missing
from arena_assets.llama.loaded import Loaded
from arena_assets.llama.pool import ModelPool
from arena_assets.progress import Progress, silent, within
from arena_assets.stages.long_prompts import too_long
from arena_assets.stages.stage import Made, Work
from arena_assets.tables import RESPONSES, records, rows_of


def stage(work: Work) -> Made:
    """The step of the pipeline."""
    table = generate_responses(
        work.experiment, work.read[pipeline.PROMPTS.name], work.pool, work.journal, work.progress
    )
    return Made(table, machine=work.pool.machine())


def generate_responses(
    experiment: Experiment, prompts: pd.DataFrame, pool: ModelPool, journal: Journal, progress: Progress = silent
) -> pd.DataFrame:
    """The `responses` table of a batch; what `journal` holds is not sampled again.

    A prompt that does not fit the context with some policy's max_tokens is left out for all policies, with its reason.
    """
    rows: list[dict[str, object]] = []
    left_out = too_long(experiment, prompts, pool)
    kind = pool.kind()
    total, before = len(prompts) * len(experiment.policies), 0
    # The policies of one model together: two big models need not fit into memory at once, and the batch stays full.
    for model, policies in experiment.policies_by_model.items():
        loaded = pool.get(model)
        asked = [one for policy in policies for one in _jobs(experiment, policy, prompts, loaded, kind)]
        fitting = [job for job, _, _ in asked if job.key.split("/")[0] not in left_out]
        rows += [
            _row(job) | {"reason": left_out[identity]}
            for job, _, _ in asked
            if (identity := job.key.split("/")[0]) in left_out
        ]
        items = finish_missing(
            loaded.engine,
            fitting,
            {job.key: key for job, key, _ in asked},
            journal,
            _record,
            former={job.key: key for job, _, key in asked if key is not None},
            progress=within(progress, before + len(asked) - len(fitting), total),
            on_wait=pool.say,
        )
        rows += [_answered(job, items[job.key], loaded.model.text(items[job.key]["tokens"])) for job in fitting]
        before += len(asked)
    return records(rows, RESPONSES)


def _jobs(
    experiment: Experiment, policy: Policy, prompts: pd.DataFrame, loaded: Loaded, kind: str | None
) -> Iterator[tuple[Generate, str, str | None]]:
    """The policy's job for each prompt, with the journal's key of its result and that of earlier versions."""
    known = experiment.policy_identity(policy)
    settings = _settings(experiment, known, kind)
    former = None if loaded.former is None else _settings(experiment, known | {"model": loaded.former}, kind)
    for row in rows_of(prompts):
        seed = stream_seed(experiment.seed, row["prompt_id"], policy.name)
        prompt = loaded.template.render(policy.system_prompt, row["prompt"], policy.chat_template_kwargs)
        job = Generate(f"{row['prompt_id']}/{policy.name}", prompt, policy.temperature, policy.max_tokens, seed)
        key = content_key(prompt=row["prompt"], settings=settings, seed=seed)
        yield job, key, None if former is None else content_key(prompt=row["prompt"], settings=former, seed=seed)


def _settings(experiment: Experiment, policy: Mapping[str, Any], kind: str | None) -> str:
    return content_key(policy=policy, mode=experiment.engine.mode, engine=arithmetic(), machine=kind)


def _record(done: Done) -> dict[str, Any]:
    return {"tokens": list(done.tokens), "finish_reason": done.finish_reason, "logprob": done.total}


def _answered(job: Generate, item: Mapping[str, Any], text: str) -> dict[str, object]:
    return _row(job) | {
        "response": text,
        "response_tokens": item["tokens"],
        "finish_reason": item["finish_reason"],
        "n_response_tokens": len(item["tokens"]),
        "sampling_logprob": item["logprob"],
    }


def _row(job: Generate) -> dict[str, object]:
    """The row of a response that there is not."""
    prompt_id, policy = job.key.split("/")
    return {
        "prompt_id": prompt_id,
        "policy": policy,
        "response": None,
        "response_tokens": None,
        "finish_reason": "left_out",
        "n_prompt_tokens": len(job.prompt.tokens),
        "n_response_tokens": 0,
        "sampling_logprob": None,
        "seed": job.seed,
        "reason": None,
    }

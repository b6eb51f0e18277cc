"""Small tables in their contracts, which hold together as a real run's do and satisfy every rule."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.corpus import sample_batch
from arena_assets.ids import prompt_id, stream_seed
from arena_assets.rules import Batch
from arena_assets.slices import choose
from arena_assets.storage import Store
from arena_assets.tables import JUDGE_SCORES, LOGPROBS, ORACLE_LABELS, RESPONSES, records

BATCH_ASSETS = tuple(step.name for step in pipeline.BATCH)


def corpus(experiment: Experiment, extra: int = 3) -> pd.DataFrame:
    """`arena_corpus` with a few prompts more than the experiment asks for."""
    texts = [f"Question {number}: what is {number} plus {number}?" for number in range(experiment.prompts + extra)]
    return pd.DataFrame(
        {
            "prompt_id": [prompt_id(text) for text in texts],
            "prompt": texts,
            "language": "English",
            "source_row": range(len(texts)),
            "reference_points": [[[str(2 * number)]] for number in range(len(texts))],
        }
    )


def tables(experiment: Experiment, partition: str) -> dict[str, pd.DataFrame]:
    """The five tables of a batch by asset; every draw depends on prompt and policy alone."""
    prompts = sample_batch(corpus(experiment), experiment, partition)
    responses = _responses(experiment, prompts)
    return {
        "prompts": prompts,
        "responses": responses,
        "logprobs": _logprobs(experiment, prompts, responses),
        "judge_scores": _judge_scores(responses),
        "oracle_labels": _oracle_labels(experiment, partition, prompts),
    }


def batch(experiment: Experiment, asset: str, partition: str = "0000") -> Batch:
    """A batch to apply the rules of `asset` to."""
    all_tables = tables(experiment, partition)
    return Batch(experiment, asset, all_tables[asset], partition, all_tables)


def write(store: Store, experiment: Experiment, *partitions: str, findings: bool = True) -> None:
    """Write the corpus and the tables of the partitions (default: all) as the assets would."""
    store.write("arena_corpus", corpus(experiment), fingerprint=experiment.fingerprint("arena_corpus"))
    for partition in partitions or experiment.partitions:
        for asset, table in tables(experiment, partition).items():
            store.write(asset, table, fingerprint=experiment.fingerprint(asset, partition), partition=partition)
            if findings:
                good = {"name": "rule", "blocking": True, "passed": True, "text": "all is well", "figures": {}}
                store.write_checks(asset, partition, [good], run_id="run")


def _rng(identity: str, policy: str, what: int) -> np.random.Generator:
    return np.random.default_rng([stream_seed(1, identity, policy), what])


def _responses(experiment: Experiment, prompts: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for identity in prompts["prompt_id"]:
        for policy in experiment.policies:
            rng = _rng(identity, policy.name, 1)
            length = int(rng.integers(3, 9))
            rows.append(
                {
                    "prompt_id": identity,
                    "policy": policy.name,
                    "response": " ".join(["word"] * (length - 1)),
                    "response_tokens": list(range(length)),
                    "finish_reason": "stop",
                    "n_prompt_tokens": 20,
                    "n_response_tokens": length,
                    "sampling_logprob": -length * float(rng.uniform(0.5, 1.5)),
                    "seed": stream_seed(experiment.seed, identity, policy.name),
                    "reason": None,
                }
            )
    return records(rows, RESPONSES)


def _logprobs(experiment: Experiment, prompts: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    own = responses[responses["policy"] == experiment.logging_policy.name].set_index("prompt_id")
    rows: list[dict[str, object]] = []
    for identity, prompt in zip(prompts["prompt_id"], prompts["prompt"], strict=True):
        total = float(own.loc[identity, "sampling_logprob"])
        logps = {
            policy.name: total
            if policy.name in experiment.clones
            else min(0.0, total + float(_rng(identity, policy.name, 2).normal(0, 0.3)))
            for policy in experiment.target_policies
        }
        rows.append(
            {
                "prompt_id": identity,
                "prompt": prompt,
                "response": own.loc[identity, "response"],
                "total_logprob": total,
                "target_logps": logps,
                "n_response_tokens": int(own.loc[identity, "n_response_tokens"]),
                "rejected": [],
            }
        )
    return records(rows, LOGPROBS)


def _judge_scores(responses: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for identity, policy in zip(responses["prompt_id"], responses["policy"], strict=True):
        mean = float(_rng(identity, policy, 3).uniform(0.1, 0.9))
        values = {"judge_score": round(mean, 1), "judge_mean": mean, "judge_variance": 0.2 * mean * (1 - mean)}
        rows.append(_scored(identity, policy) | values)
    return records(rows, JUDGE_SCORES)


def _oracle_labels(experiment: Experiment, partition: str, prompts: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for entry in choose(experiment, partition, prompts["prompt_id"].tolist()):
        label = float(_rng(entry.prompt_id, entry.policy, 4).integers(0, 5)) / 4
        rows.append(_scored(entry.prompt_id, entry.policy) | {"oracle_label": label, "slice": entry.slice})
    return records(rows, ORACLE_LABELS)


def _scored(identity: str, policy: str) -> dict[str, object]:
    common = {"status": "ok", "reason": None, "model": "test", "cost_usd": 0.0}
    return {"prompt_id": identity, "policy": policy, "prompt_tokens": 10, "completion_tokens": 1} | common

"""The real code location with a scorer that returns a wrong pi_clone value in one partition.

For the servers' processes only: importing it changes the scorer of the process that does.
"""

from __future__ import annotations

from typing import Any

from arena_assets.stages import logprobs
from tests.system.experiments import FAULTY_PARTITION

_score = logprobs.score_logprobs


def _score_wrongly(experiment: Any, prompts: Any, *rest: Any) -> logprobs.Scored:
    scored = _score(experiment, prompts, *rest)
    from arena_assets.corpus import sample_batch
    from arena_assets.storage import Store

    corpus = Store.of(experiment).read("arena_corpus")
    faulty = sample_batch(corpus, experiment, FAULTY_PARTITION)["prompt_id"]
    if prompts["prompt_id"].isin(faulty).all():
        scored.table.at[0, "target_logps"]["pi_clone"] -= 0.5
    return scored


logprobs.score_logprobs = _score_wrongly  # type: ignore[assignment]

from arena_assets.definitions import defs  # noqa: E402, F401

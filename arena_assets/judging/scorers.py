"""From a configuration to the judge or oracle that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from upath import UPath

from arena_assets.config import (
    FileOracle,
    ImportedJudge,
    ImportedOracle,
    JudgeConfig,
    LikelihoodJudge,
    OracleConfig,
    ReferenceOracle,
    RubricJudge,
    in_project,
)
from arena_assets.errors import JudgeError
from arena_assets.judging.label_file import FileScorer
from arena_assets.judging.protocol import Scorer
from arena_assets.judging.reference import Points, ReferenceScorer
from arena_assets.pipeline import CORPUS

if TYPE_CHECKING:
    from arena_assets.llama.pool import ModelPool


def build_scorer(
    config: JudgeConfig | OracleConfig,
    *,
    environment: Mapping[str, str],
    reference_points: Mapping[str, Points] | None = None,
    pool: ModelPool | None = None,
    spent_usd: Callable[[], float] | None = None,
    folder: UPath | None = None,
) -> Scorer:
    """The judge or oracle that `config` describes.

    environment: where a key is looked for (`os.environ`), before `.env` of the project's folder.
    reference_points: by prompt_id, for the reference oracle. pool: the local models, for local kinds.
    spent_usd: what the experiment's other batches have spent on this scorer (`costs.spent_usd`), for `max_cost_usd`.
    folder: where the journals of all batches lie, for what a remote scorer knows across them.

    Raises:
        JudgeError: nothing could be scored: an unreadable label file, a missing key, no local models.
    """
    # Local models and the OpenAI client take a second and much memory to import; most experiments need one of them.
    if isinstance(config, ReferenceOracle):
        if reference_points is None:
            raise JudgeError(f"the reference oracle needs the corpus' points; materialise {CORPUS.name} first")
        return ReferenceScorer(reference_points)
    if isinstance(config, FileOracle):
        return FileScorer(in_project(config.path))
    if isinstance(config, LikelihoodJudge | RubricJudge):
        from arena_assets.judging import local

        if pool is None:
            raise JudgeError(f"{config.kind} scores with the local model {config.model}, which is not loaded")
        return local.build(config, pool)
    if isinstance(config, ImportedJudge | ImportedOracle):
        raise JudgeError("the scores of an imported experiment came with it; nothing can be scored anew")
    from arena_assets.judging.remote.scorer import OpenAIScorer

    return OpenAIScorer(config, environment=environment, spent_usd=spent_usd, folder=folder)

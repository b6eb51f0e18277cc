"""Sampling: a seeded hash of the text orders the prompts, so batch i holds the same ones however many are asked for."""

from __future__ import annotations

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.errors import CorpusError
from arena_assets.ids import sampling_rank
from arena_assets.tables import PROMPTS


def require_enough(experiment: Experiment, prompts: int) -> None:
    """Raise where the corpus has fewer `prompts` than the experiment asks for.

    Raises:
        CorpusError: every batch would be refused, or the last one cut, for the same reason.
    """
    if prompts < experiment.prompts:
        raise CorpusError(
            f"the corpus has {prompts} distinct {experiment.corpus.language} prompts, {experiment.name} asks for "
            f"{experiment.prompts}: lower `prompts` or take a larger corpus"
        )


def sample_batch(corpus: pd.DataFrame, experiment: Experiment, partition: str) -> pd.DataFrame:
    """The prompts of one partition, in the order of the sample.

    Raises:
        CorpusError: the corpus has fewer prompts than the experiment asks for.
    """
    require_enough(experiment, len(corpus))
    start, stop = experiment.batch_bounds(partition)
    ranks = corpus["prompt_id"].map(lambda identity: sampling_rank(experiment.seed, identity))
    chosen = corpus.loc[ranks.sort_values(kind="stable").index[start:stop]]
    return chosen.reindex(columns=list(PROMPTS.names)).reset_index(drop=True)

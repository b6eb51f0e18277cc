"""The experiment's prompts: its corpus, and the sample of each batch."""

from __future__ import annotations

from arena_assets import pipeline
from arena_assets.corpus import sample_batch
from arena_assets.stages.corpus import generated_corpus
from arena_assets.stages.stage import Made, Work


def load(work: Work) -> Made:
    """The `arena_corpus` table, from where the configuration says that it lies."""
    corpus = generated_corpus(work.experiment, work.store)
    return Made(corpus.table, notes=corpus.notes, shown=corpus.metadata)


def sample(work: Work) -> Made:
    """The `prompts` table of a batch."""
    assert work.partition is not None
    table = sample_batch(work.read[pipeline.CORPUS.name], work.experiment, work.partition)
    return Made(table, shown={"preview": table[["prompt_id", "prompt"]].head(5)})

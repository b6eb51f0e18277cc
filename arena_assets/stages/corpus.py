"""The corpus of an experiment: loaded as configured, and from the commit that the experiment already rests on."""

from __future__ import annotations

from arena_assets import pipeline
from arena_assets.config import Experiment, ImportedCorpus, is_made_with
from arena_assets.corpus import Corpus, load_corpus
from arena_assets.errors import StorageError
from arena_assets.stages.long_prompts import readers
from arena_assets.storage import Store


def generated_corpus(experiment: Experiment, store: Store) -> Corpus:
    """The prompts of an experiment that samples its own responses.

    Where the configuration pins no revision of a hub's data set, the commit that was fetched first stays: else a
    partition that is sampled tomorrow would be of other prompts than that of today.

    Raises:
        CorpusError: the corpus cannot be loaded. ModelError: tokens are limited, and a model's file is not there.
    """
    corpus, revision = experiment.corpus, _recorded_revision(experiment, store)
    limit = None if isinstance(corpus, ImportedCorpus) else corpus.max_tokens
    if limit is None:
        return load_corpus(corpus, revision=revision)
    with readers(experiment, None if limit == "auto" else limit) as policies:
        return load_corpus(corpus, lambda prompt: all(reader.takes(prompt) for reader in policies), revision)


def _recorded_revision(experiment: Experiment, store: Store) -> str | None:
    try:
        notes = store.notes(pipeline.CORPUS.name)
    except StorageError:
        return None  # nothing is there yet, or nothing that can be read
    current = is_made_with(experiment, pipeline.CORPUS.name, None, notes)
    revision = notes.get("revision", "not known")
    return revision if current and revision != "not known" else None

"""Loading a corpus: from where it lies to the prompts that remain."""

from __future__ import annotations

from pathlib import Path

from arena_assets.config import CorpusConfig, FileCorpus, HubCorpus
from arena_assets.corpus.columns import Chosen, choose_columns, wanted_columns
from arena_assets.corpus.files import corpus_files, rows_of_files
from arena_assets.corpus.filters import Filters, Fits
from arena_assets.corpus.hub import hub_rows
from arena_assets.corpus.selection import Corpus, select
from arena_assets.errors import CorpusError, FileError
from arena_assets.textfiles import Rows

SHIPPED = Path(__file__).with_name("demo_prompts.jsonl")


def load_corpus(config: CorpusConfig, fits: Fits | None = None, revision: str | None = None) -> Corpus:
    """Load a corpus and keep its non-empty, distinct first user turns in the configured language.

    fits: whether a prompt has no more tokens than `max_tokens` allows; only that key needs it.
    revision: the commit of the hub's data set that the experiment already rests on.

    Raises:
        CorpusError: the corpus cannot be read, lacks the Chatbot Arena schema, or holds no prompt of the language.
    """
    filters, wanted = Filters.of(config, fits), wanted_columns(config)
    if isinstance(config, HubCorpus):
        rows, commit = hub_rows(config, wanted, revision)
        return _selected(config, rows, filters, {"revision": commit or "not known"})
    if not isinstance(config, FileCorpus):
        return _selected(config, rows_of_files((SHIPPED,), wanted), filters, {})
    before = config.identity["content"]
    try:
        corpus = _selected(config, rows_of_files(corpus_files(config), wanted, config.encoding), filters, {})
    except FileError as error:
        raise CorpusError(f"the corpus file {error}") from error
    if config.identity["content"] != before:
        raise CorpusError(f"the corpus {config.path} was changed while it was read; run again")
    return corpus


def _selected(config: CorpusConfig, rows: Rows, filters: Filters, notes: dict[str, str]) -> Corpus:
    # Without a single row that can be read there are no columns: what is odd about the rows says more.
    chosen = choose_columns(config, rows.columns) if rows.columns else Chosen("prompt", None)
    if rows.columns:
        filters.require(rows.columns, rows.name)
    corpus = select(rows, chosen, config.language, filters)
    return Corpus(corpus.table, corpus.counts, corpus.odd, notes)

"""Prompts: from a corpus in the Chatbot Arena row schema to the sampled batch."""

from arena_assets.corpus.load import load_corpus
from arena_assets.corpus.sample import sample_batch
from arena_assets.corpus.selection import Corpus

__all__ = ["Corpus", "load_corpus", "sample_batch"]

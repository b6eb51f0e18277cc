"""Which columns of a corpus hold the prompts, their languages and their clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arena_assets.config import CorpusConfig, FileCorpus, HubCorpus
from arena_assets.config.sources import Columns
from arena_assets.corpus.filters import REDACTED, TOXIC, TURNS
from arena_assets.errors import CorpusError

# In the order in which they are looked for; all but `prompt` hold conversations, never plain texts.
CONVERSATIONS = ("conversation_a", "messages", "conversations", "conversation")
_PROMPTS = ("conversation_a", "prompt", *CONVERSATIONS[1:])
PICTURES, TOOLS = ("image", "images"), ("tools", "functions")
_ALWAYS = frozenset({"language", "reference_points", *_PROMPTS, *PICTURES, *TOOLS, *TOXIC, *REDACTED, *TURNS})


@dataclass(frozen=True)
class Chosen:
    """The column of the prompts, that of their language (None: it is detected), what the texts of the first are, and
    the column of their clusters (None: each stands alone).
    """

    prompt: str
    language: str | None
    texts: Literal["auto", "plain", "json"] = "auto"
    cluster: str | None = None


def wanted_columns(config: CorpusConfig) -> frozenset[str]:
    """Every column that anything here reads, whether the corpus has it or not."""
    stated = _stated(config)
    named = () if stated is None else (stated.prompt, stated.language, stated.cluster)
    return _ALWAYS.union(name for name in named if name is not None)


def choose_columns(config: CorpusConfig, there: tuple[str, ...]) -> Chosen:
    """The columns that the configuration names, else those of the schemas known here.

    Raises:
        CorpusError: the corpus lacks them.
    """
    stated = _stated(config)
    language = "language" if "language" in there else None
    if stated is None:
        prompt = next((name for name in _PROMPTS if name in there), _PROMPTS[0])
        chosen = Chosen(prompt, language, "json" if prompt in CONVERSATIONS else "auto")
    else:
        chosen = Chosen(stated.prompt, stated.language or language, stated.texts, stated.cluster)
    named = (chosen.prompt, chosen.language, chosen.cluster)
    missing = [name for name in named if name is not None and name not in there]
    if missing:
        raise CorpusError(
            f"the corpus lacks the columns {', '.join(missing)}; it has {', '.join(there)}, and must be in the "
            "Chatbot Arena row schema, have a column prompt, or be described by corpus.columns"
        )
    return chosen


def _stated(config: CorpusConfig) -> Columns | None:
    return config.columns if isinstance(config, HubCorpus | FileCorpus) else None

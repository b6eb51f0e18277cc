"""What a corpus says of its own rows, and which of them the configuration leaves out for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena_assets.config.sources import CorpusConfig, ImportedCorpus
from arena_assets.corpus.conversation import FirstTurn, NoPromptError
from arena_assets.errors import CorpusError
from arena_assets.estimation.data.foreign import kind_of
from arena_assets.pipeline import CORPUS

TOXIC = ("toxic", "toxic_chat_tag", "openai_moderation")
REDACTED = ("redacted",)
TURNS = ("turn", "turns")
_YES, _NO = frozenset({"true", "yes", "1", "1.0"}), frozenset({"false", "no", "0", "0.0", ""})

Fits = Callable[[str], bool]


@dataclass(frozen=True)
class Filters:
    """Which prompts are left out, beside those of another language; None and True leave none out.

    fits: whether a prompt has no more tokens than are allowed; None where they are not limited.
    """

    toxic: bool = True
    redacted: bool = True
    turns: int | None = None
    max_characters: int | None = None
    fits: Fits | None = None

    @classmethod
    def of(cls, config: CorpusConfig, fits: Fits | None = None) -> Filters:
        """The filters that the configuration sets.

        Raises:
            CorpusError: tokens are limited and nothing is there to count them.
        """
        if isinstance(config, ImportedCorpus):
            return cls()
        if config.max_tokens is not None and fits is None:
            raise CorpusError(f"corpus.max_tokens counts tokens with the policies' models: materialise {CORPUS.name}")
        limit = None if config.max_tokens is None else fits
        return cls(config.toxic, config.redacted, config.turns, config.max_characters, limit)

    def require(self, columns: Sequence[str], source: str) -> None:
        """Refuse a filter that could never leave anything out.

        Raises:
            CorpusError: the corpus has no column that the filter reads.
        """
        for name, kept, sought in (("toxic", self.toxic, TOXIC), ("redacted", self.redacted, REDACTED)):
            if not kept and not set(sought) & set(columns):
                raise CorpusError(
                    f"corpus.{name} is false, and the corpus {source} does not say which rows are {name}: it has "
                    f"{', '.join(columns)}, not {' or '.join(sought)}; remove the key"
                )

    def by_row(self, row: Mapping[str, Any], turn: FirstTurn) -> str | None:
        """The name of the first filter that leaves a row out for what the corpus says of it; None where none does.

        Raises:
            NoPromptError: the row says neither yes nor no.
        """
        if not self.toxic and any(_flagged(row.get(name), name) for name in TOXIC):
            return "toxic"
        if not self.redacted and any(_flagged(row.get(name), name) for name in REDACTED):
            return "redacted"
        if self.turns is not None and _turns(row, turn) > self.turns:
            return "more_turns"
        return None

    def by_text(self, prompt: str) -> str | None:
        """The name of the first filter that leaves a prompt out for its length; None where none does."""
        if self.max_characters is not None and len(prompt) > self.max_characters:
            return "too_many_characters"
        if self.fits is not None and not self.fits(prompt):
            return "too_many_tokens"
        return None

    @property
    def names(self) -> tuple[str, ...]:
        """The filters that are set, as they are counted."""
        state = {
            "toxic": not self.toxic,
            "redacted": not self.redacted,
            "more_turns": self.turns is not None,
            "too_many_characters": self.max_characters is not None,
            "too_many_tokens": self.fits is not None,
        }
        return tuple(name for name, is_set in state.items() if is_set)


def _turns(row: Mapping[str, Any], turn: FirstTurn) -> int:
    """The user's turns: as many as are there, or as the corpus states where it gives the first alone."""
    stated = [int(row[name]) for name in TURNS if str(row.get(name)).strip().isdecimal()]
    return max([turn.turns, *stated])


def _flagged(value: Any, name: str) -> bool:
    """Whether a mark says yes: a truth value, or one or several verdicts with a `flagged` of their own."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, Mapping):
        own = value.get("flagged")
        return _flagged(own, name) if own is not None else any(_flagged(one, name) for one in _verdicts(value))
    if isinstance(value, list):
        return any(_flagged(one, name) for one in value)
    text = str(value).strip()
    if text.casefold() in _YES | _NO:
        return text.casefold() in _YES
    if text[:1] in ("[", "{"):
        try:
            return _flagged(json.loads(text), name)
        except ValueError:
            pass  # no JSON: it says neither
    raise NoPromptError(f"its {name} is {text[:40]!r} ({kind_of(value)}), which says neither yes nor no")


def _verdicts(value: Mapping[str, Any]) -> list[Any]:
    return [one for one in value.values() if isinstance(one, Mapping)]

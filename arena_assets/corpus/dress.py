"""Whether the texts of a column are prompts, or conversations written as JSON: decided by the column, not by a text.

Someone who asks about JSON in a column of plain texts is asked about JSON; a column of lists in strings is undressed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from arena_assets.corpus.conversation import FirstTurn, NoPromptError, first_turn
from arena_assets.errors import CorpusError

Texts = Literal["plain", "json"]
# Up to half: a column of texts, some of which are JSON. From nine in ten: conversations, some of which are broken.
_MOST_AMONG_TEXTS, _LEAST_AMONG_JSON = 0.5, 0.9


@dataclass
class Tally:
    """Of the texts of a column, how many are conversations or lists written as JSON."""

    texts: int = 0
    dressed: int = 0

    def add(self, value: Any) -> None:
        """Count a value; one that is no text, or an empty text or list, says nothing."""
        if isinstance(value, str) and value.strip() not in ("", "[]"):
            self.texts += 1
            self.dressed += is_dressed(value)

    def verdict(self, column: str, source: str) -> Texts:
        """What the column holds.

        Raises:
            CorpusError: it holds so many of both that either reading would mangle some.
        """
        share = self.dressed / self.texts if self.texts else 0.0
        if share <= _MOST_AMONG_TEXTS:
            return "plain"
        if share >= _LEAST_AMONG_JSON:
            return "json"
        raise CorpusError(
            f"the corpus {source} cannot be loaded: of {self.texts} texts of its column {column} {self.dressed} are "
            "lists or conversations written as JSON and the others are not; say corpus.columns.texts: plain or json"
        )


def tally(values: Iterable[Any]) -> Tally:
    counted = Tally()
    for value in values:
        counted.add(value)
    return counted


def is_dressed(text: str) -> bool:
    """Whether a text is a prompt in JSON dress: a list of texts, a conversation or a message."""
    try:
        return isinstance(undress(text), FirstTurn)
    except NoPromptError:
        return False


def undress(text: str) -> FirstTurn:
    """The first user turn of what a text holds as JSON, or as Python writes lists into a CSV.

    Raises:
        NoPromptError: it holds no conversation and no list of texts.
    """
    inner = text.strip()
    if not inner:
        return FirstTurn("")
    if inner[0] not in "[{":
        raise NoPromptError(f"its text is no conversation written as JSON: {text[:40]!r}")
    try:
        value = json.loads(inner)
    except (ValueError, RecursionError) as error:
        value = _python(inner, str(error) or "nested too deeply")
    return first_turn(value)


def _python(text: str, said: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise NoPromptError(f"its text is no conversation written as JSON: {said}") from error

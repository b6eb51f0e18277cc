"""Text to token ids: what the whole text gives at once, but that a message's special-token text stays text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from arena_assets.errors import ModelError

_BEFORE = "\ue0f0"  # private use: no vocabulary has a piece that goes on from it
_BLANK = " \t\n\v\f\r"  # what C's isspace strips


@dataclass(frozen=True)
class Special:
    """Text that a vocabulary reads as one token wherever it stands.

    user_defined: llama.cpp reads it even where special-token parsing is off. strips_left, strips_right: the white
    space next to it belongs to it.
    """

    text: str
    user_defined: bool
    strips_left: bool
    strips_right: bool


@dataclass(frozen=True)
class Outside:
    """Special-token text counts except where it touches one of these spans of characters: a message's text."""

    spans: tuple[tuple[int, int], ...]


class Tokeniser:
    """The tokeniser of one vocabulary.

    Args:
        encode: llama.cpp's own: text, and whether special tokens are parsed.
        specials: of the vocabulary. Those of white space, or of one character, are how it writes plain text (GPT-NeoX's
            runs of blanks): they forge nothing, and stay what they are.
        blank: whether `encode` puts a blank before every text (SentencePiece).
    """

    def __init__(self, encode: Callable[[str, bool], list[int]], specials: Sequence[Special], *, blank: bool) -> None:
        self._encode, self._blank = encode, blank
        told: dict[str, Special] = {}
        # A text may be listed twice, as a control token and as a user-defined one: the latter, last, is what counts.
        for special in sorted(specials, key=lambda special: special.user_defined):
            if len(special.text) > 1 and special.text.strip():
                told[special.text] = special
        self._specials = told
        self._users = [text for text, special in told.items() if special.user_defined]
        self._cut = cache(self._best_cut)

    @property
    def special_texts(self) -> tuple[str, ...]:
        return tuple(self._specials)

    def tokenise(self, text: str, special: bool | Outside) -> list[int]:
        """Token ids of a text that begins a conversation, or follows a control token."""
        if special is True:
            return self._encode(text, True)
        if special is False:
            return self._literal(text)
        matches = list(_matches(self._any, text))
        own = [match for match in matches if not _touches(match, special.spans)]
        others = [match for match in matches if _touches(match, special.spans)]
        if not others:
            return self._encode(text, True)
        tokens = []
        for piece, literal in self._stretches(text, own, others):
            tokens += self._literal(piece) if literal else self._encode(piece, True)
        return tokens

    def response(self, text: str) -> list[int]:
        """Token ids of a text that goes on after the prompt: it gets no blank, and what the vocabulary's users defined
        (`<think>`) is what this model would write."""
        return self._continued(text)

    def _stretches(
        self, text: str, own: Sequence[re.Match[str]], others: Sequence[re.Match[str]]
    ) -> Iterator[tuple[str, bool]]:
        """The text in pieces as llama.cpp parts it, and whether each is literal: what lies between two of the
        template's `own` special tokens is where it holds one of the `others`."""
        at = done = 0
        left: Special | None = None
        for match in [*own, None]:
            start = match.start() if match else len(text)
            right = self._specials[match[0]] if match else None
            if any(at <= other.start() < start for other in others):
                yield text[done:at], False
                stretch = text[at:start]
                stretch = stretch.lstrip(_BLANK) if left and left.strips_right else stretch
                yield stretch.rstrip(_BLANK) if right and right.strips_left else stretch, True
                done = start
            if match and start >= at:
                at, left = match.end(), right
        yield text[done:], False

    def _literal(self, text: str) -> list[int]:
        """Token ids with no special token among them."""
        first, *others = self._broken(text)
        tokens = self._encode(first, False)
        for piece in others:
            tokens += self._continued(piece)
        return tokens

    def _broken(self, text: str) -> list[str]:
        """The text, cut within each of the user-defined tokens' texts, which llama.cpp would read as that token."""
        pieces = []
        while match := self._user.search(text):
            cut = match.start() + self._cut(match[0])
            pieces += self._broken(text[:cut])
            text = text[cut:]
        return [*pieces, text]

    def _continued(self, text: str) -> list[int]:
        """Token ids of a text in the middle of another."""
        if not self._blank or not text:
            return self._encode(text, False) if text else []
        before, tokens = self._encode(_BEFORE, False), self._encode(_BEFORE + text, False)
        if tokens[: len(before)] != before:
            raise ModelError(
                f"the vocabulary has no way to go on with {text[:20]!r}; use a GGUF with another vocabulary"
            )
        return tokens[len(before) :]

    def _best_cut(self, text: str) -> int:
        """Where a special text is cut so that it is written in the fewest tokens, which is how plain text looks."""

        def length(cut: int) -> int:
            return len(self._continued(text[:cut])) + len(self._continued(text[cut:]))

        return min(range(1, len(text)), key=length)

    @cached_property
    def _any(self) -> re.Pattern[str]:
        return _one_of(self._specials)

    @cached_property
    def _user(self) -> re.Pattern[str]:
        return _one_of(self._users)


def _one_of(texts: Sequence[str] | dict[str, Special]) -> re.Pattern[str]:
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Every match, those that overlap the one before, too."""
    match = pattern.search(text)
    while match:
        yield match
        match = pattern.search(text, match.start() + 1)


def _touches(match: re.Match[str], spans: tuple[tuple[int, int], ...]) -> bool:
    return any(start < match.end() and match.start() < stop for start, stop in spans)

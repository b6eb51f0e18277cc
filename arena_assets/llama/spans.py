"""Where the messages' texts stand in a rendered conversation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from arena_assets.errors import ModelError

_FIRST_MARK = 0xF0000  # private use, which no template writes
# What a template does to the edges of a text, and, where a mark keeps it from the text's edge, does not do to the mark.
_TRIMS: tuple[Callable[[str], str], ...] = (str, str.strip, str.rstrip, str.lstrip)


@dataclass(frozen=True)
class Span:
    """Characters `start` to `stop` of a rendered conversation are those of its message number `message`."""

    message: int
    start: int
    stop: int


def locate(render: Callable[[Sequence[str]], str], texts: Sequence[str], rendered: str) -> tuple[Span, ...] | None:
    """The places of `texts` in `rendered`, which is what `render` made of them.

    The texts are rendered once more between marks, so that conditions on what they contain hold, and what stands
    between the marks is looked for in `rendered`. None: the two renderings differ by more than the marks; then the
    template looks at the edges of a text, or at its length.
    """
    marks = _unused(2 * len(texts), (*texts, rendered))
    pairs = list(zip(marks[::2], marks[1::2], strict=True))
    for mark in (_around, _within_blanks, _around_some):
        try:
            marked = render([mark(text, *pair) for text, pair in zip(texts, pairs, strict=True)])
        except ModelError:
            continue  # it took the text itself
        spans = _match(marked, pairs, rendered)
        if spans is not None:
            return spans
    return None


def _around(text: str, start: str, stop: str) -> str:
    return start + text + stop


def _within_blanks(text: str, start: str, stop: str) -> str:
    core = text.strip()
    lead, _, trail = text.partition(core) if core else (text, "", "")
    return lead + start + core + stop + trail


def _around_some(text: str, start: str, stop: str) -> str:
    return start + text + stop if text else text


def _unused(count: int, texts: Sequence[str]) -> list[str]:
    used = set().union(*texts)
    marks = (chr(code) for code in range(_FIRST_MARK, _FIRST_MARK + 0xFFFD) if chr(code) not in used)
    return [mark for mark, _ in zip(marks, range(count), strict=False)]


def _match(marked: str, pairs: list[tuple[str, str]], rendered: str) -> tuple[Span, ...] | None:
    """Compare piece by piece; every second piece of `marked` is a message's."""
    every = re.escape("".join(mark for pair in pairs for mark in pair))
    pieces = re.split(f"([{every}])", marked)
    opening = {start: number for number, (start, _) in enumerate(pairs)}
    inside: list[tuple[int, int]] = []  # number of the message, and of the piece
    for at in range(1, len(pieces), 4):
        number = opening.get(pieces[at])
        if number is None or at + 2 >= len(pieces) or pieces[at + 2] != pairs[number][1]:
            return None
        inside.append((number, at + 1))
    for trims in product(_TRIMS, repeat=len(pairs)):
        trimmed = {at: trims[number] for number, at in inside}
        found = [trimmed.get(at, str)(piece) for at, piece in enumerate(pieces) if at % 2 == 0]
        if "".join(found) == rendered:
            return tuple(_spans(found, inside))
    return None


def _spans(found: list[str], inside: list[tuple[int, int]]) -> Iterator[Span]:
    for number, at in inside:
        start = sum(map(len, found[: at // 2]))
        yield Span(number, start, start + len(found[at // 2]))

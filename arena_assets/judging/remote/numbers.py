"""A number in an answer as a score on the scale: one whole number, or a reason why it is none."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

NUMBER = r"[-−+]?\d+(?:[.,]\d+)*"
SCALE = r"[\"'*_`\])}]*\s*(?:/|out of)\s*[*_`]*(?P<top>\d+)"

_NUMBER = re.compile(NUMBER)
_SCALE = re.compile(SCALE, re.IGNORECASE)
_RANGE = re.compile(r"[\"'*_`]*\s*(?:[-–—~±]|\bto\b|\bor\b|\band\b|\bthrough\b)\s*[\"'*_`]*\d", re.IGNORECASE)
_PER_CENT = re.compile(r"[\"'*_`]*\s*[%％]")
_WIDE = str.maketrans({"：": ":", "／": "/", "＝": "=", "％": "%", "−": "-", "．": "."})


class NoVerdictError(ValueError):
    """An answer that holds no single score on the scale; the text says why."""


@dataclass(frozen=True)
class Scale:
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


@dataclass(frozen=True)
class Found:
    """A score and the span of its digits in the text."""

    score: int
    start: int
    end: int


def plain_digits(text: str) -> str:
    """`text` with digits of every script, and the full-width signs beside them, as ASCII; each stays in its place."""
    if text.isascii():
        return text
    text = text.translate(_WIDE)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)


def number_at(text: str, position: int, scale: Scale) -> Found:
    """The score that begins at `position`.

    Raises:
        NoVerdictError: there is no number, or it is off the scale, no whole number, a share, or one end of a range.
    """
    match = _NUMBER.match(text, position)
    if match is None:
        raise NoVerdictError("the score is not a number")
    other = _SCALE.match(text, match.end())
    if other and int(other["top"]) != scale.high:
        raise NoVerdictError(f"{match.group()} out of {other['top']} is another scale than {scale}")
    if not other and _RANGE.match(text, match.end()):
        raise NoVerdictError(f"the score is ambiguous: {text[match.start() : match.end() + 12].strip()!r}")
    if _PER_CENT.match(text, match.end()) and scale != Scale(0, 100):
        raise NoVerdictError(f"{match.group()} per cent is another scale than {scale}")
    return Found(on_scale(match.group(), scale), match.start(), match.end())


def on_scale(value: str | float, scale: Scale) -> int:
    """`value` as a whole number of the scale.

    Raises:
        NoVerdictError: it is none.
    """
    text = str(value).replace("−", "-")
    # 7,0 is a decimal and 1,000 a thousand; neither 1,5 nor 1,000 is on any scale of whole numbers up to 100.
    text = text.replace(",", "") if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text) else text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not scale.low <= number <= scale.high or number != int(number):
        raise NoVerdictError(f"the score {value} is off the scale of whole numbers from {scale}")
    return int(number)

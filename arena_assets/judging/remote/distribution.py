"""The distribution over scores that the token probabilities of one answer hold.

At the first digit of the answered score the server lists the most likely tokens. A listed number is a score of its own
where no longer score begins with it. Else "1" may be 1 or the beginning of 10: on the path that was answered the next
token's probabilities tell the two apart; off it, only a tokeniser that writes numbers as one token does (OpenAI's do;
of another server's it shows when a token of two or more digits is listed). What stays untold is ambiguous. What is
resolved is renormalised, so the distribution is the one given that the judge answers with a score; too little resolved,
or too much ambiguous, is refused rather than guessed.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arena_assets.judging.remote.numbers import NoVerdictError, plain_digits

# With less than half of the probability on scores, the judge is not answering the question.
MIN_RESOLVED = 0.5
# Ambiguous mass moves the mean by at most itself times 0.9 of the scale (1 taken for 10): 0.05 keeps that below 0.05.
MAX_AMBIGUOUS = 0.05

_MARKS = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n", "ĉ": "\t"})
_CONTEXT = 12  # characters before a score, enough to tell it from others

_DIGITS = re.compile(r"[\s\"':]*(\d+)(?![.,]\d)\D*")


@dataclass(frozen=True)
class Token:
    """A generated token: its text, and the most likely tokens at its place with their log-probabilities (nats)."""

    text: str
    alternatives: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, text: str, alternatives: Mapping[str, float]) -> Token:
        """A token as a server sent it, perhaps as its vocabulary writes it: `Ġ7`, `▁7`, ` 7` and `7` are alike."""
        return cls(plain_piece(text), tuple((plain_piece(one), logprob) for one, logprob in alternatives.items()))


def score_distribution(
    tokens: Sequence[Token], answer: str, start: int, end: int, low: int, high: int, *, whole_numbers: bool = False
) -> dict[int, float]:
    """Probabilities, summing to 1, of the scores at the one whose digits are answer[start:end].

    whole_numbers: the tokeniser is known to write a number of up to three digits as one token.

    Raises:
        NoVerdictError: the tokens do not show the score, or too little of the probability can be told apart.
    """
    first = _first_token(tokens, answer, start, end)
    scores = {str(score): score for score in range(low, high + 1)}
    mass: defaultdict[int, float] = defaultdict(float)
    ambiguous = _collect(tokens, first, "", 1.0, scores, mass, whole_numbers)
    resolved = sum(mass.values())
    if resolved + ambiguous < MIN_RESOLVED:
        raise NoVerdictError(f"only {resolved + ambiguous:.0%} of the probability lies on scores")
    if ambiguous > MAX_AMBIGUOUS * (resolved + ambiguous):
        raise NoVerdictError(
            f"the model writes numbers digit by digit, and {ambiguous:.0%} of the probability begins several scores; "
            "use a scale of single digits (max_score: 9)"
        )
    return {score: mass[score] / resolved for score in sorted(mass)}


def plain_piece(text: str) -> str:
    """`text` with blanks for what byte-level and SentencePiece vocabularies write for them; each stays in its place."""
    return plain_digits(text.translate(_MARKS))


def moments(probabilities: dict[int, float], low: int, high: int) -> tuple[float, float]:
    """Mean and variance of a score with these probabilities, rescaled from `low` to `high` onto 0 to 1."""
    scaled = [((score - low) / (high - low), p) for score, p in probabilities.items()]
    mean = min(1.0, max(0.0, sum(p * x for x, p in scaled)))
    variance = sum(p * (x - mean) ** 2 for x, p in scaled)
    return mean, min(variance, mean * (1 - mean))


def _first_token(tokens: Sequence[Token], answer: str, start: int, end: int) -> int:
    """Position of the token that begins the score."""
    place = _place("".join(token.text for token in tokens), plain_piece(answer), start, end)
    position = 0
    for index, token in enumerate(tokens):
        position += len(token.text)
        if place is not None and position > place:
            digits = _digits(token.text)
            if digits is not None and answer[start:end].startswith(digits):
                return index
            break
    raise NoVerdictError("the token probabilities do not show the score that was answered")


def _place(text: str, answer: str, start: int, end: int) -> int | None:
    """Where the score at answer[start:end] begins in the tokens' own text; None where they do not show it.

    The tokens may hold more than the answer, its outer blanks, and before it thinking that has a field of its own: so
    the last place counts. Pieces of other scripts may be written as bytes, before the score or behind it.
    """
    before = min(start, _CONTEXT)
    for part, offset in ((answer, start), (answer[start:], 0), (answer[start - before : end], before)):
        found = text.rfind(part)
        if found >= 0:
            return found + offset
    return None


def _collect(
    tokens: Sequence[Token],
    index: int,
    prefix: str,
    weight: float,
    scores: dict[str, int],
    mass: defaultdict[int, float],
    whole_numbers: bool,
) -> float:
    """Add the probabilities of the scores that begin with `prefix`, to `mass`; return what is ambiguous."""
    alternatives = [(text, _digits(text), weight * math.exp(min(0.0, lp))) for text, lp in tokens[index].alternatives]
    whole_numbers = whole_numbers or any(len(digits or "") > 1 for _, digits, _ in alternatives)
    ambiguous = 0.0
    for text, digits, p in alternatives:
        number = prefix + (digits or "")
        longer = digits is not None and any(score.startswith(number) and score != number for score in scores)
        if digits is None:
            if prefix in scores:  # the number ended with the token before
                mass[scores[prefix]] += p
        elif longer and text == tokens[index].text and index + 1 < len(tokens):
            ambiguous += _collect(tokens, index + 1, number, p, scores, mass, whole_numbers)
        elif longer and not whole_numbers:
            ambiguous += p
        elif number in scores:
            mass[scores[number]] += p
    return ambiguous


def _digits(text: str) -> str | None:
    match = _DIGITS.fullmatch(text)
    return match.group(1) if match else None

"""Reading the verdict in an answer: tolerant of wording, strict about the score. The last verdict binds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

# "score": 7, Score is **7/10**, rating of 7 - but not "score 7 points lower", which no colon, is or = introduces.
_LABELLED = re.compile(
    r"\b(?:score|rating|grade|verdict)\b[\"'*_`]*\s*(?:[:=]|\bis\b|\bof\b)\s*[\"'*_`]*", re.IGNORECASE
)
_OUT_OF = re.compile(r"(?<![\w.,/-])(?=\d+(?:\.\d+)?\s*(?:/|out of)\s*\d)", re.IGNORECASE)
_NUMBER = re.compile(r"[-−+]?\d+(?:[.,]\d+)?")
_SCALE = re.compile(r"[\"'*_`]*\s*(?:/|out of)\s*(\d+)", re.IGNORECASE)
_RANGE = re.compile(r"[\"'*_`]*\s*(?:-|–|—|\bto\b|\bor\b|\band\b|~)\s*\d", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.DOTALL | re.IGNORECASE)


class NoVerdictError(ValueError):
    """An answer that holds no single score on the scale; the text says why."""


class Interval(BaseModel):
    """A score with the interval that the judge is 95% sure of, as answered."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    score: float
    low: float = Field(description="lower end, on the scale of the score")
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Interval:
        if not self.low <= self.score <= self.high:
            raise ValueError(f"low {self.low:g} <= score {self.score:g} <= high {self.high:g} does not hold")
        return self


@dataclass(frozen=True)
class Found:
    """A score and the span of its digits in the text."""

    score: int
    start: int
    end: int


def read_score(text: str, low: int, high: int) -> Found:
    """The score of an answer on the scale `low` to `high`.

    An answer that is one JSON object is read by its key `score` alone. In other text the last JSON object with a score,
    labelled score, or N/M binds, and an answer that is nothing but a number is that score.

    Raises:
        NoVerdictError: there is no verdict, or the binding one is off the scale, no whole number, or a range.
    """
    whole = _whole_object(text)
    if whole is not None:
        data, offset, end = whole
        if "score" not in data:
            raise NoVerdictError("the JSON answer has no score")
        return _number(text, _key_position(text, offset, end), low, high)
    position = _last_verdict(text)
    if position is None:
        bare = re.fullmatch(r"[\s\"'*_`]*([-−+]?\d+(?:[.,]\d+)?(?:\s*/\s*\d+)?)[\s\"'*_`.]*", text)
        if bare is None:
            raise NoVerdictError("the answer holds no verdict")
        position = bare.start(1)
    return _number(text, position, low, high)


def read_interval(text: str, low: int, high: int) -> Interval:
    """The last JSON object of the answer with score, low and high, each within the scale.

    Raises:
        NoVerdictError: there is none, or it breaks low <= score <= high or the scale.
    """
    objects = [data for data, _, _ in _objects(text) if "score" in data]
    if not objects:
        raise NoVerdictError("the answer holds no JSON object with score, low and high")
    try:
        interval = Interval.model_validate(objects[-1])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NoVerdictError(f"the interval is not valid: {where} {first['msg']}".replace("  ", " ")) from None
    if interval.low < low or interval.high > high or interval.score != int(interval.score):
        raise NoVerdictError(
            f"{interval.score:g} within {interval.low:g} and {interval.high:g} is off the scale {low} to {high}"
        )
    return interval


def _number(text: str, position: int, low: int, high: int) -> Found:
    match = _NUMBER.match(text, position)
    if match is None:
        raise NoVerdictError("the score is not a number")
    value = match.group().replace("−", "-").replace(",", ".")
    scale = _SCALE.match(text, match.end())
    if scale and int(scale.group(1)) != high:
        raise NoVerdictError(f"{match.group()} out of {scale.group(1)} is another scale than {low} to {high}")
    if not scale and _RANGE.match(text, match.end()):
        raise NoVerdictError(f"the score is ambiguous: {text[match.start() : match.end() + 12].strip()!r}")
    number = float(value)
    if number != int(number) or not low <= number <= high:
        raise NoVerdictError(f"the score {match.group()} is off the scale of whole numbers from {low} to {high}")
    return Found(int(number), match.start(), match.end())


def _last_verdict(text: str) -> int | None:
    """Where the last verdict's number should start; what lies inside a JSON object is read as JSON only."""
    spans = list(_objects(text))
    found = [_key_position(text, start, end) for data, start, end in spans if "score" in data]
    for pattern in (_LABELLED, _OUT_OF):
        for match in pattern.finditer(text):
            inside = any(start <= match.start() < end for _, start, end in spans)
            if not inside and _NUMBER.match(text, match.end()):
                found.append(match.end())
    return max(found, default=None)


def _objects(text: str) -> list[tuple[dict[str, Any], int, int]]:
    """Top-level JSON objects in `text` with their spans."""
    decoder, found, position = json.JSONDecoder(), [], text.find("{")
    while position >= 0:
        try:
            data, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            found.append((data, position, end))
        position = text.find("{", end)
    return found


def _whole_object(text: str) -> tuple[dict[str, Any], int, int] | None:
    fenced = _FENCE.match(text)
    body = fenced.group(1) if fenced else text
    found = _objects(text)
    if len(found) == 1 and text[found[0][1] : found[0][2]] == body.strip():
        return found[0]
    return None


def _key_position(text: str, start: int, end: int) -> int:
    """Where the value of the top-level key `score` starts: the last such key, as JSON itself reads it."""
    depth, position, key = 0, start, start
    token = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
    while (match := token.search(text, position, end)) is not None:
        position = match.end()
        if match.group() in "{[":
            depth += 1
        elif match.group() in "}]":
            depth -= 1
        elif depth == 1 and match.group() == '"score"':
            value = re.compile(r'\s*:\s*"?\s*').match(text, position, end)
            if value is not None:
                key = value.end()
    return key

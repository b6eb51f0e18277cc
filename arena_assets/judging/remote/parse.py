"""Reading the verdict in an answer: only where a verdict stands, and only one. The last that stands binds."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from arena_assets.judging.remote.forms import Statement, closes, follows_a_sentence, opens, statements
from arena_assets.judging.remote.json_objects import JsonObject, cut_object, objects
from arena_assets.judging.remote.numbers import (
    NUMBER,
    SCALE,
    Found,
    NoVerdictError,
    Scale,
    number_at,
    on_scale,
    plain_digits,
)
from arena_assets.judging.remote.quotation import hide_quotations, hide_wrapping
from arena_assets.judging.remote.refusal import declines
from arena_assets.judging.remote.thinking import hide_thinking

_BARE = re.compile(rf"[\s\"'*_`\[\](){{}}$]*({NUMBER}(?:{SCALE})?\s*%?)[\s\"'*_`\[\](){{}}$.]*", re.IGNORECASE)
_ANYWHERE = re.compile(
    r"\b(?:score|rating|grade|verdict)\b[\"'*_`]*\s*(?:[:=]|\bis\b|\bof\b)\s*[\"'*_`\[]*(?=[-−+]?\d)", re.I
)
_SHOWN = 80


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


def read_score(text: str, low: int, high: int, *, cut: bool = False) -> Found:
    """The score of an answer on the scale `low` to `high`; its span is that of the digits in `text`.

    An answer that is one JSON object is read by its key `score`. In other text, thinking and quotations left out, the
    verdict is an object, a labelled score, N/M or the like that stands as a whole line or sentence and ends the answer,
    or begins it; a number alone is a verdict where it is all of the answer. An answer that declines to judge has none.

    cut: the answer ended at the token limit, so a last digit may be the first of two.

    Raises:
        NoVerdictError: there is no verdict, or the binding one is off the scale, no whole number, or a range.
    """
    scale, text = Scale(low, high), plain_digits(text)
    found = _score_of_whole(text, scale) or _score_of_spoken(hide_thinking(text), scale)
    digits = text[found.start : found.end]
    if (
        cut
        and not text[found.end :].strip()
        and any(str(n) != digits and str(n).startswith(digits) for n in range(high + 1))
    ):
        raise NoVerdictError(f"the answer is cut within its score, {digits}...")
    return found


def read_interval(text: str, low: int, high: int) -> Interval:
    """The JSON object of the answer with score, low and high, each within the scale, where a verdict stands.

    Raises:
        NoVerdictError: there is none, or it breaks low <= score <= high or the scale.
    """
    scale, text = Scale(low, high), plain_digits(text)
    found = _whole_object(text)
    if found is None:
        visible = hide_wrapping(hide_thinking(text)).strip()
        _refuse_refusal(visible)
        known = objects(visible)
        standing = [one for one in _usable(visible, known) if one.json is not None]
        found = standing[-1].json if standing else None
    if found is None:
        raise NoVerdictError(f"the answer holds no JSON object with score, low and high: {_shown(text)}")
    try:
        interval = Interval.model_validate(found.members)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NoVerdictError(f"the interval is not valid: {where} {first['msg']}".replace("  ", " ")) from None
    on_scale(interval.score, scale)
    if not low <= interval.low <= interval.high <= high:
        raise NoVerdictError(f"the interval {interval.low:g} to {interval.high:g} is off the scale from {scale}")
    return interval


def _score_of_whole(text: str, scale: Scale) -> Found | None:
    """The score of an answer that is one JSON object; None where it is none."""
    whole = _whole_object(text)
    return None if whole is None else _score_of_object(text, whole, scale)


def _whole_object(text: str) -> JsonObject | None:
    visible = hide_wrapping(text)
    found = objects(visible)
    if len(found) != 1 or re.search(r"\w", visible[: found[0].start] + visible[found[0].end :]):
        return None
    return found[0]


def _score_of_object(text: str, found: JsonObject, scale: Scale) -> Found:
    position, value = found.value_at(text), found.members.get("score")
    if position is None:
        raise NoVerdictError("the JSON answer has no score")
    if any(isinstance(member, str) and declines(member) for member in found.members.values()):
        raise NoVerdictError(f"the judge declines to score: {_shown(text)}")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise NoVerdictError(f"the score is not a number: {str(value)[:_SHOWN]}")
    if isinstance(value, str):
        if _BARE.fullmatch(value) is None:
            number_at(text, position, scale)  # says what it is instead, where it begins with a number
            raise NoVerdictError(f"the score is not a number: {value[:_SHOWN]!r}")
        return number_at(text, re.compile(r"[\s\"'*_`\[\](){}$]*").match(text, position).end(), scale)  # type: ignore[union-attr]
    score = on_scale(value, scale)
    return Found(score, position, position + len(re.match(r"[-+.\deE]+", text[position:]).group()))  # type: ignore[union-attr]


def _score_of_spoken(hidden: str, scale: Scale) -> Found:
    """The score of an answer whose thinking is hidden."""
    visible = hide_wrapping(hidden).rstrip()
    if not visible:
        raise NoVerdictError("the answer holds no verdict: there is nothing but thinking")
    thought = len(visible) - len(visible.lstrip())  # not gone over again by every pattern
    found = _score_of(visible[thought:], scale)
    return Found(found.score, found.start + thought, found.end + thought)


def _score_of(visible: str, scale: Scale) -> Found:
    if (whole := _score_of_whole(visible, scale)) is not None:
        return whole
    if (bare := _BARE.fullmatch(visible)) is not None:
        return number_at(visible, bare.start(1), scale)
    _refuse_refusal(visible)
    known = objects(visible)
    if not known and (position := cut_object(visible)) is not None:
        return number_at(visible, position, scale)
    usable = _usable(visible, known)
    if not usable:
        _explain(visible, scale)
    binding = usable[-1]
    if binding.value is None:
        raise NoVerdictError(f"the judge gives no score: {_shown(visible[binding.start : binding.end])}")
    if binding.json is not None:
        return _score_of_object(visible, binding.json, scale)
    return number_at(visible, binding.value, scale)


def _usable(visible: str, known: list[JsonObject]) -> list[Statement]:
    """The statements that stand where a verdict does, in order.

    Raises:
        NoVerdictError: others stand after the last of them, as in a list of several scores.
    """
    spoken = _hide_outside(visible, known)
    standing = [one for one in statements(spoken, known) if one.stands]
    usable = [
        one
        for one in standing
        if closes(spoken, one) or opens(spoken, one) or (one.json is not None and follows_a_sentence(spoken, one))
    ]
    if usable and standing[-1] is not usable[-1]:
        raise NoVerdictError(f"the answer states several scores: {_shown(visible)}")
    return usable


def _hide_outside(visible: str, known: list[JsonObject]) -> str:
    """Quotations hidden in all but the JSON objects, whose strings are quoted by their very form."""
    hidden = hide_quotations(visible)
    for one in known:
        hidden = hidden[: one.start] + visible[one.start : one.end] + hidden[one.end :]
    return hidden


def _refuse_refusal(visible: str) -> None:
    if declines(visible):
        raise NoVerdictError(f"the judge declines to score: {_shown(visible)}")


def _explain(visible: str, scale: Scale) -> None:
    """Say why the last number that is named as a score is none."""
    named = list(_ANYWHERE.finditer(visible))
    if named:
        number_at(visible, named[-1].end(), scale)
    raise NoVerdictError(f"the answer holds no verdict where one stands: {_shown(visible)}")


def _shown(text: str) -> str:
    """The end of an answer, where its verdict should be."""
    words = " ".join(text.split())
    return repr(words if len(words) <= _SHOWN else "..." + words[-_SHOWN:])

"""The forms in which an answer states its verdict, and whether one stands where a verdict does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from arena_assets.judging.remote.json_objects import JsonObject
from arena_assets.judging.remote.numbers import NUMBER, SCALE

# Possessive quantifiers throughout (`*+`): hidden thinking is a long run of blanks, which must not be gone over again.
_EMPHASIS = r"[\"'*_`\[\](){}$]"
# A form begins with its line or sentence: within a sentence a number is talked about.
_BEGIN = r"(?:^|(?<=[.!?;])(?<!e\.g\.)(?<!i\.e\.)(?=\s)|(?<=[。！？]))[\"'*_`\[\](){}$<>•# \t-]*+"
_ITS = (
    r"(?:(?:so|thus|hence|therefore|overall|finally|in conclusion|in summary)\s*,?\s+)?"
    r"(?:(?:my|the|an?|this|here is)\s+)*(?:(?:final|overall|total|numeric|numerical|resulting)[\s_]+)*"
)
_NAME = r"(?:score|rating|grade|verdict)"
_OF_WHAT = r"(?:\s+for\s+(?:this|the)\s+(?:\w+\s+)?(?:response|answer|text))?(?:\s*[(\[][^()\[\]\n]{0,24}[)\]])?"
_IS = rf"{_EMPHASIS}*+\s*(?:[:=]|\bis\b:?|\bof\b|\bwould be\b|\n)\s*+"
_OPEN = rf"(?:{_EMPHASIS}|\\boxed\{{|\\text(?:bf)?\{{|\s)*+"
_GIVEN = (
    r"(?:(?:so|thus|hence|therefore|overall),?\s+)?(?:I|we)(?:['’]d|['’]ll|\s+would|\s+will)?\s+"
    r"(?:therefore\s+|thus\s+)?(?:give|rate|score|grade|assign|award)"
    r"(?:\s+(?:it|this|the)(?:\s+(?:response|answer|text))?)?(?:\s+(?:as|at))?(?:\s+an?)?"
    r"(?:\s+(?:solid|strong|final|overall|score of|rating of|grade of))*\s+"
)
_FLAGS = re.IGNORECASE | re.MULTILINE

LABELLED = re.compile(rf"{_BEGIN}{_ITS}{_NAME}{_OF_WHAT}{_IS}{_OPEN}", _FLAGS)
_UNLABELLED = (
    re.compile(rf"{_BEGIN}(?<=<)(?:final_?)?{_NAME}>\s*", _FLAGS),
    re.compile(rf"{_BEGIN}(?:{_ITS}(?:answer|result){_IS})?\$*\s*\\boxed\{{{_OPEN}", _FLAGS),
    re.compile(rf"{_BEGIN}{_GIVEN}{_OPEN}", _FLAGS),
    re.compile(rf"{_BEGIN}(?<![-−])(?={NUMBER}{SCALE})", _FLAGS),
)
_NONE = re.compile(
    r"(?:n\s*/?\s*a|none|null|nan|unknown|undefined|unrated|unscored|tbd|not\s+\w+able|not\s+(?:possible|given))\b|"
    r"[?—–-]+\s*$",
    _FLAGS,
)
_VALUE = re.compile(rf"{NUMBER}(?:{SCALE})?", re.IGNORECASE)
_CLOSE = rf"{_EMPHASIS}*+(?:\s?%)?(?:</?\w{{1,20}}>)?"
_END = re.compile(
    rf"{_CLOSE}(?:[ \t]+(?:overall|points?|stars?|in total))?{_EMPHASIS}*+[.!。]*+{_EMPHASIS}*+[ \t]*+(?:\n|\Z)",
    re.IGNORECASE,
)
# After a labelled score its line may go on with the reason, not with a verb.
_REASON = re.compile(
    rf"{_CLOSE}(?:[.;!。]{_EMPHASIS}*+(?=\s|\Z)|\s+[-–—]+\s+(?!\d)|"
    r"\s*\((?:[^)\d\n]*\)|[^)\d\n]*\d+\s*(?:-|–|to|is)[^)\n]*\))|"
    r"\s+(?=(?-i:[A-Z][a-z]))|,?\s+because\b).*(?:\n|\Z)",
    re.IGNORECASE,
)
_SENTENCE_END = ".!?。}"
_LEAD_IN = re.compile(
    r"[\s*_#]*(?:(?:sure|certainly|okay|ok|of course)[,!]?\s+)?"
    r"(?:(?:after|based on|given|considering|on)\b[^,:\n]{0,80},?\s*)??"
    r"(?:(?:i|i['’]d|think|believe|conclude|say|on reflection|my|the|final|overall|so|thus|therefore|here is|here['’]s|"
    r"this is|json|object|answer|verdict|score|rating|result|output|evaluation|assessment|judge?ment|is|as follows)"
    r"[\s*_]*)+(?:(?<=is)|(?<=is )|[:：][\s*_`]*)",
    re.IGNORECASE,
)
_HEADING = re.compile(r"[ \t]*(?:#.*|[*_]{2}[^*_\n]*[*_]{2}:?|\W*)")


@dataclass(frozen=True)
class Statement:
    """A verdict as stated. value: where its number begins, None where it says that there is none. start, end: its span.

    stands: whether it is a whole line or sentence. json: the object that it is, the very form that was asked for.
    """

    start: int
    end: int
    value: int | None
    stands: bool
    json: JsonObject | None = None


def statements(text: str, objects: list[JsonObject]) -> list[Statement]:
    """All statements of `text` in their order; what lies inside a JSON object is read as JSON only."""
    found = [*_of_json(text, objects)]
    taken: set[int] = set()
    for form in (LABELLED, *_UNLABELLED):
        for begun in form.finditer(text):
            at = begun.end()
            if at in taken or any(one.start <= at <= one.end for one in objects):
                continue
            if (value := _VALUE.match(text, at)) is not None:
                taken.add(at)
                closed = _END.match(text, value.end())
                if closed is None and form is LABELLED:
                    closed = _REASON.match(text, value.end())
                end = closed.end() if closed else value.end()
                found.append(Statement(begun.start(), end, at, closed is not None))
            elif form is LABELLED and (nothing := _NONE.match(text, at)) is not None:
                found.append(Statement(begun.start(), nothing.end(), None, True))
    return sorted(found, key=lambda one: one.end)


def opens(text: str, one: Statement) -> bool:
    """Whether nothing but headings stands before it."""
    return all(_HEADING.fullmatch(line) for line in text[: one.start].splitlines())


def closes(text: str, one: Statement) -> bool:
    """Whether nothing stands after it."""
    return re.search(r"\w|\ufffc", text[one.end :]) is None


def follows_a_sentence(text: str, one: Statement) -> bool:
    """Whether it begins the text or stands after the end of a sentence."""
    before = text[: one.start].rstrip()
    return not before or before[-1] in _SENTENCE_END


def _of_json(text: str, objects: list[JsonObject]) -> Iterator[Statement]:
    for one in objects:
        value = one.value_at(text)
        if value is None:
            continue
        rest = _END.match(text, one.end)
        stands = rest is not None and _begins(text[: one.start].rstrip("*_`[ \t"))
        yield Statement(one.start, rest.end() if rest else one.end, value, stands, one)


def _begins(before: str) -> bool:
    """Whether an object after `before` begins a line, a sentence, or what words like "my verdict is:" lead to."""
    if not before or before[-1] in _SENTENCE_END + "\n":
        return True
    return _LEAD_IN.fullmatch(re.split(r"[.!?。}\n]", before[-200:])[-1]) is not None

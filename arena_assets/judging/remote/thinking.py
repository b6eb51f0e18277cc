"""What a model thought aloud, hidden before a verdict is read: a number within thinking is nobody's score."""

from __future__ import annotations

import re

_WORDS = r"think(?:ing)?|thoughts?|reason(?:ing)?|rationale|analysis|reflection|scratchpad|(?:inner_?)?monologue"
# <think>, <seed:think>, <antThinking>, [THINK], <|begin_of_thought|>, <|START_THINKING|>, their ends, and attributes.
# A tag in backticks is talked about.
_TAG = re.compile(
    r"(?<!`)(?P<open>[<\[◁])\|?(?P<slash>/)?(?P<side>(?:begin|start|end)_?(?:of_?)?)?(?:\w{1,12}[:-]|ant|internal_)?"
    rf"(?:{_WORDS})(?:\s[^<>\[\]]{{0,80}})?(?P<late>/)?[|▷]?[>\]▷]?(?<=[>\]▷])(?!`)",
    re.IGNORECASE,
)
# Open WebUI's form of it, MedGemma's, Gemma's, and a code fence that says so.
_SPECIAL = {
    re.compile(r'<details\s+type="reasoning"[^<>]*>', re.IGNORECASE): re.compile(r"</details>", re.IGNORECASE),
    re.compile(r"<unused94>"): re.compile(r"<unused95>"),
    re.compile(r"<\|channel>\s*thought"): re.compile(r"<channel\|>"),
    re.compile(rf"^[ \t]*```(?:{_WORDS})\b", re.IGNORECASE | re.MULTILINE): re.compile(r"^[ \t]*```", re.MULTILINE),
}
# gpt-oss: channels, with their special tokens or, where a server drops these, with the bare words run together.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,40}(?:<\|message\|>)?")
_CONTROL = re.compile(r"<\|(?:return|end|start|message|call)\|>(?:assistant\b)?")
_BARE_ANALYSIS, _BARE_FINAL = re.compile(r"\s*analysis(?=[A-Z\"'*])"), "assistantfinal"

_SPOKEN = "final"


def hide_thinking(text: str) -> str:
    """`text` with all thinking, finished or cut, as blanks; every other character stays where it was.

    What stands before an end that has no beginning is thinking, since many templates put the beginning in the prompt.
    What stands after a beginning that has no end is thinking, too. A beginning that is doubled begins once.
    """
    if "<|channel|>" in text:
        text = _channels(text)
    elif (bare := _BARE_ANALYSIS.match(text)) is not None:
        spoken = text.rfind(_BARE_FINAL)
        text = _blank(text, bare.start(), len(text) if spoken < 0 else spoken + len(_BARE_FINAL))
    for begin, end in _SPECIAL.items():
        text = _between(text, begin, end)
    return _tags(text)


def _tags(text: str) -> str:
    depth, begun, last = 0, 0, -1
    for tag in list(_TAG.finditer(text)):
        if _is_end(tag):
            # An end too many makes all before it thinking.
            text = _blank(text, begun if depth else 0, tag.end())
            depth = max(0, depth - 1)
        elif depth and not text[last : tag.start()].strip():
            pass  # doubled
        else:
            begun = tag.start() if depth == 0 else begun
            depth += 1
        last = tag.end()
    return _blank(text, begun, len(text)) if depth else text


def _is_end(tag: re.Match[str]) -> bool:
    # Kimi writes ◁think▷ and ◁/think▷, Cohere <|END_THINKING|>, some models <think/>.
    return bool(tag["slash"] or tag["late"] or (tag["side"] or "").lower().startswith("end"))


def _channels(text: str) -> str:
    marks = list(_CHANNEL.finditer(text))
    for mark, follower in zip(marks, [*marks[1:], None], strict=True):
        end = follower.start() if follower else len(text)
        text = _blank(text, mark.start(), mark.end() if mark.group(1) == _SPOKEN else end)
    text = _blank(text, 0, marks[0].start()) if marks else text
    for control in list(_CONTROL.finditer(text)):
        text = _blank(text, control.start(), control.end())
    return text


def _between(text: str, begin: re.Pattern[str], end: re.Pattern[str]) -> str:
    for opened in list(begin.finditer(text)):
        closed = end.search(text, opened.end())
        text = _blank(text, opened.start(), closed.end() if closed else len(text))
    return text


def _blank(text: str, start: int, end: int) -> str:
    """The span as blanks, of which line ends stay: what follows keeps its line."""
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]

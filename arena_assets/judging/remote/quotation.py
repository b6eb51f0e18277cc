"""Quotations within an answer, hidden before a verdict is read: what is quoted is somebody else's."""

from __future__ import annotations

import re

# Stands for quoted text: neither blank nor digit nor letter, so that no sentence reads on across it.
_HIDDEN = "\ufffc"
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|「[^」]*」|(?<![\w*`])'[^'\n]*'(?!\w)")
_CITED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_ANSWER_TAG = re.compile(r"</?(?:answer|output|result|evaluation|json)>", re.IGNORECASE)
_LAST_CONTROL = re.compile(r"(?:(?:<\|[\w-]{1,30}\|>|</s>|<end_of_turn>)\s*)++\Z")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*\w*[ \t]*$", re.MULTILINE)


def hide_quotations(text: str) -> str:
    """`text` with quoted words and cited lines replaced, length kept; a quoted number (`"8"`) is only emphasis."""
    if _whole(text):
        return text
    text = _CITED_LINE.sub(lambda line: _HIDDEN * len(line.group()), text)
    return _QUOTED.sub(lambda quoted: _hidden(text, quoted), text)


def hide_wrapping(text: str) -> str:
    """`text` with what an answer is only wrapped in as blanks: code fences, `<answer>` tags, a last control token."""
    for wrapping in (_FENCE, _ANSWER_TAG, _LAST_CONTROL):
        text = wrapping.sub(lambda found: " " * len(found.group()), text)
    return text


def _whole(text: str) -> bool:
    """Whether nothing stands beside the quotation: the answer is emphasised as a whole."""
    spoken = text.strip()
    return _QUOTED.fullmatch(spoken) is not None or all(
        line.lstrip().startswith(">") for line in spoken.splitlines() if line.strip()
    )


def _hidden(text: str, quoted: re.Match[str]) -> str:
    inner = quoted.group()[1:-1].strip()
    labelled = re.search(r"[:=]\s*[*_`]*$", text[max(0, quoted.start() - 8) : quoted.start()]) is not None
    emphasis = re.fullmatch(r"[-+\d.,]*", inner) or (labelled and re.fullmatch(r"[-+\d.,/ ]*", inner))
    key = re.fullmatch(r"\w+", inner) and re.match(r"\s*:", text[quoted.end() :])  # "score": 8, without its braces
    return quoted.group() if emphasis or key else _HIDDEN * len(quoted.group())

"""JSON objects in an answer, whole or cut, and where in the text their score stands."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_KEY = "score"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_VALUE = re.compile(r'\s*:\s*"?\s*')


@dataclass(frozen=True)
class JsonObject:
    """A top-level object of the text: its members by lower-case name (the last of equal names), and its span."""

    members: dict[str, Any]
    start: int
    end: int

    def value_at(self, text: str) -> int | None:
        """Where the value of the top-level `score` begins; None where there is no such member."""
        return _position(text, self.start, self.end) if _KEY in self.members else None


def objects(text: str) -> list[JsonObject]:
    """The top-level JSON objects of `text`, in order."""
    decoder = json.JSONDecoder(object_pairs_hook=lambda pairs: {key.lower(): value for key, value in pairs})
    found, position = [], text.find("{")
    while position >= 0:
        try:
            members, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            found.append(JsonObject(members, position, end))
        position = text.find("{", end)
    return found


def cut_object(text: str) -> int | None:
    """Where the score begins in an object that opens `text` and was cut before its end; None where there is none."""
    start = len(text) - len(text.lstrip())
    return _position(text, start, len(text)) if text[start : start + 1] == "{" else None


def _position(text: str, start: int, end: int) -> int | None:
    """Where the value of the top-level `score` begins: the last such member, as JSON itself reads it."""
    depth, position, found = 0, start, None
    while (match := _TOKEN.search(text, position, end)) is not None:
        position = match.end()
        if match.group() in "{[":
            depth += 1
        elif match.group() in "}]":
            depth -= 1
        elif depth == 1 and match.group()[1:-1].lower() == _KEY:
            value = _VALUE.match(text, position, end)
            found = value.end() if value is not None else found
    return found

"""Rows of other tools: what each format calls its fields, and the objects of a JSON Lines file, read in one place."""

from __future__ import annotations

import json
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """Where a format keeps the log-probabilities, and the object in which its other fields may hide."""

    name: str
    base: str
    targets: str
    below: str | None = None


SAMPLER = Format("precomputed-sampler", "total_logprob", "target_logps")
CJE = Format("cje", "base_policy_logprob", "target_policy_logprobs", below="metadata")


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The number of each line, from 1, with its object, or with what is wrong with it; blank lines are passed over.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if raw.strip():
                found = _object(raw, "utf-8-sig" if number == 1 else "utf-8")
                yield number, f"the line is {found}" if isinstance(found, str) else found


def json_object(text: str) -> dict[str, Any] | str:
    """The object that a text holds as JSON, or what it is instead: "no JSON: why", "a list, not an object"."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        return f"no JSON: {'it holds NUL bytes' if chr(0) in text else f'{error.msg} at character {error.pos + 1}'}"
    except (ValueError, RecursionError) as error:  # a number of more digits than Python takes; thousands of brackets
        return f"no JSON: {error if isinstance(error, ValueError) else 'nested too deeply'}"
    return data if isinstance(data, dict) else f"{kind_of(data)}, not an object"


def field_of(row: Mapping[str, Any], name: str, below: str | None = None) -> Any:
    """A field at top level, else in the object `below`; None where there is neither."""
    value = row.get(name)
    if value is None and below is not None:
        inner = row.get(below)
        return inner.get(name) if isinstance(inner, Mapping) else None
    return value


def id_text(value: Any) -> str | None:
    """A prompt's id as text: 7, 7.0 (as a column with gaps holds it) and "7" are one. None where it is none."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return str(int(value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else None


def why_no_number(value: Any) -> str | None:
    """What a value is that is neither a number nor missing ("a text, not a number: 'high'"); else None."""
    if value is None or type(value) in (float, int):  # nearly all, and a look at the class takes ten times as long
        return None
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return None
    said = f": {value[:30]!r}" if isinstance(value, str) else ""
    return f"{kind_of(value)}, not a number{said}"


def kind_of(value: Any) -> str:
    """What a value of JSON, or of a table, is in words."""
    names = {"str": "a text", "dict": "an object", "list": "a list", "bool": "true or false", "NoneType": "null"}
    names |= {"int": "a number", "float": "a number", "bytes": "bytes"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")


def _object(raw: bytes, encoding: str) -> dict[str, Any] | str:
    try:
        return json_object(raw.decode(encoding))
    except UnicodeDecodeError:
        return "not UTF-8"

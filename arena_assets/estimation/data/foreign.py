"""Rows of other tools: what each format calls its fields, and the objects of a JSON Lines file, read in one place."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
                yield number, _object(raw, "utf-8-sig" if number == 1 else "utf-8")


def kind_of(value: Any) -> str:
    """What a value of JSON is, in words."""
    names = {"str": "a text", "dict": "an object", "list": "a list", "bool": "true or false", "NoneType": "null"}
    return names.get(type(value).__name__, "a number")


def _object(raw: bytes, encoding: str) -> dict[str, Any] | str:
    try:
        data = json.loads(raw.decode(encoding))
    except UnicodeDecodeError:
        return "the line is not UTF-8"
    except (json.JSONDecodeError, RecursionError) as error:
        return f"the line is no JSON: {error.msg if isinstance(error, json.JSONDecodeError) else 'nested too deeply'}"
    return data if isinstance(data, dict) else f"the line is {kind_of(data)}, not an object"

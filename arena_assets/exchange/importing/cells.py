"""Rows of CSV and Parquet in the dress of JSON: cells become numbers and objects, columns with a dot one object."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from arena_assets.estimation.data.foreign import CJE, SAMPLER
from arena_assets.textfiles.rows import Kind

# Objects of policies and of other fields; what stands in them under a name is named `object.name` in a flat table.
_TARGETS = (SAMPLER.targets, CJE.targets)
_OBJECTS = (*_TARGETS, "metadata")
_NUMBERS = frozenset(
    {
        SAMPLER.base,
        CJE.base,
        "judge_score",
        "judge_mean",
        "judge_variance",
        "judge_score_variance",
        "oracle_label",
        "oracle_score",
        "n_response_tokens",
    }
)


def as_json(data: Mapping[str, Any], kind: Kind) -> Mapping[str, Any]:
    """A row as a line of JSON Lines would state it; a cell that cannot be read so stays as it is, and is told later."""
    if kind == "json":
        return data
    nested: dict[str, Any] = {}
    for name, value in data.items():
        outer, dot, inner = name.partition(".")
        if dot and outer not in data:
            below = nested.setdefault(outer, {})
            below[inner] = _cell(outer if outer in _TARGETS else inner, value, kind)
        else:
            nested[name] = _cell(name, value, kind)
    return nested


def _cell(name: str, value: Any, kind: Kind) -> Any:
    if kind == "cells" and isinstance(value, str):
        return _written(name, value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and math.isnan(value):
        return None  # a column of numbers has no other way to say that one is missing
    if isinstance(value, list) and name in _OBJECTS and all(isinstance(one, tuple) for one in value):
        return dict(value)  # a map of Arrow
    return value


def _written(name: str, text: str) -> Any:
    """What a cell of CSV says; an empty one says nothing."""
    plain = text.strip()
    if not plain:
        return None
    if name in (*_OBJECTS, "judge_score", "oracle_label") and plain.startswith("{"):
        return _object(plain)
    if name in _NUMBERS or name in _TARGETS:
        return _number(plain)
    return text


def _number(text: str) -> float | int | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _object(text: str) -> Any:
    """An object as JSON, or as Python writes one into a CSV."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text

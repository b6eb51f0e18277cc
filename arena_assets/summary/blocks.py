"""A report as a list of blocks, and how Markdown writes it: every text is escaped, charts are images in data URIs."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Points:
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """A table; numbers are rounded to `digits` decimals. `folded`: what a page shows of it until it is opened."""

    frame: pd.DataFrame
    digits: int = 3
    folded: str = ""


@dataclass(frozen=True)
class Chart:
    """One chart as SVG for a desk and for a hand, and what it shows for who cannot see it."""

    wide: str
    narrow: str
    shows: str


@dataclass(frozen=True)
class Code:
    text: str


Block = Heading | Paragraph | Points | Rows | Chart | Code


def to_markdown(blocks: Sequence[Block]) -> str:
    """GitHub-flavoured Markdown; charts are images in data URIs, so one file holds all."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Points(texts):
            return "\n".join(f"- {_plain(text)}" for text in texts)
        case Rows(frame, digits, _):
            head = [_plain(str(name)) for name in frame.columns]
            lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
            for row in frame.itertuples(index=False):
                lines.append("| " + " | ".join(_plain(cell(value, digits)) for value in row) + " |")
            return "\n".join(lines)
        case Chart(wide, _, shows):
            data = base64.b64encode(wide.encode()).decode()
            return f"![{_plain(shows)}](data:image/svg+xml;base64,{data})"
        case Code(text):
            fence = "````" if "```" in text else "```"
            return f"{fence}\n{text}\n{fence}"


def cell(value: Any, digits: int) -> str:
    """A value as text: what is missing is a dash, never 0."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.3g}"
    return str(value)


def _plain(text: str) -> str:
    """Text that Markdown must not take for markup."""
    for mark in "\\`*_[]<>#|":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())

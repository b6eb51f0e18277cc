"""A report as a list of blocks, and the two ways to write one: every text is escaped, charts are inline SVG."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
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
    """A table; numbers are rounded to `digits` decimals."""

    frame: pd.DataFrame
    digits: int = 3


@dataclass(frozen=True)
class Chart:
    """An SVG and, for who cannot see it, what it shows."""

    svg: str
    shows: str


@dataclass(frozen=True)
class Code:
    text: str


Block = Heading | Paragraph | Points | Rows | Chart | Code

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;margin:1rem 0;font-size:.9rem;display:block;overflow-x:auto}
th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
pre{background:#f5f5f5;padding:1rem;overflow-x:auto;font-size:.85rem}
h1,h2,h3{line-height:1.25}figure{margin:1rem 0}figcaption{color:#555;font-size:.85rem}svg{max-width:100%;height:auto}
"""


def to_markdown(blocks: Sequence[Block]) -> str:
    """GitHub-flavoured Markdown; charts are images in data URIs, so one file holds all."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def to_html(blocks: Sequence[Block], title: str) -> str:
    """One HTML file that loads nothing: no script, no font, no image from elsewhere."""
    body = "\n".join(_html(block) for block in blocks)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Points(texts):
            return "\n".join(f"- {_plain(text)}" for text in texts)
        case Rows(frame, digits):
            head = [_cell_text(str(name)) for name in frame.columns]
            lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
            for row in frame.itertuples(index=False):
                lines.append("| " + " | ".join(_cell_text(cell(value, digits)) for value in row) + " |")
            return "\n".join(lines)
        case Chart(svg, shows):
            data = base64.b64encode(svg.encode()).decode()
            return f"![{_plain(shows)}](data:image/svg+xml;base64,{data})"
        case Code(text):
            fence = "````" if "```" in text else "```"
            return f"{fence}\n{text}\n{fence}"


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Points(texts):
            return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"
        case Rows(frame, digits):
            kinds = [' class="n"' if pd.api.types.is_numeric_dtype(dtype) else "" for dtype in frame.dtypes]
            head = "".join(f"<th{k}>{escape(str(c))}</th>" for k, c in zip(kinds, frame.columns, strict=True))
            rows = "".join(
                "<tr>"
                + "".join(f"<td{k}>{escape(cell(v, digits))}</td>" for k, v in zip(kinds, row, strict=True))
                + "</tr>"
                for row in frame.itertuples(index=False)
            )
            return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        case Chart(svg, shows):
            return f"<figure>{svg}<figcaption>{escape(shows)}</figcaption></figure>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"


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


def _cell_text(text: str) -> str:
    return _plain(text)

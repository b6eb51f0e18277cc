"""The report as one HTML file that loads nothing, no script, font or image. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from arena_assets.summary.blocks import Block, Rows, cell

_PAGE = Environment(
    loader=PackageLoader("arena_assets.summary"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def to_html(blocks: Sequence[Block], title: str) -> str:
    """The page; a chart stands in it twice, wide for a desk and narrow for a hand, of which a style shows one."""
    return _PAGE.get_template("report.html.jinja").render(blocks=blocks, title=title)


def _cells(rows: Rows) -> list[list[str]]:
    return [[cell(value, rows.digits) for value in row] for row in rows.frame.itertuples(index=False)]


def _numeric(rows: Rows) -> list[bool]:
    return [pd.api.types.is_numeric_dtype(dtype) for dtype in rows.frame.dtypes]


_PAGE.filters |= {"cells": _cells, "numeric": _numeric}

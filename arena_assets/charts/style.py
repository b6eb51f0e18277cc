"""Colours, and what every chart has in common. The palette is Okabe and Ito's: told apart with every colour blindness.

Marks never rely on colour alone: support and coverage also differ in shape and fill. All colours hold on white and on
near-black, so that charts need not know the theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

MAX_ROWS = 5000

BLUE, ORANGE, GREEN, PINK, VERMILION, SKY = "#0F78BC", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"
GREY = "#737880"

SUPPORT = {"supported": BLUE, "caution": ORANGE, "refused": GREY}
COVERED = {"covers the truth": "circle", "misses the truth": "cross", "truth unknown": "square"}

_TARGETS = (BLUE, GREEN, ORANGE, VERMILION, PINK, SKY)


class TooManyRowsError(ValueError):
    """A chart was given more rows than a browser draws at once: aggregate first."""


def chart(frame: pd.DataFrame) -> alt.Chart:
    """A chart of at most 5,000 rows.

    Raises:
        TooManyRowsError: the frame was not aggregated first.
    """
    if len(frame) > MAX_ROWS:
        raise TooManyRowsError(f"{len(frame)} rows are too many for a chart (at most {MAX_ROWS}): aggregate first")
    return alt.Chart(frame)


def linked(drawn: alt.Chart, frame: pd.DataFrame) -> alt.Chart:
    """The chart, each mark leading to its row's `href` where the frame has one."""
    return drawn.encode(href="href:N") if "href" in frame else drawn


def with_link(columns: Sequence[str], frame: pd.DataFrame) -> list[str]:
    """The columns that a chart draws, and where its marks lead to, if they do."""
    return [*columns, *(["href"] if "href" in frame else [])]


def policy_scale(logging: str, targets: Sequence[str]) -> alt.Scale:
    """P0 grey, each target its colour: the same on every page, whatever is filtered."""
    colours = [GREY, *(_TARGETS[place % len(_TARGETS)] for place in range(len(targets)))]
    return alt.Scale(domain=[logging, *targets], range=colours)


def support_colour() -> alt.Color:
    """Colour by what the gates say of an estimate; the page explains it once, for all charts."""
    return alt.Color("support:N", scale=alt.Scale(domain=list(SUPPORT), range=list(SUPPORT.values())), legend=None)


def coverage_words(covered: pd.Series) -> pd.Series:
    """`covered` (True, False or null) in words."""
    return covered.map({True: "covers the truth", False: "misses the truth"}).fillna("truth unknown").astype(str)


def rule(at: float, *, axis: Literal["x", "y"] = "x") -> alt.Chart:
    """A dashed line at a value of one axis: no difference, a level, what a coin would reach."""
    line = alt.Chart(pd.DataFrame({"at": [at]})).mark_rule(color=GREY, strokeDash=[4, 3])
    return line.encode(**{axis: "at:Q"})


def row_height(rows: int, *, each: int = 24) -> int:
    """Height of a chart with one row of marks for each of `rows`; axis and legends need the rest."""
    return rows * each + 130


def policy_colour(scale: alt.Scale, present: Sequence[str]) -> alt.Color:
    """Colour by policy, with a legend of those that the chart shows."""
    values = [policy for policy in scale.domain if policy in set(present)]
    return alt.Color(
        "policy:N",
        scale=scale,
        title=None,
        legend=alt.Legend(orient="top", columns=3, values=values, symbolOpacity=1, symbolType="circle"),
    )


def shape_by_coverage() -> alt.Shape:
    """Shape by coverage without a legend of its own: the page explains it once, for all charts."""
    return alt.Shape("coverage:N", scale=alt.Scale(domain=list(COVERED), range=list(COVERED.values())), legend=None)


def size_by_coverage() -> Any:
    """Misses are the larger marks: they are what the eye should find."""
    return alt.condition("datum.coverage == 'misses the truth'", alt.value(150), alt.value(75))


def estimate_legend() -> str:
    """What colours and shapes of estimates mean, as HTML that holds in both themes."""
    colours = {f"<span style='color:{colour}'>&#9632;</span>": word for word, colour in SUPPORT.items()}
    shapes = {"&#9679;": "covers the truth", "&#10010;": "misses the truth"}
    ends = {"&#9664; &#9654;": "the interval", "&#9665; &#9655;": "the estimate itself, with its number"}
    parts = {"Gates say": colours, "Interval": shapes, "Beyond the plot": ends}
    text = " ".join(f"{what}: {_signs(signs)}" for what, signs in parts.items())
    return f"<div style='font-size:0.875rem'>{text}</div>"


def _signs(signs: Mapping[str, str]) -> str:
    style = "white-space:nowrap;margin-right:1rem"
    return "".join(f"<span style='{style}'>{sign} {word}</span>" for sign, word in signs.items())


def bin_count(rows: int, most: int) -> int:
    """Bins of a histogram: twice the cube root of the rows (Rice), at least 8, so that small samples are no comb."""
    return int(min(most, max(8, round(2 * rows ** (1 / 3)))))


def names_axis(limit: int) -> alt.Axis:
    """The axis of a chart with a row for each name; names longer than `limit` pixels are cut (tooltips have them)."""
    return alt.Axis(labelLimit=limit, labelFlush=False, labelOverlap=False)

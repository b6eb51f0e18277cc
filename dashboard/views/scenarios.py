"""The simulation with known truth: four questions of a method and its gate, over the scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import percent, with_methods
from arena_assets.estimation import scenarios
from arena_assets.estimation.studies.tallies import BEST, CONTRAST, UNAIDED, VALUE

FIRST = "Direct (monotone)"  # what is shown before anybody chooses
_PLAIN = frozenset(one.world.name for one in scenarios())
KINDS = {"with a difficulty": False, "overlap and labels": True}
ESTIMANDS = {
    "value": VALUE,
    "difference from P0": CONTRAST,
    "what is best supported": BEST,
    "what is best supported without its own labels": UNAIDED,
}
NUMBERS = (
    "scenario", "tests", "method", "coverage", "supported_coverage", "supported_gross", "withheld_right",
    "refused_right", "supported", "caution", "refused", "replications", "failed", "bias", "rmse", "mean_std_error",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A column of the simulation, in words; `more`: whether a high share is good; `error`: the column of its error."""

    key: str
    label: str
    axis: str
    more: bool
    error: str | None = None


QUESTIONS = (
    Question("coverage", "Coverage", "95% intervals that cover the known truth", True, "coverage_std_error"),
    Question(
        "supported_coverage",
        "Coverage of supported",
        "Supported intervals that cover the known truth",
        True,
        "supported_coverage_std_error",
    ),
    Question("supported_gross", "Supported, far off", "Supported, and wrong by more than 3 standard errors", False),
    Question("withheld_right", "Withheld, right", "Refused or cautioned, though the interval covers", False),
)


def estimands(frame: pd.DataFrame) -> list[str]:
    """The words on screen for what a table estimates; tables of before lack some."""
    there = set(frame["estimand"])
    return [name for name, key in ESTIMANDS.items() if key in there]


def of(frame: pd.DataFrame, kind: str, estimand: str) -> pd.DataFrame:
    """The rows of a kind of scenarios and of an estimand, by the words on screen, with screen names of the methods."""
    plain = frame["scenario"].isin(_PLAIN) == KINDS[kind]
    rows = frame[plain & (frame["estimand"] == ESTIMANDS[estimand])]
    if ESTIMANDS[estimand] in (BEST, UNAIDED):
        return rows.assign(method="Best supported")
    return with_methods(rows.assign(scoring="deterministic"))


def answers(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """`share` with twice its Monte Carlo error on each side, worst first; without rows that have no answer."""
    share = rows[question.key]
    error = rows[question.error] if question.error else np.sqrt(share * (1 - share) / rows["replications"])
    shown = rows.assign(share=share, low=(share - 2 * error).clip(lower=0), high=(share + 2 * error).clip(upper=1))
    return shown.dropna(subset=["share"]).sort_values("share", ascending=question.more, kind="stable")


def title(rows: pd.DataFrame, question: Question) -> str:
    """The worst scenario, as a sentence."""
    if rows.empty:
        return f"{question.label}: nothing here is supported"
    worst = rows.iloc[0]
    word = "at least" if question.more else "at most"
    return f"{worst['method']}: {question.label.lower()} is {word} {percent(worst['share'])}, in “{worst['scenario']}”"


def chart(rows: pd.DataFrame, question: Question) -> alt.LayerChart:
    """A mark for each scenario, worst first; hollow where the gates mostly do not support the result."""
    base = style.chart(rows).encode(
        y=alt.Y("scenario:N", sort=list(rows["scenario"]), title=None, axis=style.names_axis(220)),
        color=alt.value(style.BLUE),
        tooltip=[
            alt.Tooltip("scenario:N", title="Scenario"),
            alt.Tooltip("tests:N", title="Tests"),
            *(alt.Tooltip(f"{one.key}:Q", title=one.label, format=".1%") for one in QUESTIONS),
            alt.Tooltip("supported:Q", title="Supported", format=".0%"),
            alt.Tooltip("refused:Q", title="Refused", format=".0%"),
            alt.Tooltip("replications:Q", title="Replications", format=","),
        ],
    )
    x = alt.X("low:Q", title=question.axis, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    spread = base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q")
    marks = base.encode(x="share:Q")
    solid = marks.transform_filter("datum.supported >= 0.5").mark_point(size=80, filled=True, opacity=1)
    hollow = marks.transform_filter("datum.supported < 0.5").mark_point(size=80, strokeWidth=2, opacity=1)
    layers = [spread, solid, hollow]
    if question.more:
        layers.insert(0, style.rule(0.95))
    return alt.layer(*layers).properties(height=style.row_height(rows["scenario"].nunique(), each=22))

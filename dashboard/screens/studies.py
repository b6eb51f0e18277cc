"""The lower half of the ablation page: the grid over sample size and oracle coverage, and the simulation."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from arena_assets.charts import names
from arena_assets.estimation import SCORINGS
from arena_assets.tables import ABLATION_GRID, POLICY_VALUES
from dashboard import elements, session
from dashboard.data import simulated
from dashboard.data.analysed import beside
from dashboard.data.catalog import Chosen
from dashboard.data.files import load
from dashboard.views import sampling, scenarios


def grid(chosen: Chosen) -> None:
    """RMSE, coverage and width over sample size and oracle coverage, where the grid was run."""
    st.subheader("Sample size and oracle coverage", anchor=False)
    found = load(chosen.store, ABLATION_GRID.name, ABLATION_GRID.names)
    elements.problems(found.problems)
    if found.empty:
        if not found.problems:
            st.info(
                "The grid over sample sizes and oracle coverages has not been run. Materialise the asset "
                f"ablation\\_grid of {elements.escape(chosen.name)} in the Dagster UI (`make ui`).",
                icon=":material/grid_on:",
            )
        return
    values = beside(chosen.store, POLICY_VALUES).frame
    st.fragment(_along)(found.frame, float(values["level"].iloc[0]) if len(values) else None)


def _along(frame: pd.DataFrame, level: float | None) -> None:
    metrics = {metric.key: metric for metric in sampling.METRICS}
    columns = st.columns(4)
    with columns[0]:
        metric = metrics[session.select("Metric", list(metrics), "metric", lambda key: metrics[key].label)]
    with columns[1]:
        axis = session.select("Along", list(sampling.AXES), "along", lambda key: key.replace("_", " "))
    other = "oracle_coverage" if axis == "sample_size" else "sample_size"
    values = sorted(frame[other].unique().tolist(), reverse=True)
    with columns[2]:
        words = [names.percent(value) if other == "oracle_coverage" else f"{value:,}" for value in values]
        fixed = values[words.index(session.select(f"At {other.replace('_', ' ')}", words, f"at_{other}"))]
    with columns[3]:
        modes = [mode for mode in SCORINGS if mode in set(frame["scoring"])]
        scoring = session.select("Judge score", modes, "scoring", lambda mode: names.pretty(names.SCORING, mode))
    shown = sampling.prepare(frame, scoring)
    every = list(dict.fromkeys(shown["method"]))
    chosen = st.multiselect(
        "Methods",
        every,
        key="methods",
        bind="query-params",
        placeholder="A line of each kind",
        max_selections=sampling.MOST_LINES,
        help="None chosen: one of each kind",
    )
    points = sampling.along(shown, axis, fixed, chosen or sampling.first_methods(shown), metric)
    if points.empty:
        st.info(sampling.along_title(points, metric, axis), icon=":material/filter_alt_off:")
        return
    elements.figure(
        sampling.along_title(points, metric, axis),
        sampling.along_chart,
        points,
        metric,
        axis,
        level,
        note="Means over random subsets with their 95% bands; the truth is that of the whole experiment.",
    )
    with st.expander("The grid in numbers"):
        elements.table(shown.drop(columns=["family", "order"]), "grid")


def simulation() -> None:
    """The gates under known truth; it depends on no experiment."""
    st.subheader("Simulation with known truth", anchor=False)
    found = simulated.load()
    elements.problems(found.problems)
    if found.shipped:
        st.caption("As it comes with the package: nobody has run these scenarios here.")
    st.fragment(_answers)(found.frame)


def _answers(frame: pd.DataFrame) -> None:
    questions = {one.key: one for one in scenarios.QUESTIONS}
    question = questions[session.segment("Question", list(questions), "question", lambda key: questions[key].label)]
    left, middle, right = st.columns(3)
    with left:
        kind = session.select("Scenarios", list(scenarios.KINDS), "scenarios")
    with middle:
        estimand = session.select("Estimand", scenarios.estimands(frame), "estimand")
    rows = scenarios.of(frame, kind, estimand)
    methods = list(dict.fromkeys(rows["method"]))
    with right:
        first = scenarios.FIRST if scenarios.FIRST in methods else methods[0]
        methods = [first, *(name for name in methods if name != first)]
        method = session.select("Method", methods, "simulated")
    shown = scenarios.answers(rows[rows["method"] == method], question)
    elements.figure(
        scenarios.title(shown, question),
        scenarios.chart,
        shown,
        question,
        note="Lines: twice the Monte Carlo error. Hollow: the gates mostly caution or refuse there.",
    )
    with st.expander("All four answers in numbers"):
        elements.table(rows[list(scenarios.NUMBERS)], "simulation")

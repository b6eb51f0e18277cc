"""The lower half of the ablation page: the grid over sample size and oracle coverage, and the simulation."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from arena_assets.charts import names
from arena_assets.estimation import SCORINGS
from arena_assets.storage import METHODS, Store
from arena_assets.tables import ABLATION_GRID, ESTIMATOR_SIMULATION, POLICY_VALUES
from dashboard import elements, session
from dashboard.data.analysed import beside
from dashboard.data.catalog import Chosen
from dashboard.data.files import load
from dashboard.views import sampling


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


def simulation(chosen: Chosen) -> None:
    """Coverage under known truth; it depends on no experiment."""
    st.subheader("Simulation with known truth", anchor=False)
    store = Store(chosen.store.root.parent / METHODS)
    found = load(store, ESTIMATOR_SIMULATION.name, ESTIMATOR_SIMULATION.names)
    elements.problems(found.problems)
    if found.empty:
        if not found.problems:
            st.info(
                f"The simulation has not been run. Materialise the asset estimator\\_simulation of the group {METHODS} "
                "in the Dagster UI (`make ui`).",
                icon=":material/casino:",
            )
        return
    st.fragment(_cells)(found.frame)


def _cells(frame: pd.DataFrame) -> None:
    left, right = st.columns(2)
    kinds = {"carries over": True, "does not carry over": False}
    with left:
        transports = kinds[session.segment("Calibration", list(kinds), "transport")]
    counts = [str(count) for count in sorted(frame["n_labels"].unique().tolist(), reverse=True)]
    with right:
        labels = int(session.segment("Oracle labels", counts, "labels"))
    rows = sampling.simulation_cells(frame, transports, labels)
    elements.figure(
        sampling.simulation_title(frame),
        sampling.simulation_chart,
        rows,
        note="Shown: coverage by overlap of target and logging policy. Hollow: the gates mostly caution or refuse "
        "there, as they should where a mark lies far from the dashed line at 95%.",
    )

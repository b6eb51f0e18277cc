"""Overview: what experiment, how far, what came out, and what may be concluded."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from arena_assets import pipeline
from arena_assets.charts import headline
from arena_assets.charts.names import level_words, percent
from arena_assets.tables import POLICY_VALUES, WEIGHT_DIAGNOSTICS
from dashboard import elements
from dashboard.data import loads
from dashboard.data.analysed import beside
from dashboard.data.catalog import Chosen
from dashboard.data.status import Status, status
from dashboard.views import progress

_METRIC = 150  # pixels
_RECENT_S = 120  # after a table was written, more may be on its way
_ICON = {
    "supported": ":blue[:material/check_circle:]",
    "caution": ":orange[:material/warning:]",
    "refused": ":gray[:material/block:]",
}


def render(chosen: Chosen) -> None:
    """The page."""
    found = status(chosen)
    results = loads.results(chosen.store)
    _figures(chosen, found)
    values, weights = (beside(chosen.store, table) for table in (POLICY_VALUES, WEIGHT_DIAGNOSTICS))
    if elements.shown(chosen, "The results", results, found, values, weights) and not values.empty:
        _headline(chosen, results.frame, values.frame, weights.frame)
    st.divider()
    # While a run writes, this part looks again by itself; a finished experiment costs nothing.
    running = found.modified is not None and time.time() - found.modified < _RECENT_S
    st.fragment(_progress, run_every=10 if running else None)(chosen)
    _policies(chosen)


def _figures(chosen: Chosen, found: Status) -> None:
    table = progress.summary(found.partitions)
    done, every = int(table["usable"].sum()), int(table["partitions"].sum())
    refused, warned = (int((found.checks["outcome"] == outcome).sum()) for outcome in ("refused", "warning"))
    experiment = chosen.experiment
    if experiment is not None and experiment.description:
        st.markdown(elements.escape(experiment.description))
    prompts = int(table.loc[table["asset"] == pipeline.PROMPTS.name, "rows"].sum())
    wanted = f" of {experiment.prompts:,}" if experiment is not None and experiment.prompts != prompts else ""
    # A row that wraps: four beside each other on a desk, two by two in a hand.
    with st.container(horizontal=True, gap="small"):
        st.metric("Prompts", f"{prompts:,}{wanted}", width=_METRIC)
        share = percent(done / every) if every else "0%"
        st.metric("Partitions done", share, help=f"{done:,} of {every:,}", width=_METRIC)
        st.metric("Checks failed", f"{refused:,}", help=f"{len(found.checks):,} ran", width=_METRIC)
        st.metric("Warnings", f"{warned:,}", help="They inform; they keep no table from being used", width=_METRIC)
        st.metric("Last update", _ago(found.modified), width=_METRIC + 60)


def _ago(modified: float | None) -> str:
    if modified is None:
        return "never"
    seconds = max(0.0, time.time() - modified)
    if seconds < 90:
        return "just now"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} h ago"
    return datetime.fromtimestamp(modified, UTC).strftime("%-d %b %Y")


def _headline(chosen: Chosen, results: pd.DataFrame, values: pd.DataFrame, weights: pd.DataFrame) -> None:
    who = loads.roles_of(chosen)
    table = headline.best(results, values, who.targets)
    if table.empty:
        st.info("No method has an estimate yet; the Estimators page shows why.", icon=":material/info:")
        return
    left, right = st.columns([6, 5], gap="large")
    with left:
        elements.figure(
            headline.title(table),
            headline.beside_truth,
            table,
            values,
            note=f"Estimates that need no label of the policy's own responses, with {level_words(values)} intervals"
            + ("." if headline.logging_value(values) is None else f"; the dashed line is {who.logging}'s mean label."),
        )
    with right:
        elements.finding("What may be concluded")
        for conclusion in headline.conclusions(table, values, weights):
            st.markdown(f"{_ICON[conclusion.level]} {elements.escape(conclusion.text)}")


def _progress(chosen: Chosen) -> None:
    found = status(chosen)
    table = progress.summary(found.partitions)
    failed = found.checks[found.checks["outcome"] != "passed"]
    elements.figure(
        progress.title(table, found.checks),
        progress.strip,
        found.partitions,
        note="Each cell is a partition, or several where there are very many.",
    )
    if not failed.empty:
        elements.table(failed, "failed_checks")
    with st.expander("Tables and checks in numbers"):
        elements.table(
            table.drop(columns=["share"]),
            "assets",
            column_config={
                "modified": st.column_config.DatetimeColumn("last update", format="D MMM YYYY, HH:mm"),
                "usable": st.column_config.NumberColumn("done in all"),
            },
        )
        passed = found.checks.groupby(["asset", "check", "outcome"], sort=False).size().rename("partitions")
        elements.table(passed.reset_index(), "checks")


def _policies(chosen: Chosen) -> None:
    if chosen.experiment is None:
        return
    rows = [
        {
            "policy": policy.name,
            "role": "logging" if policy is chosen.experiment.logging_policy else "target",
            "system prompt": policy.system_prompt,
            "temperature": policy.temperature,
            "max tokens": policy.max_tokens,
            "model": policy.model,
        }
        for policy in chosen.experiment.policies
    ]
    with st.expander("Policies, judge and oracle"):
        elements.table(pd.DataFrame(rows), "policies")
        judge, oracle = chosen.experiment.judge, chosen.experiment.oracle
        st.text(
            f"Judge: {judge.kind}. Oracle: {oracle.kind}, calibration slice {oracle.calibration}, "
            f"validation slice {oracle.validation}. Seed {chosen.experiment.seed}, "
            f"{chosen.experiment.batch_size} prompts in a partition, scoring by {chosen.experiment.engine.scoring}."
        )

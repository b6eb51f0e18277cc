"""Judge and oracle: what the cheap score is worth, where it may be used, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from arena_assets import pipeline
from arena_assets.charts import calibration, style, transport
from arena_assets.charts.names import SCORING, level_words, pretty
from arena_assets.charts.selection import of_policies
from arena_assets.tables import CALIBRATION_BINS, CALIBRATION_CURVE, CALIBRATION_DIAGNOSTICS, POLICY_VALUES, rows_of
from dashboard import elements, links, session
from dashboard.data import loads
from dashboard.data.analysed import beside
from dashboard.data.catalog import Chosen, Roles
from dashboard.data.files import load
from dashboard.views import cost
from dashboard.views.only import LABELLED, Only

_ASSETS = {step.role: step.name for step in pipeline.BATCH if step.paid}
_COST = ["policy", "status", "reason", "model", "prompt_tokens", "completion_tokens", "cost_usd"]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What the analysis wrote of the calibrations: `calibration_curve`, `_bins` and `_diagnostics`, and the level."""

    curve: pd.DataFrame
    bins: pd.DataFrame
    diagnostics: pd.DataFrame
    level: str

    def of(self, scoring: str) -> Calibrated:
        """The monotone calibration of one kind of score."""
        curve, bins, known = (calibration.monotone(one, scoring) for one in (self.curve, self.bins, self.diagnostics))
        return Calibrated(curve, bins, known, self.level)


def render(chosen: Chosen) -> None:
    """The page."""
    found = loads.scores(chosen.store)
    tables = (CALIBRATION_CURVE, CALIBRATION_BINS, CALIBRATION_DIAGNOSTICS, POLICY_VALUES)
    curve, bins, diagnostics, values = (beside(chosen.store, table) for table in tables)
    if not elements.shown(chosen, "The judge scores", found, curve, bins, diagnostics, values):
        return
    if not found.frame["oracle_label"].notna().any():
        st.info("No oracle label is materialised yet: scores are shown without the truth.", icon=":material/info:")
    elif not values.files:
        st.info("The calibration is shown once the results are materialised.", icon=":material/info:")
    level = level_words(values.frame) if len(values.frame) else ""
    known = Calibrated(curve.frame, bins.frame, diagnostics.frame, level)
    st.fragment(_scored)(chosen.name, found.frame, known, loads.roles_of(chosen))
    _modes(found.frame)
    _spent(chosen)


def _scored(name: str, frame: pd.DataFrame, known: Calibrated, who: Roles) -> None:
    left, right = st.columns(2)
    with left:
        mode = session.segment("Judge score", list(LABELLED), "scoring", lambda value: pretty(SCORING, value))
    present = set(frame["policy"].astype(str).unique())
    everyone = [policy for policy in who.all if policy in present]
    with right:
        shown = session.several("Policies", everyone, "policy")
    column, known = LABELLED[mode], known.of(mode)
    if frame[column].isna().all():
        st.info(f"The judge gives no {elements.escape(pretty(SCORING, mode))} score.", icon=":material/info:")
        return
    scale = style.policy_scale(who.logging, who.targets)
    bins = known.bins[known.bins["policy"].isin(shown)]
    bins = bins.assign(href=[_behind(name, who, LABELLED[mode], row) for row in rows_of(bins)])
    first, second = st.columns(2, gap="large")
    with first:
        if len(known.diagnostics):
            elements.figure(
                calibration.calibration_title(known.diagnostics, who.logging),
                calibration.calibration_chart,
                bins,
                known.curve,
                scale,
                known.level,
                note=f"{calibration.calibration_note(who.logging, mode, known.level)} {links.HINT}",
            )
    with second:
        elements.figure(
            calibration.distribution_title(frame, who.logging, who.targets, column),
            calibration.distribution_chart,
            calibration.distributions(frame, shown, column),
            scale,
            note="Scores of all responses, labelled or not.",
        )
    _transport(known, bins, who, shown, scale)
    with st.expander("Correlation of judge and oracle by policy"):
        elements.table(
            of_policies(known.diagnostics, everyone)[["policy", "labels", "rank_correlation", "correlation"]],
            "correlations",
            column_config={
                name: st.column_config.NumberColumn(format="%.3f") for name in ("rank_correlation", "correlation")
            },
        )


def _behind(name: str, who: Roles, column: str, row: Mapping[str, Any]) -> str:
    """The labelled responses of a calibration bin."""
    policy, ends = str(row["policy"]), (float(row["score_low"]), float(row["score_high"]))
    policies = dict.fromkeys((who.logging, policy))
    return links.responses(name, policies, order="gap", only=Only(column, policy, *ends))


def _transport(known: Calibrated, bins: pd.DataFrame, who: Roles, shown: list[str], scale: object) -> None:
    first, second = st.columns(2, gap="large")
    residuals = of_policies(known.diagnostics, [p for p in who.all if p in shown])
    residuals = residuals.dropna(subset=["residual_ci_low"])
    with first:
        if not residuals.empty:
            elements.figure(
                transport.residual_title(residuals, who.logging),
                transport.residual_chart,
                residuals,
                scale,
                known.level,
                note=f"Mean residual with its {known.level} interval: left of zero, the policy is worse than its "
                f"scores say. {who.logging}'s own is out of fold.",
            )
    outside = of_policies(known.diagnostics, [p for p in who.targets if p in shown])
    outside = outside.dropna(subset=["beyond_low"])
    with second:
        if not outside.empty:
            _outside(outside)
    if not bins.empty:
        elements.figure(
            "Residuals by judge score: a line off zero at one end is a calibration that bends another way there",
            transport.by_score_chart,
            bins,
            scale,
        )


def _outside(table: pd.DataFrame) -> None:
    first = table.iloc[0]
    note = f"The calibrated range is {first['range_low']:.2f} to {first['range_high']:.2f}."
    sides = transport.sides(table)
    if not sides["share"].any():
        elements.finding(transport.support_title(table))
        st.caption(note)
        return
    elements.figure(
        transport.support_title(table),
        transport.support_chart,
        sides,
        note=f"{note} The gates compare what may be hidden there with each estimate's standard error: caution from "
        "half of one, refused from two.",
    )


def _modes(frame: pd.DataFrame) -> None:
    cells = calibration.modes(frame)
    if cells.empty:
        return
    left, right = st.columns(2, gap="large")
    with left:
        if calibration.same_modes(frame):
            elements.finding(calibration.modes_title(frame))
            st.caption("This judge states how unsure it is of a score, but its mean is the score itself.")
        else:
            elements.figure(
                calibration.modes_title(frame),
                calibration.modes_chart,
                cells,
                note="On the dashed line both modes give the same score.",
            )
    with right:
        variance = frame["judge_variance"].dropna()
        if not variance.empty:
            st.metric("Median standard deviation of a score", f"{variance.median() ** 0.5:.3f}")
            st.caption(
                "How unsure the judge is of one score. It is a property of the response, not sampling noise: "
                "it informs the calibration and adds nothing to a standard error."
            )


def _spent(chosen: Chosen) -> None:
    tables = {role: load(chosen.store, asset, _COST).frame for role, asset in _ASSETS.items()}
    table = cost.spending(tables)
    elements.finding(cost.title(table))
    elements.table(
        table, "spending", column_config={"cost_usd": st.column_config.NumberColumn("cost", format="dollar")}
    )
    spent = {role: loads.efforts(chosen.store, asset) for role, asset in _ASSETS.items()}
    elements.problems(problem for _, unread in spent.values() for problem in unread)
    timing = cost.timing({role: efforts for role, (efforts, _) in spent.items()})
    elements.finding(cost.timing_title(timing))
    if not timing.empty:
        elements.table(
            timing,
            "timing",
            column_config={
                "seconds": st.column_config.NumberColumn(format="%.1f"),
                "answers_per_second": st.column_config.NumberColumn("answers / second", format="%.2f"),
            },
        )
        st.caption(
            "Wall-clock time of each batch's last run, batches that ran side by side added up; "
            "answers that a run took from its journal cost no time. Equal responses are asked once, "
            "and some judges are asked several times of one response."
        )
    why = cost.reasons(tables)
    if not why.empty:
        elements.finding("Why responses were not scored")
        elements.table(why, "not_scored")

"""Judge and oracle: what the cheap score is worth, where it may be used, and what it cost."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from arena_assets.charts import calibration, style, transport
from arena_assets.charts.names import SCORING, percent, pretty
from dashboard import elements, session
from dashboard.data import loads
from dashboard.data.catalog import Chosen, Roles
from dashboard.data.files import load
from dashboard.views import cost

_COLUMN = {"deterministic": "judge_score", "uncertainty_aware": "judge_mean"}
_ASSETS = {"judge": "judge_scores", "oracle": "oracle_labels"}
_COST = ["policy", "status", "reason", "model", "prompt_tokens", "completion_tokens", "cost_usd"]


def render(chosen: Chosen) -> None:
    """The page."""
    found = loads.scores(chosen.store)
    if not elements.shown(chosen, "The judge scores", found):
        return
    who = loads.roles_of(chosen)
    if not found.frame["oracle_label"].notna().any():
        st.info("No oracle label is materialised yet: scores are shown without the truth.", icon=":material/info:")
    st.fragment(_scored)(found.frame, who)
    _modes(found.frame)
    _spent(chosen)


def _scored(frame: pd.DataFrame, who: Roles) -> None:
    left, right = st.columns(2)
    with left:
        mode = session.segment("Judge score", list(_COLUMN), "scoring", lambda value: pretty(SCORING, value))
    present = set(frame["policy"].astype(str).unique())
    everyone = [policy for policy in who.all if policy in present]
    with right:
        shown = session.several("Policies", everyone, "policy")
    column = _COLUMN[mode]
    if frame[column].isna().all():
        st.info(f"The judge gives no {elements.escape(pretty(SCORING, mode))} score.", icon=":material/info:")
        return
    scale = style.policy_scale(who.logging, who.targets)
    curve = calibration.calibrate(frame, who.logging, column)
    points = calibration.binned(frame, everyone, column)
    correlated = calibration.correlations(frame, everyone, column)
    first, second = st.columns(2, gap="large")
    with first:
        elements.figure(
            calibration.calibration_title(correlated, who.logging),
            calibration.calibration_chart,
            points[points["policy"].isin(shown)],
            calibration.curve_points(curve),
            scale,
            note=f"The curve is fitted on {who.logging}'s labelled slice. Dots are mean labels with 95% intervals; "
            "a target's dots off the curve say that the calibration does not hold for it.",
        )
    with second:
        elements.figure(
            calibration.distribution_title(frame, who.logging, who.targets, column),
            calibration.distribution_chart,
            calibration.distributions(frame, shown, column),
            scale,
            note="Scores of all responses, labelled or not.",
        )
    if curve is not None:
        _transport(frame, who, column, curve, points, shown, scale)
    with st.expander("Correlation of judge and oracle by policy"):
        elements.table(
            correlated,
            "correlations",
            column_config={
                name: st.column_config.NumberColumn(format="%.3f") for name in ("rank_correlation", "correlation")
            },
        )


def _transport(
    frame: pd.DataFrame,
    who: Roles,
    column: str,
    curve: calibration.Calibration,
    points: pd.DataFrame,
    shown: list[str],
    scale: object,
) -> None:
    first, second = st.columns(2, gap="large")
    with first:
        table = transport.residuals(frame, curve, [policy for policy in who.all if policy in shown], column)
        if not table.empty:
            elements.figure(
                transport.residual_title(table, who.logging),
                transport.residual_chart,
                table,
                scale,
                note="Mean residual with its 95% interval: left of zero, the policy is worse than its scores say.",
            )
    with second:
        outside = transport.support(frame, curve, [policy for policy in who.targets if policy in shown], column)
        known, limit = curve.support, transport.refused_from(curve)
        note = f"The calibrated range is {known.low:.2f} to {known.high:.2f}."
        if not outside.empty and not outside["share"].any():
            st.markdown(f"**{elements.escape(transport.support_title(outside, limit))}**")
            st.caption(note)
        elif not outside.empty:
            elements.figure(
                transport.support_title(outside, limit),
                transport.support_chart,
                outside,
                limit,
                note=f"{note} The dashed line is the gate: {percent(limit)}, of which "
                f"{percent(known.chance)} may lie outside by chance with {curve.labels:,} labels.",
            )
    bends = transport.residuals_by_score(points, curve, shown)
    if not bends.empty:
        elements.figure(
            "Residuals by judge score: a line off zero at one end is a calibration that bends another way there",
            transport.by_score_chart,
            bends,
            scale,
        )


def _modes(frame: pd.DataFrame) -> None:
    cells = calibration.modes(frame)
    if cells.empty:
        return
    left, right = st.columns(2, gap="large")
    with left:
        if calibration.same_modes(frame):
            st.markdown(f"**{elements.escape(calibration.modes_title(frame))}**")
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
    st.markdown(f"**{elements.escape(cost.title(table))}**")
    elements.table(
        table, "spending", column_config={"cost_usd": st.column_config.NumberColumn("cost", format="dollar")}
    )
    spent = {role: loads.efforts(chosen.store, asset) for role, asset in _ASSETS.items()}
    elements.problems(problem for _, unread in spent.values() for problem in unread)
    timing = cost.timing({role: efforts for role, (efforts, _) in spent.items()})
    st.markdown(f"**{elements.escape(cost.timing_title(timing))}**")
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
        st.markdown("**Why responses were not scored**")
        elements.table(why, "not_scored")

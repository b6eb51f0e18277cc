"""Compare: any two experiments, or two methods of one, side by side; the address holds the choice."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from arena_assets.charts.names import level_words
from arena_assets.config import changes
from arena_assets.tables import CALIBRATION_DIAGNOSTICS, POLICY_CONTRASTS, POLICY_VALUES
from dashboard import elements, session
from dashboard.banner import banner
from dashboard.data import catalog, loads
from dashboard.data.analysed import beside
from dashboard.data.catalog import Chosen, Roles
from dashboard.data.files import UnusableFile
from dashboard.data.status import status
from dashboard.views import compare

_WHATS = ("value", "difference from P0")


@dataclass(frozen=True, eq=False)
class _Side:
    """What a side is chosen from: the analysis' results, and of what lies beside them values, contrasts and judge."""

    chosen: Chosen
    who: Roles
    results: pd.DataFrame
    values: pd.DataFrame
    contrasts: pd.DataFrame
    judge: pd.DataFrame
    problems: tuple[UnusableFile, ...]

    def rows(self, what: str, method: str) -> pd.DataFrame:
        """Its policies under a method."""
        if what == _WHATS[0]:
            return compare.values(self.results, self.values, method)
        return compare.minus_logging(self.results, self.values, self.contrasts, method, self.who.logging)


def render(chosen: Chosen) -> None:
    """The page."""
    left = _side(chosen)
    if not elements.shown(chosen, "The results", loads.results(chosen.store)) or left.values.empty:
        elements.problems(left.problems)
        return
    names = catalog.names()
    other = session.select(
        "Compare with",
        [chosen.name, *(name for name in names if name != chosen.name)],
        "with",
        help="Of any experiment",
    )
    right = left if other == chosen.name else _side(catalog.choose(other))
    if right is not left:
        banner(right.chosen, status(right.chosen))
    elements.problems([*left.problems, *(right.problems if right is not left else ())])
    if right.values.empty:
        elements.nothing(right.chosen, "The results")
        return
    st.fragment(_compared)(left, right)


def _side(chosen: Chosen) -> _Side:
    found, who = loads.results(chosen.store), loads.roles_of(chosen)
    tables = (POLICY_VALUES, POLICY_CONTRASTS, CALIBRATION_DIAGNOSTICS)
    values, contrasts, judge = (beside(chosen.store, table) for table in tables)
    problems = tuple(problem for one in (found, values, contrasts, judge) for problem in one.problems)
    named = compare.named(found.frame, who.targets)
    return _Side(chosen, who, named, values.frame, contrasts.frame, judge.frame, problems)


def _compared(left: _Side, right: _Side) -> None:
    same = left is right
    first, second = st.columns(2)
    with first:
        one = session.select(f"Left: {left.chosen.name}", compare.methods(left.results), "left")
    with second:
        # Of one experiment the sides begin with different methods: the same would show nothing.
        ordered = compare.methods(right.results, other_than_best=same)
        two = session.select(f"Right: {right.chosen.name}", ordered, "right")
    what = session.segment("What", list(_WHATS), "what")
    a, b = left.rows(what, one), right.rows(what, two)
    level = float(left.values["level"].iloc[0])
    table = compare.beside(a, b, level, one_analysis=same)
    names = (one, two) if same else (f"{left.chosen.name}, {one}", f"{right.chosen.name}, {two}")
    if same and one == two:
        st.info("Both sides are the same: choose another method or experiment.", icon=":material/info:")
    elif table.empty:
        st.info("The sides have no policy in common.", icon=":material/info:")
    else:
        _drawn(table, names, level_words(left.values), what)
    if missing := compare.outside(list(a["policy"]), list(b["policy"])):
        st.caption(elements.escape(missing))
    if not same:
        _settings(left, right)


def _drawn(table: pd.DataFrame, names: tuple[str, str], level: str, what: str) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        elements.figure(
            compare.title(table, *names),
            compare.difference_chart,
            table,
            note=f"Right minus left with its {level} interval, each for itself. The sides are taken for independent, "
            "which is too wide where they share prompts. Hollow: the gates refuse a side, so it is no finding.",
        )
    with right:
        elements.figure(f"Both sides: {what}", compare.sides_chart, table, *names)
    with st.expander("In numbers"):
        elements.table(
            table.drop(columns=["df_left", "df_right"]),
            "compared",
            column_config={
                name: st.column_config.NumberColumn(format="%.3f") for name in table.columns[table.dtypes.eq("float64")]
            },
        )


def _settings(left: _Side, right: _Side) -> None:
    then, now = (loads.stated(side.chosen) for side in (left, right))
    differ = changes(then, now) if then is not None and now is not None else []
    with st.expander(f"What differs between the two: {len(differ)} settings", expanded=len(differ) < 8):
        for text in differ:
            elements.plain(f"{text.replace(', now ', f' in {left.chosen.name}, {right.chosen.name}: ')}")
    worth = [
        side.judge[["policy", "scoring", "rank_correlation"]].drop_duplicates(["policy", "scoring"])
        for side in (left, right)
    ]
    judges = worth[0].merge(worth[1], on=["policy", "scoring"], suffixes=("_left", "_right"))
    with st.expander("What the judges know of the label (rank correlation)"):
        elements.table(judges, "judges")

"""Overview: what experiment, how far, what came out, and what may be concluded."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from arena_assets import pipeline
from arena_assets.charts import headline
from arena_assets.charts.names import count, level_words, percent
from arena_assets.config import policies_of, settings
from arena_assets.tables import POLICY_VALUES, WEIGHT_DIAGNOSTICS
from dashboard import elements, links
from dashboard.data import loads
from dashboard.data.analysed import beside
from dashboard.data.basis import Basis, basis
from dashboard.data.catalog import Chosen
from dashboard.data.running import running
from dashboard.data.status import Status, status
from dashboard.views import findings, progress

_METRIC = 150  # pixels
_WARNINGS = 4  # that are shown at once
_FINDING = ["where", "check", "finding"]
_AGAIN_S = 5  # seconds between two looks at a run
_RECENT_S = 120  # after a table was written, more may be on its way
_ICON = {
    "supported": ":blue[:material/check_circle:]",
    "caution": ":orange[:material/warning:]",
    "refused": ":gray[:material/block:]",
}


def render(chosen: Chosen) -> None:
    """The page."""
    found = status(chosen)
    results, shown = loads.results(chosen.store), basis(chosen, found)
    _figures(chosen, found, shown)
    _findings([one for one in findings.failed(found.checks) if one.refused])
    values, weights = (beside(chosen.store, table) for table in (POLICY_VALUES, WEIGHT_DIAGNOSTICS))
    if elements.shown(chosen, "The results", results, found, values, weights) and not values.empty:
        _headline(chosen, results.frame, values.frame, weights.frame)
    st.divider()
    # While a run writes, this part looks again by itself; a finished experiment costs nothing.
    recent = found.modified is not None and time.time() - found.modified < _RECENT_S
    st.fragment(_progress, run_every=_AGAIN_S if recent or running(chosen) else None)(chosen)
    _settings(chosen, shown)


def _figures(chosen: Chosen, found: Status, shown: Basis | None) -> None:
    table = progress.summary(found.partitions)
    done, every = int(table["usable"].sum()), int(table["partitions"].sum())
    refused, warned = (int((found.checks["outcome"] == outcome).sum()) for outcome in ("refused", "warning"))
    experiment = chosen.experiment
    if experiment is not None and experiment.description:
        st.markdown(elements.escape(experiment.description))
    sampled = int(table.loc[table["asset"] == pipeline.PROMPTS.name, "rows"].sum())
    what, prompts = ("Prompts", sampled) if shown is None or shown.prompts is None else ("Analysed", shown.prompts)
    wanted = f" of {experiment.prompts:,}" if experiment is not None and experiment.prompts > prompts else ""
    # A row that wraps: four beside each other on a desk, two by two in a hand.
    with st.container(horizontal=True, gap="small"):
        st.metric(
            what,
            f"{prompts:,}{wanted}",
            help=f"Prompts; {sampled:,} are sampled",
            width=_METRIC + (60 if wanted else 0),
        )
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
    table = table.assign(href=[links.responses(chosen.name, (who.logging, name)) for name in table["policy"]])
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
    for one in running(chosen):
        said = elements.escape(progress.live(one))
        if one.total:
            st.progress(min(1.0, one.items / one.total), text=said)
        else:
            st.info(said, icon=":material/sync:")
    elements.figure(
        progress.title(table, found.checks),
        progress.strip,
        found.partitions,
        note="Each cell is a partition, or several where there are very many.",
    )
    _findings([one for one in findings.failed(found.checks) if not one.refused])
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


def _findings(found: list[findings.Found]) -> None:
    """Each finding with its whole text; warnings beyond the first few in a fold."""
    many = len(found) if any(one.refused for one in found) else _WARNINGS
    for one in found[:many]:
        icon = ":red[:material/block:]" if one.refused else ":orange[:material/warning:]"
        verb = " refused" if one.refused else ""
        st.markdown(f"{icon} **{elements.escape(one.check)}**{verb}, {elements.escape(one.where)}")
        elements.plain(one.text)
    if found[many:]:
        with st.expander(count(len(found) - many, "more warning")):
            st.table(pd.DataFrame([(one.where, one.check, one.text) for one in found[many:]], columns=_FINDING))


def _settings(chosen: Chosen, shown: Basis | None) -> None:
    """The settings that made the results; the file's where there are none, or an earlier version did not keep them."""
    stated = shown.made_with if shown is not None else None
    if stated is None and chosen.experiment is not None:
        stated = settings(chosen.experiment)
    if stated is None:
        return
    rows = [
        {
            "policy": policy["name"],
            "role": "logging" if policy is stated["logging_policy"] else "target",
            "system prompt": policy["system_prompt"],
            "temperature": policy["temperature"],
            "max tokens": policy["max_tokens"],
            "model": policy["model"],
        }
        for policy in policies_of(stated)
    ]
    with st.expander("Policies, judge and oracle"):
        st.caption(_whose(shown))
        elements.table(pd.DataFrame(rows), "policies")
        judge, oracle, engine = stated["judge"], stated["oracle"], stated["engine"]
        slices = "".join(f", {name} slice {oracle[name]}" for name in ("calibration", "validation") if name in oracle)
        st.text(
            f"Judge: {judge['kind']}. Oracle: {oracle['kind']}{slices}. Seed {stated['seed']}, "
            f"{stated['batch_size']} prompts in a partition, scoring by {engine['scoring']}."
        )


def _whose(shown: Basis | None) -> str:
    if shown is None:
        return "As the file says; there are no results yet."
    if shown.made_with is None:
        return "As the file says now: an earlier version made the results, and did not keep their settings."
    return "With these settings the results were made" + ("; the file says others now." if shown.changed else ".")

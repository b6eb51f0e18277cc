"""How far an experiment is: the state of every partition of every asset, and what its checks said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import count

# What a partition can be, from best to worst; colour and order of the legend.
STATES = {
    "done": style.BLUE,
    "done, with warnings": style.SKY,
    "outdated": style.ORANGE,
    "refused by a check": style.VERMILION,
    "unreadable": style.PINK,
    "missing": "#BBBFC6",
}


def state(*, exists: bool, readable: bool, current: bool, refused: bool, warned: bool) -> str:
    """The one word for a partition; the worst that holds."""
    if exists and not readable:
        return "unreadable"
    if refused:
        return "refused by a check"
    if not exists:
        return "missing"
    if not current:
        return "outdated"
    return "done, with warnings" if warned else "done"


def summary(partitions: pd.DataFrame) -> pd.DataFrame:
    """One row for each asset: how many partitions are in which state, rows, last change.

    partitions: asset, partition, state, rows, modified (seconds since the epoch, or null).
    """
    grouped = partitions.groupby("asset", sort=False)
    assets = list(dict.fromkeys(partitions["asset"]))
    table = pd.crosstab(partitions["asset"], partitions["state"]).reindex(
        index=assets, columns=list(STATES), fill_value=0
    )
    table.columns.name = None
    table.insert(0, "partitions", grouped.size())
    usable = table["done"] + table["done, with warnings"] + table["outdated"]
    table.insert(1, "usable", usable)
    table.insert(2, "share", usable / table["partitions"])
    table["rows"] = grouped["rows"].sum().astype("int64")
    table["modified"] = pd.to_datetime(grouped["modified"].max(), unit="s", utc=True)
    return table.reset_index()


def strip(partitions: pd.DataFrame) -> alt.Chart:
    """A cell for each partition of each asset, coloured by its state; long experiments are binned first."""
    frame = binned(partitions)
    assets = list(dict.fromkeys(frame["asset"]))
    cells = frame.groupby("asset", sort=False)["place"].transform("max") + 1
    frame = frame.assign(start=frame["place"] / cells, end=(frame["place"] + 1) / cells)
    return (
        style.chart(frame)
        .mark_bar(height={"band": 0.82}, binSpacing=1, cornerRadius=1)
        .encode(
            x=alt.X("start:Q", title="Partitions, first to last", axis=alt.Axis(labels=False, ticks=False, grid=False))
            .scale(domain=[0, 1])
            .bin("binned"),
            x2="end:Q",
            y=alt.Y("asset:N", sort=assets, title=None, axis=alt.Axis(domain=False, ticks=False, labelOverlap=False)),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=list(STATES), range=list(STATES.values())),
                legend=alt.Legend(orient="top", columns=3, symbolType="square", values=_present(frame)),
            ),
            tooltip=[
                alt.Tooltip("asset:N", title="Asset"),
                alt.Tooltip("partition:N", title="Partition"),
                alt.Tooltip("state:N", title="State"),
                alt.Tooltip("detail:N", title="Because"),
                alt.Tooltip("rows:Q", title="Rows", format=","),
            ],
        )
        .properties(height=28 * len(assets) + 90)
    )


def _present(frame: pd.DataFrame) -> list[str]:
    there = set(frame["state"])
    return [name for name in STATES if name in there]


def binned(partitions: pd.DataFrame, most: int = 240) -> pd.DataFrame:
    """At most `most` cells for each asset; a cell of several partitions shows the worst of them."""
    frame = partitions.assign(place=partitions.groupby("asset", sort=False).cumcount())
    width = -(-int(frame["place"].max() + 1) // most) if len(frame) else 1
    if width == 1:
        return frame
    severity = {name: rank for rank, name in enumerate(STATES)}
    frame = frame.assign(place=frame["place"] // width, severity=frame["state"].map(severity))
    worst = frame.sort_values("severity", kind="stable").groupby(["asset", "place"], sort=False).tail(1)
    spans = frame.groupby(["asset", "place"], sort=False)["partition"].agg(lambda s: f"{s.iloc[0]} to {s.iloc[-1]}")
    rows = frame.groupby(["asset", "place"], sort=False)["rows"].sum()
    merged = worst.drop(columns=["partition", "rows", "severity"]).set_index(["asset", "place"])
    merged = merged.assign(partition=spans, rows=rows).reset_index()
    order = list(dict.fromkeys(partitions["asset"]))
    return merged.sort_values(["asset", "place"], key=lambda c: c.map(order.index) if c.name == "asset" else c)


def title(table: pd.DataFrame, checks: pd.DataFrame) -> str:
    """How far, as a sentence."""
    if table.empty or not table["usable"].sum():
        return "Nothing is materialised yet"
    done, every = int(table["usable"].sum()), int(table["partitions"].sum())
    how = "Everything is materialised" if done == every else f"{done:,} of {every:,} partitions are materialised"
    outdated = int(table["outdated"].sum())
    parts = [how]
    if outdated:
        parts.append(f"{outdated:,} made by another configuration")
    failed, warned = (int((checks["outcome"] == outcome).sum()) for outcome in ("refused", "warning"))
    parts.append(f"{count(failed, 'check')} failed" if failed else "no check failed")
    if warned:
        parts.append(count(warned, "warning"))
    return ", ".join(parts)


def check_rows(findings: Mapping[tuple[str, str | None], Sequence[Mapping[str, object]]]) -> pd.DataFrame:
    """Findings as a table: asset, partition, check, outcome (passed, warning, refused), text."""
    rows = [
        {
            "asset": asset,
            "partition": partition or "whole",
            "check": str(finding.get("name", "unnamed")),
            "outcome": _outcome(finding),
            "text": str(finding.get("text", "")),
        }
        for (asset, partition), found in findings.items()
        for finding in found
    ]
    return pd.DataFrame(rows, columns=["asset", "partition", "check", "outcome", "text"])


def _outcome(finding: Mapping[str, object]) -> str:
    if finding.get("passed"):
        return "passed"
    return "refused" if finding.get("blocking") else "warning"

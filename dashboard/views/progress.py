"""How far an experiment is: the state of every partition of every asset, and what its checks said."""

from __future__ import annotations

import altair as alt
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import count
from arena_assets.progress import duration
from arena_assets.state import State
from dashboard.data.running import Running

# What a partition can be, from best to worst; colour and order of the legend.
STATES = {
    str(State.DONE): style.BLUE,
    str(State.WARNED): style.SKY,
    str(State.OUTDATED): style.ORANGE,
    str(State.REFUSED): style.VERMILION,
    str(State.UNREADABLE): style.PINK,
    str(State.MISSING): "#BBBFC6",
}
_USABLE = [str(state) for state in State if state.done]


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
    usable = table[_USABLE].sum(axis=1)
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


def live(one: Running) -> str:
    """What a run is doing now, as a sentence."""
    of = f" of about {one.total:,}" if one.total is not None else ""
    parts = [f"{one.asset}/{one.partition} is being made: {one.items:,}{of} items"]
    if one.tokens_per_second is not None:
        parts.append(f"{one.tokens_per_second:.3g} tokens a second")
    elif one.items_per_second is not None:
        parts.append(f"{one.items_per_second:.2g} items a second")
    if one.seconds_left is not None:
        parts.append(f"{duration(one.seconds_left)} left")
    return ", ".join(parts)


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
    outdated = 0 if table.empty else int(table[str(State.OUTDATED)].sum())
    done, every = (0, 0) if table.empty else (int(table["usable"].sum()), int(table["partitions"].sum()))
    if not done and not outdated:
        return "Nothing is materialised yet"
    parts = ["Everything is done" if done == every else f"{done:,} of {every:,} partitions are done"]
    if outdated:
        parts.append(f"{outdated:,} made by another configuration")
    failed, warned = (int((checks["outcome"] == outcome).sum()) for outcome in ("refused", "warning"))
    parts.append(f"{count(failed, 'check')} failed" if failed else "no check failed")
    if warned:
        parts.append(count(warned, "warning"))
    return ", ".join(parts)

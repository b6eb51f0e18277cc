"""Importance weights: their spread, their tails, who carries them, and whether pi_clone's are exactly one."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import count, percent
from arena_assets.charts.selection import of_policies
from arena_assets.estimation.data.weights import from_log
from arena_assets.estimation.diagnostics.gates import ESS_REFUSE, ESS_WARN, PARETO_WARN

Floats = npt.NDArray[np.float64]

MOST_BINS = 48


def log_weights(frame: pd.DataFrame, policy: str) -> Floats:
    """The log weights (nats) of one policy that are there, minus infinity (a weight of 0) among them."""
    values = frame.loc[frame["policy"] == policy, "log_weight"].to_numpy(float)
    return np.asarray(values[~np.isnan(values)], dtype=np.float64)


def of_targets(diagnostics: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """Rows of `weight_diagnostics` with any weight, in the targets' order."""
    return of_policies(diagnostics[diagnostics["n"] > 0], targets)


def overlap_title(table: pd.DataFrame) -> str:
    """Which policies P0's data can speak about, as a sentence."""
    enough = int((table["ess"] >= ESS_WARN).sum())
    few = list(table["policy"][table["ess"] < ESS_REFUSE])
    text = f"{enough} of {count(len(table), 'policy', 'policies')} keep {ESS_WARN:.0f} effective rows or more"
    return text + (f"; below {ESS_REFUSE:.0f}: {', '.join(few)}" if few else "")


def overlap(table: pd.DataFrame, colours: alt.Scale) -> alt.LayerChart:
    """Effective sample size as a share of the rows, with the gates' thresholds."""
    base = style.chart(table).encode(
        y=alt.Y("policy:N", sort=list(table["policy"]), title=None),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("ess:Q", title="Effective rows", format=",.1f"),
            alt.Tooltip("n:Q", title="of", format=","),
            alt.Tooltip("ess_fraction:Q", title="Share", format=".1%"),
            alt.Tooltip("max_weight_share:Q", title="Largest weight's share", format=".1%"),
            alt.Tooltip("top5_weight_share:Q", title="Heaviest 5% of rows carry", format=".1%"),
        ],
    )
    bars = base.mark_bar(height={"band": 0.6}).encode(
        x=alt.X(
            "ess_fraction:Q",
            title="Effective sample size, share of rows",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%"),
        ),
        color=alt.Color("policy:N", scale=colours, legend=None),
    )
    most = float(table["n"].max())
    gates = pd.DataFrame({"at": [ESS_REFUSE / most, ESS_WARN / most], "rows": [ESS_REFUSE, ESS_WARN]})
    gates = gates[gates["at"] <= 1].assign(what=lambda frame: frame["rows"].map("{:.0f} rows".format))
    rules = alt.Chart(gates).mark_rule(color=style.GREY, strokeDash=[4, 3]).encode(x="at:Q", tooltip=["what:N"])
    words = (
        alt.Chart(gates.tail(1))
        .mark_text(color=style.GREY, align="left", dx=4, baseline="bottom", dy=-3)
        .encode(x="at:Q", y=alt.value(0), text="what:N")
    )
    return alt.layer(bars, rules, words).properties(height=44 * len(table) + 80)


def histogram(frame: pd.DataFrame, policy: str) -> pd.DataFrame:
    """Shares of rows by log weight; the outer half per cent on each side goes to the outermost bins.

    Rows of weight 0 have a bin of their own (`zero`), left of the others and a bin apart from them.
    """
    logs = log_weights(frame, policy)
    if not logs.size:
        return pd.DataFrame({"low": [], "high": [], "rows": [], "share": [], "zero": []})
    above = logs[from_log(logs) > 0]
    low, high = np.quantile(above, [0.005, 0.995]) if above.size else (0.0, 0.0)
    low, high = min(float(low), -0.5), max(float(high), 0.5)
    bins = style.bin_count(logs.size, MOST_BINS)
    rows, edges = np.histogram(above.clip(low, high), bins=bins, range=(low, high))
    found = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "rows": rows, "share": rows / logs.size, "zero": False})
    if above.size == logs.size:
        return found
    width, zeros = edges[1] - edges[0], logs.size - above.size
    own = {"low": low - 2 * width, "high": low - width, "rows": zeros, "share": zeros / logs.size, "zero": True}
    return pd.concat([pd.DataFrame([own]), found], ignore_index=True)


def histogram_title(row: pd.Series) -> str:
    """What one policy's weights rest on, as a sentence."""
    if row["largest_abs_log_weight"] == 0:
        return f"{row['policy']}: every weight is exactly 1"
    return (
        f"{row['policy']}: {count(round(row['ess']), 'effective row')} of {row['n']:,} "
        f"({percent(row['ess_fraction'])}), "
        + ("every weight is 0" if row["zero"] == row["n"] else f"largest share {percent(row['max_weight_share'])}")
        + (f"; {percent(row['zero'] / row['n'])} of the rows have weight 0" if 0 < row["zero"] < row["n"] else "")
    )


def histogram_chart(bins: pd.DataFrame, colour: str) -> alt.LayerChart:
    """Log weights of one policy; the dashed line is the weight 1, the bin that says so is of the weight 0."""
    spans = [
        "weight 0" if zero else f"{low:.2f} to {high:.2f}"
        for low, high, zero in zip(bins["low"], bins["high"], bins["zero"], strict=True)
    ]
    zeros = bins[bins["zero"].astype(bool)]
    bars = (
        style.linked(style.chart(bins.assign(span=spans)), bins)
        .mark_bar(color=colour, binSpacing=0)
        .encode(
            x=alt.X("low:Q", title="Log weight (nats)", axis=alt.Axis(tickCount=7)).bin("binned"),
            x2="high:Q",
            y=alt.Y("share:Q", title="Share of rows", axis=alt.Axis(format="%", tickCount=4)),
            tooltip=[
                alt.Tooltip("span:N", title="Log weight"),
                alt.Tooltip("rows:Q", title="Rows", format=","),
                alt.Tooltip("share:Q", title="Share", format=".2%"),
            ],
        )
    )
    words = (
        alt.Chart(zeros)
        .mark_text(color=style.GREY, align="left", baseline="bottom", dy=-3)
        .encode(x=alt.X("low:Q"), y=alt.Y("share:Q"), text=alt.value("weight 0"))
    )
    layers = [bars, style.rule(0.0), *([] if zeros.empty else [words])]
    return alt.layer(*layers).properties(height=210)


def concentration_title(curve: pd.DataFrame, share: float = 0.01) -> str:
    """How much the heaviest rows of the worst policy carry, as a sentence."""
    if curve.empty:
        return "No weights yet"
    at = curve[curve["share_of_rows"] >= share].groupby("policy", sort=False).first()
    at = at.sort_values("carried").tail(1)
    worst, rows, carried = str(at.index[0]), int(at["rank"].iloc[0]), float(at["carried"].iloc[0])
    which = "The heaviest row" if rows == 1 else f"The heaviest {rows:,} rows"
    return f"{which} of {worst} {'carries' if rows == 1 else 'carry'} {percent(carried)} of its weight"


def concentration_chart(curve: pd.DataFrame, colours: alt.Scale) -> alt.Chart:
    """Share of the weight against the share of rows that carry it, heaviest first."""
    return (
        style.chart(curve)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(
                "share_of_rows:Q",
                title="Heaviest rows, share of all (log scale)",
                scale=alt.Scale(type="log", domainMax=1, nice=False),
                axis=alt.Axis(format="~%", tickCount=5),
            ),
            y=alt.Y("carried:Q", title="Share of the total weight", axis=alt.Axis(format="%")),
            color=style.policy_colour(colours, list(curve["policy"])),
            tooltip=[
                alt.Tooltip("policy:N", title="Policy"),
                alt.Tooltip("rank:Q", title="Heaviest rows", format=","),
                alt.Tooltip("carried:Q", title="carry", format=".1%"),
            ],
        )
        .properties(height=320)
    )


def tail_title(table: pd.DataFrame) -> str:
    """Which tails are too heavy for a mean or a variance, as a sentence."""
    heavy = list(table["policy"][table["pareto_k"] > PARETO_WARN])
    if not heavy:
        return f"Tails are light enough for a variance: no Pareto k is above {PARETO_WARN}"
    return f"Heavy tails: the weights of {', '.join(heavy)} may have no finite variance (Pareto k above {PARETO_WARN})"


def tail_chart(curve: pd.DataFrame, colours: alt.Scale) -> alt.Chart:
    """Tail plot: a straight flat line to the right is a power law, which a sample cannot average out."""
    shown = curve.assign(weight=from_log(curve["log_weight"].to_numpy(float)))
    shown = shown[shown["weight"] >= 1e-3]
    return (
        style.chart(shown)
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=14))
        .encode(
            x=alt.X(
                "weight:Q",
                title="Weight (log scale)",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(tickCount=6, format="~g"),
            ),
            y=alt.Y(
                "share_of_rows:Q",
                title="Rows with at least this weight",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(format="~%", tickCount=5),
            ),
            color=style.policy_colour(colours, list(curve["policy"])),
            order="share_of_rows:Q",
            tooltip=[
                alt.Tooltip("policy:N", title="Policy"),
                alt.Tooltip("weight:Q", title="Weight", format=".3g"),
                alt.Tooltip("share_of_rows:Q", title="Rows with at least this", format=".2%"),
            ],
        )
        .properties(height=320)
    )


def clone_sentence(table: pd.DataFrame, clones: Sequence[str]) -> tuple[bool, str] | None:
    """Whether the weights of P0's clones are exactly one; None where no clone is among the policies."""
    rows = table[table["policy"].isin(list(clones))]
    if rows.empty:
        return None
    worst = rows.sort_values("largest_abs_log_weight").iloc[-1]
    if worst["largest_abs_log_weight"] == 0:
        return True, f"{worst['policy']} equals P0, and all {worst['n']:,} of its log ratios are exactly 0.0"
    size = f"{worst['largest_abs_log_weight']:.3g} nats"
    return False, f"{worst['policy']} equals P0, but its largest log ratio is {size}: scoring is not exact"


def heaviest(frame: pd.DataFrame, policy: str, most: int = 10) -> pd.DataFrame:
    """The rows that carry the most weight: prompt_id, log_weight, weight, share, cumulative."""
    rows = frame[(frame["policy"] == policy) & frame["log_weight"].notna()]
    rows = rows.nlargest(most, "log_weight")[["prompt_id", "log_weight", "n_response_tokens"]]
    logs = log_weights(frame, policy)
    if not np.isfinite(logs).any():
        return rows.iloc[:0].assign(weight=[], share=[], cumulative=[])
    total = float(np.exp(logs - logs.max()).sum())
    share = np.exp(rows["log_weight"].to_numpy(float) - logs.max()) / total
    weight = from_log(rows["log_weight"].to_numpy(float))
    return rows.assign(weight=weight, share=share, cumulative=np.cumsum(share)).reset_index(drop=True)


def rejected_title(rejected: pd.DataFrame, rows: int) -> str:
    """How many log-probabilities were rejected, as a sentence."""
    if rejected.empty:
        return "No log-probability was rejected"
    each = rejected.groupby("policy").size()
    return f"{count(len(rejected), 'log-probability', 'log-probabilities')} rejected and set to null: " + ", ".join(
        f"{policy} {number} ({percent(number / rows)})" if rows else f"{policy} {number}"
        for policy, number in each.items()
    )

"""What a person wants to see on a materialisation: figures, small plots, tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg
import numpy as np
import pandas as pd

from arena_assets import pipeline
from arena_assets.charts.names import with_methods
from arena_assets.config import Experiment
from arena_assets.errors import StorageError
from arena_assets.estimation import diagnose
from arena_assets.estimation.data.weights import from_log
from arena_assets.machine import worker_name
from arena_assets.pipeline import Step
from arena_assets.rules.logprobs import log_ratios
from arena_assets.stages.stage import Made, Work
from arena_assets.storage import Effort

Metadata = dict[str, Any]
# From the best down.
_VERDICTS = ("supported", "caution", "refused")


def histogram(values: Sequence[float] | np.ndarray, low: float, high: float, bins: int = 24) -> dg.MetadataValue[Any]:
    """A small bar plot of the values over [low, high] as an image that the UI shows in place."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    counts, _ = np.histogram(np.clip(finite, low, high), bins=bins, range=(low, high))
    peak = max(int(counts.max()), 1)
    # Inline markup is dropped and long markdown hidden behind a link: one short path in a data URI is neither.
    bars = "".join(f"M{8 * i} 40v-{round(36 * count / peak)}h7V40z" for i, count in enumerate(counts))
    path = f"<path d='{bars}' fill='#4477AA'/>"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='{8 * bins}' height='42'>{path}</svg>"
    return dg.MetadataValue.md(f"![{low:g} to {high:g}](data:image/svg+xml;utf8,{quote(svg)}) {low:g} to {high:g}")


def table(frame: pd.DataFrame, digits: int = 4) -> dg.MetadataValue[Any]:
    """A frame as a table of the UI."""

    def plain(value: Any) -> Any:
        if isinstance(value, float | np.floating):
            return round(float(value), digits) if np.isfinite(value) else None  # the UI reads no infinity
        return value.item() if isinstance(value, np.generic) else value

    rows = [dg.TableRecord({str(k): plain(v) for k, v in row.items()}) for row in frame.to_dict("records")]
    if not rows:
        return dg.MetadataValue.text("no rows")
    return dg.MetadataValue.table(rows)


def of(work: Work, made: Made, effort: Effort | None) -> Metadata:
    """What is shown of a step: figures of its table, what its stage says, and where it was made."""
    own = _FIGURES.get(work.step.name)
    where = {} if made.machine is None else {"worker": worker_name(), "machine": str(made.machine)}
    said = {key: table(value) if isinstance(value, pd.DataFrame) else value for key, value in made.shown.items()}
    # Without a journal nothing was made here: an import may lack what the figures are of.
    return said | ({} if own is None or effort is None else own(work, made, effort)) | where


def of_responses(responses: pd.DataFrame, effort: Effort) -> Metadata:
    by_policy = responses.groupby("policy").agg(
        responses=("response", "count"),
        tokens=("n_response_tokens", "sum"),
        mean_tokens=("n_response_tokens", "mean"),
        truncated=("finish_reason", lambda reason: float((reason == "length").mean())),
    )
    tokens = int(responses["n_response_tokens"].sum())
    timed = effort.items == len(responses) and effort.seconds > 0
    return {
        "tokens": tokens,
        **({"tokens_per_second": round(tokens / effort.seconds, 1)} if timed else {}),
        "share_truncated": float((responses["finish_reason"] == "length").mean()),
        "policies": table(by_policy.reset_index()),
        "response length, tokens": histogram(
            responses["n_response_tokens"].to_numpy(), 0, float(responses["n_response_tokens"].max())
        ),
    }


def of_logprobs(experiment: Experiment, logprobs: pd.DataFrame, notes: Mapping[str, str], effort: Effort) -> Metadata:
    """Weights under each target; `ess` is its effective sample size among the batch's rows."""
    ratios = log_ratios(logprobs, experiment.target_names)
    rows: list[dict[str, Any]] = []
    plots = {}
    for policy in ratios:
        values = ratios[policy].dropna().to_numpy()
        weights = from_log(values)
        seen = diagnose(weights)
        rows.append(
            {
                "policy": policy,
                "n": len(values),
                # Without any value the rules refuse the batch, and say why.
                "mean_weight": seen.mean if seen.n else None,
                "median_log_weight": float(np.median(values)) if len(weights) else None,
                "max_weight": weights.max(initial=0.0),
                "of_weight_0": int((weights == 0.0).sum()),
                "ess_fraction": seen.ess_fraction if seen.n else None,
                "exactly_one": int((values == 0.0).sum()),
            }
        )
        plots[f"log weight of {policy}, nats"] = histogram(values, -12, 12)
    tokens = int(logprobs["n_response_tokens"].sum())
    # Every value was computed in this run, so that its time is theirs.
    policies = len(experiment.policies)
    timed = effort.items == policies * len(logprobs) and effort.seconds > 0
    return {
        "response tokens": tokens,
        **({"tokens_per_second": round(policies * tokens / effort.seconds, 1)} if timed else {}),
        **{f"ess {row['policy']}": round(row["ess_fraction"] * row["n"], 1) for row in rows if row["n"]},
        "weights": table(pd.DataFrame(rows)),
        "scored on re-tokenised text": notes.get("retokenised", "").replace(",", ", ") or "none",
        **plots,
    }


def of_scores(frame: pd.DataFrame, value: str) -> Metadata:
    by_policy = frame.groupby("policy")[value].agg(["count", "mean", "std"]).reset_index()
    cost = frame["cost_usd"].sum(min_count=1)
    return {
        "unscored": int((frame["status"] != "ok").sum()),
        "prompt_tokens": int(frame["prompt_tokens"].sum()),
        "completion_tokens": int(frame["completion_tokens"].sum()),
        "cost_usd": float(cost) if pd.notna(cost) else "unknown (no prices configured)",
        "by policy": table(by_policy),
        f"{value}": histogram(frame[value].dropna().to_numpy(), 0, 1),
    }


def judge_against_oracle(scores: pd.DataFrame | None, labels: pd.DataFrame | None) -> Metadata:
    """How alike judge and oracle order a batch's labelled responses; nothing where one of the tables is not there."""
    if scores is None or labels is None:
        return {}
    key = ["prompt_id", "policy"]
    both = scores[[*key, "judge_score"]].merge(labels[[*key, "oracle_label"]], on=key).dropna()
    if both["judge_score"].nunique() < 2 or both["oracle_label"].nunique() < 2:
        return {}  # no order to compare
    correlation = both["judge_score"].corr(both["oracle_label"], method="spearman")
    return {"judge_rank_correlation": round(float(correlation), 4), "judge_rank_correlation_rows": len(both)}


def estimates(results: pd.DataFrame) -> pd.DataFrame:
    """The comparison as a person reads it: the best supported estimates first, of those the most precise."""
    usual = results[results["scoring"] == "deterministic"]
    frame = with_methods(results if usual.empty else usual)
    rank = frame["support"].map({verdict: place for place, verdict in enumerate(_VERDICTS)})
    frame = frame.assign(rank=rank).sort_values(["rank", "std_error"], kind="stable")
    interval = [
        f"{low:.3f}\u00a0to\u00a0{high:.3f}" if np.isfinite(low) and np.isfinite(high) else "none"
        for low, high in zip(frame["ci_low"].astype(float), frame["ci_high"].astype(float), strict=True)
    ]
    # Without the reasons: whole sentences would make each row as high as the screen.
    columns = ["policy", "method", "estimate", "interval", "truth", "verdict"]
    return frame.assign(interval=interval, verdict=frame["support"])[columns]


def _there(work: Work, step: Step) -> pd.DataFrame | None:
    """The table of another step of the same batch, where a current one lies there."""
    try:
        return work.store.read_current(work.experiment, step.name, work.partition)
    except StorageError:
        return None


_FIGURES: dict[str, Callable[[Work, Made, Effort], Metadata]] = {
    pipeline.RESPONSES.name: lambda _, made, effort: of_responses(made.table, effort),
    pipeline.LOGPROBS.name: lambda work, made, effort: of_logprobs(work.experiment, made.table, made.notes, effort),
    pipeline.JUDGE_SCORES.name: lambda work, made, _: (
        of_scores(made.table, "judge_score") | judge_against_oracle(made.table, _there(work, pipeline.ORACLE_LABELS))
    ),
    pipeline.ORACLE_LABELS.name: lambda work, made, _: (
        of_scores(made.table, "oracle_label") | judge_against_oracle(_there(work, pipeline.JUDGE_SCORES), made.table)
    ),
}

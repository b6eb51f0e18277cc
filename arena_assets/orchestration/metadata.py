"""What a person wants to see on a materialisation: figures, small plots, tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg
import numpy as np
import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.estimation import diagnose
from arena_assets.estimation.data.weights import from_log
from arena_assets.machine import worker_name
from arena_assets.rules.logprobs import log_ratios
from arena_assets.stages.stage import Made, Work
from arena_assets.storage import Effort

Metadata = dict[str, Any]


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


def of_logprobs(experiment: Experiment, logprobs: pd.DataFrame, notes: Mapping[str, str]) -> Metadata:
    ratios = log_ratios(logprobs, experiment.target_names)
    rows, plots = [], {}
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
    return {
        "response tokens": int(logprobs["n_response_tokens"].sum()),
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


_FIGURES: dict[str, Callable[[Work, Made, Effort], Metadata]] = {
    pipeline.RESPONSES.name: lambda _, made, effort: of_responses(made.table, effort),
    pipeline.LOGPROBS.name: lambda work, made, _: of_logprobs(work.experiment, made.table, made.notes),
    pipeline.JUDGE_SCORES.name: lambda _, made, __: of_scores(made.table, "judge_score"),
    pipeline.ORACLE_LABELS.name: lambda _, made, __: of_scores(made.table, "oracle_label"),
}

"""What scoring cost and took, and what could not be scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from arena_assets.charts.names import count
from arena_assets.progress import duration
from arena_assets.storage import Effort


def spending(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each table and policy: rows, not scored, tokens, dollars (null where no price is known)."""
    parts = []
    for role, frame in tables.items():
        if frame.empty:
            continue
        grouped = frame.assign(failed=frame["status"] != "ok").groupby(["policy", "model"], sort=False, observed=True)
        part = grouped.agg(
            responses=("failed", "size"),
            not_scored=("failed", "sum"),
            prompt_tokens=("prompt_tokens", "sum"),
            completion_tokens=("completion_tokens", "sum"),
        )
        part["cost_usd"] = grouped["cost_usd"].sum(min_count=1)
        part.insert(0, "role", role)
        parts.append(part.reset_index())
    columns = ["role", "model", "policy", "responses", "not_scored", "prompt_tokens", "completion_tokens", "cost_usd"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def title(table: pd.DataFrame) -> str:
    """What was spent, as a sentence."""
    if table.empty:
        return "Nothing has been scored yet"
    tokens = int(table["prompt_tokens"].sum() + table["completion_tokens"].sum())
    known = table["cost_usd"].dropna()
    money = f", ${known.sum():,.2f}" if not known.empty else ", no price (no paid model)"
    failed = int(table["not_scored"].sum())
    parts = f"{int(table['responses'].sum()):,} responses scored with {tokens:,} tokens{money}"
    return parts + (f"; {count(failed, 'response')} could not be scored" if failed else "")


def timing(efforts: Mapping[str, Sequence[Effort]]) -> pd.DataFrame:
    """One row for each role: batches whose last run says what it took, seconds, items that it finished itself.

    Items are answers: equal responses need one, and a judge may be asked several times of one response. What a run
    took from the journal cost it no time, so the speed is that of the answers it got itself.
    """
    rows = []
    for role, spent in efforts.items():
        if spent:
            seconds = sum(effort.seconds for effort in spent)
            counted = [effort.items for effort in spent if effort.items is not None]
            items = sum(counted) if counted else float("nan")
            rows.append((role, len(spent), seconds, items, items / seconds if seconds and items else float("nan")))
    return pd.DataFrame(rows, columns=["role", "batches", "seconds", "answers", "answers_per_second"])


def timing_title(table: pd.DataFrame) -> str:
    """How long scoring took, as a sentence."""
    if table.empty:
        return "How long scoring took is not recorded"
    parts = [
        f"the {role} took {duration(seconds)}"
        + (f" for {count(int(items), 'answer')}" if items == items else "")
        + (f" ({rate:.2g} a second)" if rate == rate else "")
        for role, seconds, items, rate in zip(
            table["role"], table["seconds"], table["answers"], table["answers_per_second"], strict=True
        )
    ]
    text = ", ".join(parts)
    return text[0].upper() + text[1:]


def reasons(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Why responses were not scored: role, policy, status, reason, responses."""
    parts = []
    for role, frame in tables.items():
        failed = frame[frame["status"] != "ok"]
        if not failed.empty:
            sizes = failed.groupby(["policy", "status", "reason"], dropna=False, observed=True).size()
            parts.append(sizes.rename("responses").reset_index().assign(role=role))
    columns = ["role", "policy", "status", "reason", "responses"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

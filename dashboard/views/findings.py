"""What checks found that did not pass: the refused first, equal texts once, each text whole."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from arena_assets.charts.names import count
from arena_assets.tables import rows_of

_NAMED = 4  # partitions of one finding that are named


@dataclass(frozen=True)
class Found:
    """One finding of the partitions that share its text; `refused`: it keeps their tables from being used."""

    refused: bool
    check: str
    where: str
    text: str


def failed(checks: pd.DataFrame) -> list[Found]:
    """The findings that did not pass, the refused first. checks: of `Status`."""
    rows = checks[checks["outcome"] != "passed"]
    alike = rows.groupby(["outcome", "asset", "check", "text"], sort=False)["partition"].agg(list)
    found = [
        Found(one["outcome"] == "refused", one["check"], _where(one["asset"], one["partition"]), one["text"])
        for one in rows_of(alike.reset_index())
    ]
    return sorted(found, key=lambda one: not one.refused)


def _where(asset: str, partitions: list[str]) -> str:
    if partitions == ["whole"]:
        return asset
    more = len(partitions) - _NAMED
    rest = f" and {count(more, 'more batch', 'more batches')}" if more > 0 else ""
    return f"{asset}/{', '.join(partitions[:_NAMED])}{rest}"

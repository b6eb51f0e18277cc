"""On what the shown results rest, and whether that is still so, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pandas as pd

from arena_assets import pipeline
from arena_assets.charts.names import count
from arena_assets.state import State
from dashboard.data.basis import Basis

_SHOWN = 4  # changes that are named; the overview has all settings


def stale_tables(partitions: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Outdated partitions of each table, and of how many, the results' own left out. partitions: of `Status`."""
    rows = partitions[partitions["asset"] != pipeline.RESULTS.name]
    outdated = rows["state"].eq(str(State.OUTDATED)).groupby(rows["asset"], sort=False)
    return {str(name): (int(own.sum()), len(own)) for name, own in outdated if own.any()}


def rests_on(name: str, wanted: int | None, basis: Basis) -> str:
    """What the results of the experiment rest on; `wanted`: the prompts that its file asks for now."""
    if basis.prompts is None:
        prompts = "an unknown number of prompts"
    elif wanted is None or wanted == basis.prompts:
        prompts = count(basis.prompts, "prompt")
    else:
        prompts = f"{basis.prompts:,} prompts (its file asks for {wanted:,})"
    batches = "" if basis.batches is None else f" in {count(basis.batches, 'batch', 'batches')}"
    made = datetime.fromtimestamp(basis.modified, UTC).strftime("%-d %b %Y, %H:%M UTC")
    return f"Results of {name} rest on {prompts}{batches}, made {made} with configuration {basis.version}."


def faults(basis: Basis | None, stale: Mapping[str, tuple[int, int]], beyond: int) -> list[str]:
    """Why a run would not make what is shown, as sentences; none where it would.

    stale: of `stale_tables`; beyond: batches that the configuration asks for no more.
    """
    texts = []
    if basis is not None and basis.reason:
        texts.append(_difference(basis))
    if basis is not None and basis.later:
        number = len(basis.later)
        texts.append(f"{count(number, 'batch', 'batches')} {_are(number)} done that they do not rest on.")
    if basis is not None and basis.gone:
        number = len(basis.gone)
        texts.append(f"{count(number, 'batch', 'batches')} of theirs {_are(number)} done no longer.")
    if stale:
        parts = [f"{table} {some:,} of {every:,}" for table, (some, every) in stale.items()]
        texts.append(f"Tables of another configuration: {', '.join(parts)}.")
    if beyond:
        said = f"{count(beyond, 'batch', 'batches')} {_are(beyond)} of more prompts than its file asks for"
        texts.append(f"{said}: weights, scores and responses show them, an analysis leaves them out.")
    return texts


def _difference(basis: Basis) -> str:
    if not basis.changed:
        return f"{basis.reason[:1].upper()}{basis.reason[1:]}."
    more = len(basis.changed) - _SHOWN
    rest = f"; and {count(more, 'more change')}" if more > 0 else ""
    return f"The configuration has changed since: {'; '.join(basis.changed[:_SHOWN])}{rest}."


def _are(number: int) -> str:
    return "is" if number == 1 else "are"

"""What the shown results rest on: how many prompts, which batches, which settings; and what has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import changes, noted_settings, settings
from arena_assets.errors import StorageError
from arena_assets.state import State
from arena_assets.storage.listing import Listing
from dashboard.data import files
from dashboard.data.catalog import Chosen
from dashboard.data.status import Status

_BATCH = [step.name for step in pipeline.BATCH]


@dataclass(frozen=True, eq=False)
class Basis:
    """Of the results that lie there.

    prompts, batches: how many they rest on, None where an earlier version did not write it down. made_with: the
    settings that made them, likewise. reason: why they are not what the present configuration makes; empty where they
    are. changed: how those settings differ from the file's. later, gone: batches that are done now and not among
    theirs, and the reverse.
    """

    modified: float  # seconds since the epoch
    version: str  # the first digits of the configuration's
    prompts: int | None
    batches: int | None
    made_with: Mapping[str, Any] | None
    reason: str
    changed: tuple[str, ...]
    later: tuple[str, ...]
    gone: tuple[str, ...]


def basis(chosen: Chosen, found: Status) -> Basis | None:
    """What the results of an experiment rest on; None where there are none, or their file cannot be read."""
    file = Listing(chosen.store).tables(pipeline.RESULTS.name).get(None)
    if file is None:
        return None
    try:
        notes = files.notes(chosen.store, file)
    except StorageError:
        return None  # each page that needs it says why
    own = found.partitions[found.partitions["asset"] == pipeline.RESULTS.name].iloc[0]
    made_with, now = noted_settings(notes), None if chosen.experiment is None else settings(chosen.experiment)
    used = notes["partitions"].split(",") if notes.get("partitions") else None
    done = done_batches(found.partitions)
    return Basis(
        modified=file.modified,
        version=notes.get("fingerprint", "unknown")[:8],
        prompts=int(notes["prompts"]) if notes.get("prompts", "").isdigit() else None,
        batches=None if used is None else len(used),
        made_with=made_with,
        reason="" if State(own["state"]).done else str(own["detail"]),
        changed=tuple(changes(made_with, now)) if made_with is not None and now is not None else (),
        later=() if used is None else tuple(key for key in done if key not in set(used)),
        gone=() if used is None else tuple(key for key in used if key not in set(done)),
    )


def beyond(chosen: Chosen) -> int:
    """Batches that lie there although the configuration asks for fewer prompts than they make."""
    if chosen.experiment is None:
        return 0
    there = {key for name in _BATCH for key in Listing(chosen.store).tables(name)}
    return len(there - set(chosen.experiment.partitions))


def done_batches(partitions: pd.DataFrame) -> list[str]:
    """Batches of which every table is done, in order. partitions: of `Status`."""
    rows = partitions[partitions["asset"].isin(_BATCH)]
    usable = rows["state"].isin([str(state) for state in State if state.done])
    whole = usable.groupby(rows["partition"], sort=False).all()
    return [str(key) for key in whole.index[whole]]

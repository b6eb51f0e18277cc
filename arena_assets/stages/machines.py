"""On which machines the tables of a batch were made, as their files state it."""

from __future__ import annotations

from collections.abc import Iterable

from arena_assets import pipeline
from arena_assets.machine import Machine
from arena_assets.storage import Store

# Their numbers depend on the kind of machine in the last bits, and their files state it.
_EXACT = tuple(step.name for step in pipeline.BATCH if step.exact)


def stated_machines(store: Store, partition: str, assets: Iterable[str] = _EXACT) -> dict[str, Machine]:
    """The machine that made each of these tables of a partition, by asset; those whose files state none are left out.

    Raises:
        StorageError: a table is missing or corrupted.
    """
    stated = {asset: Machine.from_notes(store.notes(asset, partition)) for asset in assets}
    return {asset: machine for asset, machine in stated.items() if machine is not None}

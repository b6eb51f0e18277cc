"""The tables of one analysis lie beside its results, and bear its identity: two analyses are never read as one."""

from __future__ import annotations

import pandas as pd

from arena_assets.errors import StorageError
from arena_assets.storage.store import Store
from arena_assets.tables import ABLATION_RESULTS


def read_beside(store: Store, name: str) -> pd.DataFrame:
    """A table that the analysis wrote beside the present results.

    Raises:
        StorageError: it is missing, corrupted, or of another analysis than the results.
    """
    require_one_analysis(store, name)
    return store.read(name)


def require_one_analysis(store: Store, name: str) -> None:
    """Raise StorageError unless the table `name` is there, and of the analysis that wrote the present results."""
    results = store.notes(ABLATION_RESULTS.name)
    if not store.exists(name):
        raise StorageError(
            f"{name} is not there: an earlier version made {ABLATION_RESULTS.name}; "
            f"materialise {ABLATION_RESULTS.name} again"
        )
    if results.get("analysis") is None or results["analysis"] != store.notes(name).get("analysis"):
        raise StorageError(
            f"{name} and {ABLATION_RESULTS.name} are of two analyses, the last of which was interrupted; "
            f"materialise {ABLATION_RESULTS.name} again"
        )

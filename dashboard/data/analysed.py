"""What the analysis wrote beside its results, as the pages read it: nothing is computed again."""

from __future__ import annotations

from arena_assets.errors import StorageError
from arena_assets.storage import Store
from arena_assets.storage.analysed import require_one_analysis
from arena_assets.tables import Table
from dashboard.data import loads
from dashboard.data.cache import CACHE
from dashboard.data.files import Loaded, UnusableFile, load


def beside(store: Store, table: Table) -> Loaded:
    """A table of the present analysis; empty where there is none, or with the reason why it cannot be used."""
    results = loads.results(store)
    if not results.files:  # the pages that need the results themselves say why
        return Loaded(table.empty(), (), ())
    found = load(store, table.name, table.names)
    text = CACHE.get(("one analysis", table.name, results.key, found.key), lambda: _fault(store, table))
    return found if not text else Loaded(table.empty(), (UnusableFile(table.name, text),), ())


def _fault(store: Store, table: Table) -> str:
    try:
        require_one_analysis(store, table.name)
    except StorageError as error:
        return str(error)
    return ""

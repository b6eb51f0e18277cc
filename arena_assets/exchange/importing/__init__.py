"""`arena import`: another tool's data become an experiment that needs no model and no key."""

from arena_assets.exchange.importing.reading import CLONE_NAMES, Imported, read_import, shown
from arena_assets.exchange.importing.staging import require_name, stage

__all__ = ["CLONE_NAMES", "Imported", "read_import", "require_name", "shown", "stage"]

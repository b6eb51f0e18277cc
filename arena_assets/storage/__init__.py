"""Tables on a disk or in object storage: whole or not at all, each with what its last run left beside it."""

from arena_assets.storage.atomic import is_local, write_bytes
from arena_assets.storage.checks import Effort, LastRun
from arena_assets.storage.places import data_folder
from arena_assets.storage.store import METHODS, Store, contract

__all__ = ["METHODS", "Effort", "LastRun", "Store", "contract", "data_folder", "is_local", "write_bytes"]

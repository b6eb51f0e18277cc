"""The journal of finished items: what an interrupted run had finished is never done, or paid for, again."""

from arena_assets.journal.journal import Journal
from arena_assets.journal.parts import records_below

__all__ = ["Journal", "records_below"]

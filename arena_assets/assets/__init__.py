"""The asset graph of one experiment: thin assets that fetch, call a pure function, apply the rules and return."""

from arena_assets.assets.graph import build_assets
from arena_assets.assets.whole import simulation_asset

__all__ = ["build_assets", "simulation_asset"]

"""The command `arena`: run, status, clean, fetch-model, ui."""

from arena_assets.cli.main import main

__all__ = ["main"]

"""The command `arena`."""

from arena_assets.cli.main import main

__all__ = ["main"]

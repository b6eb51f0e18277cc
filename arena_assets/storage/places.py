"""Where data lies: one answer for every process, whatever folder it was started in."""

from __future__ import annotations

import os
import re

from arena_assets.config import in_project

_DISK = re.compile(r"^(?:file|local)://")


def data_folder() -> str:
    """The folder or URL of the data of every experiment that names none of its own: ARENA_STORAGE, or the default."""
    return located(os.environ.get("ARENA_STORAGE") or "dagster_home/data")


def located(place: str) -> str:
    """A configured folder or URL in full: a relative folder is below the project's, `~` is the home.

    Raises:
        ConfigError: `~name` of a user whom this machine does not know.
    """
    place = _DISK.sub("", place)
    if "://" in place:
        return place.rstrip("/")
    return str(in_project(place)).rstrip("/")

"""What all configuration models share: frozen, and an unknown key is an error."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from arena_assets.errors import ConfigError


class Mark(Enum):
    """What a field is to the identity of its section (`identity`); a field without a mark is part of it as it is."""

    TRANSPORT = "how fast, how often retried, how dear: it changes no answer"
    SLICE = "which responses are labelled: an identity beside that of the labels"
    MODEL = "the name of a model: the identity of its file stands in its place"
    FILE = "the path of a file: its content stands in its place"
    WHEN_SET = "younger than data that exist: part of the identity where it is not at its default"


class Section(BaseModel):
    """A section of an experiment file. Every key has an effect; a key that nothing reads is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, validate_default=True)


def at_default(section: Section) -> dict[str, Any]:
    """The fields marked `WHEN_SET` that are at their default, those of inner sections too, as `model_dump` excludes."""
    found: dict[str, Any] = {}
    for name, described in type(section).model_fields.items():
        value = getattr(section, name)
        if Mark.WHEN_SET in described.metadata and value == described.get_default():
            found[name] = True
        elif isinstance(value, Section) and (inner := at_default(value)):
            found[name] = inner
    return found


# Names become column names, asset keys and file names, so they stay within what Dagster and file systems take.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def project_root() -> Path:
    """The folder that holds `configs/`, `models/` and `dagster_home/`, in full: ARENA_ROOT, or where the package is."""
    return Path(os.environ.get("ARENA_ROOT") or Path(__file__).resolve().parents[2]).absolute()


def in_project(path: str) -> Path:
    """A path that a user configured: a relative one is below the project's folder, `~` is the home.

    Raises:
        ConfigError: `~name` of a user whom this machine does not know.
    """
    try:
        return project_root() / Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"the path {path} cannot be used: {error} Write the folder in full") from error

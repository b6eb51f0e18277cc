"""The one place that reads an API key. A key goes into the client and nowhere else: no log, error, journal or table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from arena_assets.config import project_root
from arena_assets.errors import JudgeError


def find_key(name: str, environment: Mapping[str, str], folder: Path | None = None) -> str:
    """The key in the variable `name` of the environment, else of `.env` in `folder` (the project's).

    Raises:
        JudgeError: there is none, or it holds what no key does; the text names the variable, never its value.
    """
    file = (folder or project_root()) / ".env"
    key = (environment.get(name) or "").strip()
    if not key:
        try:
            key = (dotenv_values(file).get(name) or "").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise JudgeError(f"{file} cannot be read: {type(error).__name__}") from None
    if not key:
        raise JudgeError(
            f"no API key: set {name} in the environment, or write {name}=... into {file} (git ignores that file)"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        # The HTTP layer would refuse it with an error that quotes it.
        raise JudgeError(f"{name} holds blanks or characters that no key has; set it to the key alone")
    return key


def redact(text: str, key: str) -> str:
    """`text` without `key`, since a server may quote what it refuses."""
    return text.replace(key, "***") if key else text

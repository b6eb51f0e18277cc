"""Names of other tools as an experiment can hold them: they become columns, keys and file names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from arena_assets.errors import ExchangeError

_LONGEST = 63


def safe_name(name: str, kind: str) -> str:
    """The name itself where it can be kept; else with underscores, and `kind` before what begins with no letter."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return (plain if plain[:1].isalpha() else f"{kind}_{plain.strip('_')}".rstrip("_"))[:_LONGEST]


def renamed(names: Iterable[str]) -> dict[str, str]:
    """Each policy's name here.

    Raises:
        ExchangeError: two policies would have one name.
    """
    safe = {name: safe_name(name, "policy") for name in names}
    for short in dict.fromkeys(safe.values()):
        same = [name for name, other in safe.items() if other == short]
        if len(same) > 1:
            raise ExchangeError(
                f"policies would share the name {short}: {', '.join(same)}; rename one of them in the data"
            )
    return safe


def spelled_alike(names: Iterable[str]) -> list[str]:
    """A text for each two policies whose names differ in case or punctuation alone."""
    known: dict[str, str] = {}
    texts = []
    for name in names:
        other = known.setdefault(re.sub(r"[\W_]", "", name).casefold(), name)
        if other != name:
            texts.append(f"{other} and {name} differ in spelling alone: if they are one policy, rename one in the data")
    return texts

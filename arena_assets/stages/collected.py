"""The tables of all partitions that hold, as one set."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from arena_assets import pipeline
from arena_assets.machine import Machine


@dataclass(frozen=True)
class Collected:
    """The tables of all partitions that hold, by asset, and what was left out and why.

    `machines`: which machine scored a partition, of those whose files state it.
    """

    tables: dict[str, pd.DataFrame]
    used: tuple[str, ...]
    missing: tuple[str, ...]
    left_out: dict[str, str]
    machines: dict[str, Machine] = field(default_factory=dict)

    @property
    def notes(self) -> dict[str, str]:
        """What a file that is made of them says of what it rests on: in words, and to look at again."""
        prompts = len(self.tables[pipeline.PROMPTS.name])
        return {"rests_on": self.summary, "prompts": str(prompts), "partitions": ",".join(self.used)}

    @property
    def summary(self) -> str:
        """What the analysis rests on, in words."""
        parts = [f"{len(self.used)} partitions analysed"]
        if self.missing:
            parts.append(f"{len(self.missing)} not materialised yet ({_first(self.missing)})")
        if self.left_out:
            parts.append(f"{len(self.left_out)} left out: " + "; ".join(f"{k}: {v}" for k, v in self.left_out.items()))
        return ", ".join(parts)


def _first(partitions: tuple[str, ...], most: int = 3) -> str:
    return ", ".join(partitions[:most]) + (", ..." if len(partitions) > most else "")

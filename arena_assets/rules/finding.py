"""A rule, what it is applied to, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.machine import Machine

IMPORTED_NOTE = " (imported data: a warning, of data made here it would be a refusal)"

Figures = Mapping[str, float | int | str]


@dataclass(frozen=True)
class Batch:
    """A finished table and what it was made from; `upstream` holds the tables of the same partition by asset name.

    `machines`: on what it was made, of a partition's table by asset name, of the analysis by partition.
    """

    experiment: Experiment
    asset: str
    table: pd.DataFrame
    partition: str | None = None
    upstream: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    machines: Mapping[str, Machine] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a rule says of a batch: text for people (what is wrong, how many, the first ids, what to do) and figures."""

    passed: bool
    text: str
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """A named condition; a blocking one keeps a table that breaks it from being written.

    `form`: it is about the table's own form, so it holds for imported data too. Other blocking rules are about how the
    data were made: what an import breaks of them is a warning, since nobody can make the data again. `of_imports` is
    what is looked at in imported data in the place of `check`.
    """

    name: str
    description: str
    check: Callable[[Batch], Outcome]
    blocking: bool = True
    form: bool = False
    of_imports: Callable[[Batch], Outcome] | None = None

    def for_imports(self) -> Rule:
        """The rule as it applies to imported data."""
        check = self.of_imports or self.check
        if self.form or not self.blocking:
            return replace(self, check=check)
        return replace(self, check=lambda batch: _would_refuse(check(batch)), blocking=False)


def _would_refuse(outcome: Outcome) -> Outcome:
    return outcome if outcome.passed else replace(outcome, text=outcome.text + IMPORTED_NOTE)


@dataclass(frozen=True)
class Finding:
    """A rule's outcome for one batch."""

    name: str
    blocking: bool
    passed: bool
    text: str
    figures: Figures

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "blocking": self.blocking,
            "passed": self.passed,
            "text": self.text,
            "figures": dict(self.figures),
        }


def refusals(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that keep a table from being written."""
    return [finding for finding in findings if finding.blocking and not finding.passed]


def none_of(bad: Sequence[str], what: str, remedy: str, total: int) -> Outcome:
    """Passes where `bad` (ids) is empty; else says how many of `total`, the first three, and what to do."""
    figures = {"offending": len(bad), "rows": total}
    if not bad:
        return Outcome(True, f"none of {total} {what}", figures)
    return Outcome(False, f"{len(bad)} of {total} {what} (first: {', '.join(bad[:3])}); {remedy}", figures)


def below(share: float, limit: float, bad: Sequence[str], what: str, remedy: str, total: int) -> Outcome:
    """Passes where the share of `bad` is below `limit`, which it is measured against in the text."""
    figures = {"offending": len(bad), "rows": total, "share": share, "limit": limit}
    text = f"{len(bad)} of {total} ({share:.1%}, must be below {limit:.0%}) {what}"
    if share < limit:
        return Outcome(True, text, figures)
    return Outcome(False, f"{text} (first: {', '.join(bad[:3])}); {remedy}", figures)

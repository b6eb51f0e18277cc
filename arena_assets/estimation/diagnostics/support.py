"""What a gate says: a level, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SUPPORTED, CAUTION, REFUSED = "supported", "caution", "refused"
LEVELS = (SUPPORTED, CAUTION, REFUSED)


@dataclass(frozen=True)
class Support:
    """A level and why, worst finding first."""

    level: str
    reason: str


Finding = tuple[str, str]


def combine(findings: Iterable[Finding]) -> Support:
    """The worst level; its reasons, then the milder ones."""
    ordered = sorted(findings, key=lambda one: LEVELS.index(one[0]), reverse=True)
    if not ordered:
        return Support(SUPPORTED, "")
    return Support(ordered[0][0], "; ".join(reason for _, reason in ordered))

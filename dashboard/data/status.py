"""The state of every partition and what its checks found, as tables; footers of unchanged files are not read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from arena_assets.state import Reader, Standing, State, standings
from dashboard.data import files
from dashboard.data.catalog import Chosen
from dashboard.data.files import UnusableFile

COLUMNS = ["asset", "partition", "state", "detail", "rows", "modified"]
CHECK_COLUMNS = ["asset", "partition", "check", "outcome", "text"]
_READER = Reader(files.notes, files.last_run)


@dataclass(frozen=True, eq=False)
class Status:
    """partitions: one row for each; checks: one row for each finding; problems: files that cannot be read."""

    partitions: pd.DataFrame
    checks: pd.DataFrame
    problems: tuple[UnusableFile, ...]

    @property
    def modified(self) -> float | None:
        """When a table was last written, seconds since the epoch."""
        newest = self.partitions["modified"].max()
        return None if pd.isna(newest) else float(newest)


def status(chosen: Chosen) -> Status:
    """Look at every file of the experiment."""
    found = standings(chosen.experiment, chosen.store, reader=_READER)
    rows = [
        {
            "asset": one.step.name,
            "partition": one.place,
            "state": str(one.state),
            "detail": one.reason,
            "rows": one.rows,
            "modified": one.modified,
        }
        for one in found
    ]
    problems = [UnusableFile(one.label, one.reason) for one in found if one.state is State.UNREADABLE]
    return Status(pd.DataFrame(rows, columns=COLUMNS), check_rows(found), tuple(problems))


def check_rows(found: Iterable[Standing]) -> pd.DataFrame:
    """Findings as a table: asset, partition, check, outcome (passed, warning, refused), text."""
    rows = [
        {
            "asset": one.step.name,
            "partition": one.place,
            "check": str(finding.get("name", "unnamed")),
            "outcome": _outcome(finding),
            "text": str(finding.get("text", "")),
        }
        for one in found
        for finding in one.findings
    ]
    return pd.DataFrame(rows, columns=CHECK_COLUMNS)


def _outcome(finding: Mapping[str, object]) -> str:
    if finding.get("passed"):
        return "passed"
    return "refused" if finding.get("blocking") else "warning"

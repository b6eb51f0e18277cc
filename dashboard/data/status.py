"""The state of every partition: what is there, whether it is current, and what its checks found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.storage import Store
from arena_assets.tables import TABLES
from dashboard.data import files
from dashboard.data.catalog import Chosen
from dashboard.data.files import Problem, TableFile
from dashboard.views.progress import check_rows, state

COLUMNS = ["asset", "partition", "state", "detail", "rows", "modified"]
ASSETS = (
    "arena_corpus", "prompts", "responses", "logprobs", "judge_scores", "oracle_labels", "ablation_results",
    "ablation_grid",
)  # fmt: skip
# Studies that are run when somebody asks for them: shown where they are, never missed.
_OPTIONAL = {"ablation_grid"}
# What a table must have been made with, where that is not its own section of the configuration.
_MADE_WITH = {"ablation_grid": "ablation_results"}


@dataclass(frozen=True, eq=False)
class Status:
    """partitions: one row for each; checks: one row for each finding; problems: files that cannot be read."""

    partitions: pd.DataFrame
    checks: pd.DataFrame
    problems: tuple[Problem, ...]

    @property
    def modified(self) -> float | None:
        """When a table was last written, seconds since the epoch."""
        newest = self.partitions["modified"].max()
        return None if pd.isna(newest) else float(newest)


def status(chosen: Chosen) -> Status:
    """Look at every file of the experiment."""
    rows: list[dict[str, Any]] = []
    findings: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    problems: list[Problem] = []
    for asset in ASSETS:
        checked = files.last_runs(chosen.store, asset)
        for partition, found in checked.items():
            if isinstance(found, Problem):
                problems.append(found)
            else:
                findings[asset, partition] = found.findings
        present = {file.partition: file for file in files.listing(chosen.store, asset)}
        for partition in _expected(chosen.experiment, asset, present, checked):
            row, problem = _row(chosen, asset, partition, present.get(partition), findings.get((asset, partition), []))
            rows.append(row)
            if problem is not None:
                problems.append(problem)
    return Status(pd.DataFrame(rows, columns=COLUMNS), check_rows(findings), tuple(problems))


def _expected(
    experiment: Experiment | None, asset: str, present: dict[str | None, TableFile], checked: dict[str | None, Any]
) -> list[str | None]:
    if not TABLES[asset].partitioned:
        return [] if asset in _OPTIONAL and not present else [None]
    if experiment is None:
        return sorted({*present, *checked}, key=str)
    if asset == "oracle_labels" and not experiment.oracle.enabled:
        return sorted(present, key=str)
    return list(experiment.partitions)


def _row(
    chosen: Chosen, asset: str, partition: str | None, file: TableFile | None, findings: list[dict[str, Any]]
) -> tuple[dict[str, Any], Problem | None]:
    noted = files.notes(chosen.store, file) if file is not None else None
    problem = noted if isinstance(noted, Problem) else None
    stored = noted if isinstance(noted, dict) else {}
    failed = [finding for finding in findings if not finding.get("passed")]
    refused = [finding for finding in failed if finding.get("blocking")]
    made_with = _MADE_WITH.get(asset, asset)
    current = chosen.experiment is None or (
        problem is None and stored.get("fingerprint") == chosen.experiment.fingerprint(made_with, partition)
    )
    word = state(
        exists=file is not None,
        readable=problem is None,
        current=current,
        refused=bool(refused),
        warned=bool(failed),
    )
    reasons = {
        "unreadable": problem.text if problem else "",
        "refused by a check": "; ".join(str(finding.get("text", "")) for finding in refused),
        "done, with warnings": "; ".join(str(finding.get("text", "")) for finding in failed),
        "outdated": "made by another configuration, or another number of prompts",
    }
    row = {
        "asset": asset,
        "partition": partition or "whole",
        "state": word,
        "detail": reasons.get(word, ""),
        "rows": int(stored.get("rows", 0)),
        "modified": file.modified if file is not None else None,
    }
    return row, problem


def is_running(store: Store, now: float, within: float = 120.0) -> bool:
    """Whether a table was written within the last seconds, so that more may be on its way."""
    return any(now - file.modified < within for asset in ASSETS for file in files.listing(store, asset))

"""Check before writing: a table that breaks a blocking rule is never written, and its partition is red."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from types import MappingProxyType
from typing import Any

import dagster as dg
import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment, made_with
from arena_assets.errors import ArenaError, JudgeStoppedError
from arena_assets.estimation import EstimationError
from arena_assets.orchestration.redo import remedy
from arena_assets.rules import Batch, Finding, apply, refusals, rules_of
from arena_assets.storage import Effort, Store
from arena_assets.tables import TABLES

# Metadata of a failure after which no further partition should be tried.
STOPS = "stops the run"

Yields = Iterator[dg.AssetCheckResult | dg.MaterializeResult[Any]]


def check_specs(
    experiment: Experiment, key: dg.AssetKey, partitions: dg.PartitionsDefinition[str] | None
) -> list[dg.AssetCheckSpec]:
    """One check for each rule of the asset; with partitions, one status for each partition."""
    return [
        dg.AssetCheckSpec(
            rule.name,
            asset=key,
            description=rule.description,
            blocking=rule.blocking,
            partitions_def=partitions,
        )
        for rule in rules_of(key.path[-1], experiment.origin)
    ]


def finish(
    context: dg.AssetExecutionContext,
    store: Store,
    batch: Batch,
    metadata: Mapping[str, Any],
    effort: Effort | None = None,
    *,
    notes: Mapping[str, str] = MappingProxyType({}),
    write_first: Callable[[], None] | None = None,
) -> Yields:
    """Apply the rules, keep what they found beside the data, and write the table or refuse it.

    `notes` stand in the file beside the rows; `write_first` writes what must be there before the table is, and only
    where the table is.

    Raises:
        dg.Failure: a blocking rule is broken or the table breaks its contract; no file is written.
    """
    key = context.asset_key
    with refusing():
        TABLES[batch.asset].validate(batch.table)
        findings = apply(batch)
        stored = [finding.as_dict() for finding in findings]
        store.write_checks(batch.asset, batch.partition, stored, context.run.run_id, effort)
    results = [_result(key, finding) for finding in findings]
    refused = refusals(findings)
    if refused:
        yield from results
        told = "; ".join(f"{finding.name}: {finding.text}" for finding in refused)
        step = next(one for one in pipeline.STEPS if one.name == batch.asset)
        advice = remedy(batch.experiment, step, batch.partition)
        raise dg.Failure(f"nothing was written: {told}{advice}", allow_retries=False)
    stated = made_with(batch.experiment, batch.asset, batch.partition)
    with refusing():
        if write_first is not None:
            write_first()
        size = store.write(batch.asset, batch.table, partition=batch.partition, **stated, **notes)
    yield dg.MaterializeResult(
        asset_key=key,
        check_results=results,
        metadata={
            **metadata,
            "dagster/row_count": len(batch.table),
            "size_bytes": size,
            "fingerprint": stated["fingerprint"],
            "path": dg.MetadataValue.path(str(store.path(batch.asset, batch.partition))),
            **_spent(effort),
        },
        data_version=dg.DataVersion(content_version(batch.table, TABLES[batch.asset].timing)),
    )


def content_version(table: pd.DataFrame, timing: Sequence[str]) -> str:
    """Digest of a table's rows, to the last bit, without its timing columns: equal content has equal versions."""
    rows = table.drop(columns=list(timing)).astype(object)
    # Python writes the shortest digits that read back as the same float; pandas' writer stops at 15.
    text = json.dumps(rows.where(rows.notna(), None).to_numpy().tolist(), sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _plain(value: Any) -> Any:
    """An array or a number of NumPy as JSON has it; a missing value of pandas as null."""
    return None if value is pd.NA else value.tolist()


def _spent(effort: Effort | None) -> dict[str, Any]:
    if effort is None:
        return {}
    items = {} if effort.items is None else {"finished in this run": effort.items}
    return {"seconds": effort.seconds, **items}


@contextmanager
def refusing() -> Iterator[None]:
    """An error of the domain becomes the failure that Dagster shows: its text first, no retry.

    Every asset works within it; whatever else is raised is a fault of the code, and shows its trace.
    """
    try:
        yield
    except (ArenaError, EstimationError) as error:
        stops = isinstance(error, JudgeStoppedError)
        raise dg.Failure(str(error), metadata={STOPS: stops}, allow_retries=False) from error


def _shown(figure: float | int | str) -> float | int | str:
    """A figure as the UI can read it: it knows no infinity and no NaN."""
    return figure if isinstance(figure, str) or isfinite(figure) else str(figure)


def _result(key: dg.AssetKey, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=finding.name,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if finding.blocking else dg.AssetCheckSeverity.WARN,
        description=finding.text,
        metadata={name: _shown(value) for name, value in finding.figures.items()},
    )

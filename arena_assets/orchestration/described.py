"""What the UI tells of an asset before it is made: its columns, what makes it, whose it is, where it is shown."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlencode

import dagster as dg

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.pipeline import Step
from arena_assets.tables import Table

# Where `arena ui` serves the dashboard; another place is told by ARENA_DASHBOARD_URL.
_DASHBOARD = "http://127.0.0.1:8501"
# The dashboard's page that shows a table; the first page has no path.
_PAGES = {
    pipeline.RESPONSES.name: "responses",
    pipeline.LOGPROBS.name: "weights",
    pipeline.JUDGE_SCORES.name: "judge",
    pipeline.ORACLE_LABELS.name: "judge",
    pipeline.RESULTS.name: "estimators",
    pipeline.GRID.name: "ablations",
}


def described(experiment: Experiment, step: Step) -> dict[str, Any]:
    """What `dg.asset` takes of all this."""
    return {
        "kinds": _kinds(experiment, step),
        "owners": [f"team:{_owner(step)}"],
        "metadata": schema(step.table) | {"dashboard": dashboard(experiment, step)},
    }


def schema(table: Table | None) -> dict[str, dg.TableSchema]:
    """The contract of a table as the UI's column schema: types, meanings with units, ranges."""
    if table is None:
        return {}
    columns = []
    for column in table.columns:
        bounds = ((column.minimum, "at least"), (column.maximum, "at most"))
        columns.append(
            dg.TableColumn(
                column.name,
                str(column.type),
                column.meaning,
                dg.TableColumnConstraints(
                    nullable=column.nullable,
                    unique=table.key == (column.name,),
                    other=[f"{words} {bound:g}" for bound, words in bounds if bound is not None],
                ),
            )
        )
    key = dg.TableConstraints([f"one row for each {', '.join(table.key)}"])
    return {"dagster/column_schema": dg.TableSchema(columns, key)}


def dashboard(experiment: Experiment, step: Step) -> dg.UrlMetadataValue:
    """The dashboard's page of an asset, for this experiment."""
    base = os.environ.get("ARENA_DASHBOARD_URL") or _DASHBOARD
    question = urlencode({"experiment": experiment.name})
    return dg.MetadataValue.url(f"{base.rstrip('/')}/{_PAGES.get(step.name, '')}?{question}")


def _kinds(experiment: Experiment, step: Step) -> set[str]:
    if step.files:
        return {"html"} if step.name == pipeline.SUMMARY.name else {"file"}
    made_by = {"llamacpp"} if experiment.runs_llama(step) and experiment.origin == "generated" else set()
    scorer = {pipeline.JUDGE_SCORES.name: experiment.judge, pipeline.ORACLE_LABELS.name: experiment.oracle}.get(
        step.name
    )
    asked = {"openai"} if scorer is not None and scorer.kind == "openai" else set()
    return {"parquet"} | made_by | asked


def _owner(step: Step) -> str:
    """Which part of the project answers for it."""
    if step.exact:
        return "engine"
    if step.scorer is not None:
        return "judging"
    if step.files:
        return "reporting"
    return "estimation" if step.rests_on_batches else "corpus"

"""Making a batch anew whose journal holds what its checks refuse: else it would be refused for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dagster as dg

from arena_assets.config import Experiment
from arena_assets.pipeline import Step

REDO = "redo"


def redo_schema() -> dict[str, dg.Field]:
    """The configuration of an asset whose items a journal keeps, as the launchpad shows it."""
    text = "Make every item again, also those that the journal holds; answers of an API are asked and paid for again."
    return {REDO: dg.Field(bool, default_value=False, is_required=False, description=text)}


def redo_config(experiment: Experiment, steps: Iterable[Step]) -> dict[str, Any]:
    """The configuration of a run in which these steps are made again."""
    return {"ops": {f"{experiment.name}__{step.name}": {"config": {REDO: True}} for step in steps}}


def remedy(experiment: Experiment, step: Step, partition: str | None) -> str:
    """What to do where a table is refused, as the end of the sentence that says so; empty where nothing is journalled.

    Run again as it is, the step takes the very items that are refused from its journal.
    """
    if partition is None or not experiment.journals(step):
        return ""
    price = "; answers of an API are paid for again" if step.paid else ""
    return (
        f". Mend the cause, then make its items anew: `arena run {experiment.name} --partition {partition} "
        f"--redo {step.name}`, or `redo: true` in the launchpad{price}"
    )

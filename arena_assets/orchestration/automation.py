"""The analysis follows the batches: when one has landed or been refused, and none is running any more.

Off until somebody switches the experiment's sensor on in the UI.
"""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

import dagster as dg
from dagster import AutomationCondition

from arena_assets.config import Experiment
from arena_assets.orchestration.run_labels import EXPERIMENT
from arena_assets.pipeline import Step


def condition(experiment: Experiment, step: Step) -> AutomationCondition[Any] | None:
    """When a step that rests on all batches is made by itself; None for any other step.

    What has happened is remembered until the step is requested: it may have happened while a batch was running. A batch
    that failed counts, since its older file, if it had one, must leave the analysis.
    """
    if not step.rests_on_batches or step.on_request:
        return None
    happened = AutomationCondition.any_deps_updated() | AutomationCondition.any_deps_match(
        AutomationCondition.execution_failed().newly_true()
    )
    handled = AutomationCondition.newly_requested() | AutomationCondition.newly_updated()
    idle = ~AutomationCondition.in_progress() & ~AutomationCondition.any_deps_in_progress()
    something = [
        AutomationCondition.any_deps_match(~AutomationCondition.missing()).allow(
            dg.AssetSelection.assets(dg.AssetKey([experiment.name, near.name]))
        )
        for near in experiment.upstream(step)
        if near.partitioned
    ]
    return reduce(and_, something, happened.since(handled) & idle)


def follower(experiment: Experiment) -> dg.AutomationConditionSensorDefinition:
    """The switch in the UI."""
    steps = [step for step in experiment.steps if condition(experiment, step) is not None]
    return dg.AutomationConditionSensorDefinition(
        f"{experiment.name}_analysis_follows",
        target=dg.AssetSelection.assets(*(dg.AssetKey([experiment.name, step.name]) for step in steps)),
        description="Analyses anew, and writes the report, when batches have landed or failed and none is running.",
        run_tags={EXPERIMENT: experiment.name},
    )

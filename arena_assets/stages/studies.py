"""The studies of the methods: the paper's grid on the experiment's data, and the simulation with known truth."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.errors import InfeasibleError
from arena_assets.estimation import EstimationError, EvaluationData, ablation_grid, estimator_simulation
from arena_assets.progress import Progress, silent
from arena_assets.stages.analysis import ablation_spec
from arena_assets.stages.collecting import as_data
from arena_assets.stages.stage import Made, Work
from arena_assets.tables import ABLATION_GRID, ESTIMATOR_SIMULATION

# Monte Carlo error of a coverage of .95 with so many: 1.5 points.
REPLICATIONS = 200
PROCESSES = 2


def grid_of(work: Work) -> Made:
    """The step `ablation_grid` of the pipeline."""
    assert work.collected is not None
    data = as_data(work.experiment, work.collected.tables)
    table, left_out = grid(work.experiment, data, work.progress)
    return Made(table, shown={"rests on": work.collected.summary, "left out of the design": list(left_out)})


def grid(
    experiment: Experiment, data: EvaluationData, progress: Progress = silent
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The `ablation_grid` table, and what of the design the data cannot give.

    Raises:
        InfeasibleError: nothing of the design can be run on this data.
    """
    spec = ablation_spec(experiment)
    try:
        result = ablation_grid(data, spec, seed=experiment.seed, level=experiment.analysis.level, progress=progress)
    except EstimationError as error:
        raise InfeasibleError(
            f"the grid of ablations/{experiment.analysis.ablation}.yaml cannot be run: {error}"
        ) from error
    keys = list(ABLATION_GRID.key)
    return result.summary[list(ABLATION_GRID.names)].sort_values(keys, ignore_index=True), result.left_out


def simulate(progress: Progress = silent, replications: int = REPLICATIONS) -> pd.DataFrame:
    """The `estimator_simulation` table, made in two processes; it depends on no experiment."""
    # Not forked: whoever calls this has threads of its own.
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        cells = estimator_simulation(replications=replications, progress=progress, runner=pool.map)
    return cells.sort_values(list(ESTIMATOR_SIMULATION.key), ignore_index=True)

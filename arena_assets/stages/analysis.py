"""The analysis: every method's estimate of every policy, and what is known of weights, calibration and truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment, config_folder, load_yaml, made_with, settings_note
from arena_assets.errors import ConfigError, RefusedError
from arena_assets.estimation import AblationSpec, EstimationError, EvaluationData, complete_analysis
from arena_assets.stages.origin import origin_of
from arena_assets.storage import Store
from arena_assets.tables import ABLATION_RESULTS, TABLES


@dataclass(frozen=True, eq=False)
class Analysis:
    """`ablation_results`, and the tables beside it by name."""

    results: pd.DataFrame
    beside: Mapping[str, pd.DataFrame]

    @property
    def identity(self) -> str:
        """Digest of the results without their timing: all tables of one analysis bear it in their notes."""
        rows = pd.util.hash_pandas_object(self.results.drop(columns=list(ABLATION_RESULTS.timing)), index=False)
        return hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()[:24]


def ablation_spec(experiment: Experiment) -> AblationSpec:
    """The method configuration that the experiment names.

    Raises:
        ConfigError: the file is missing, or names an unknown estimator, calibration or key.
    """
    path = config_folder() / "ablations" / f"{experiment.analysis.ablation}.yaml"
    try:
        return AblationSpec.from_mapping(load_yaml(path))
    except EstimationError as error:
        raise ConfigError(f"ablations/{path.name}: {error}") from error


def analyse(experiment: Experiment, data: EvaluationData, clock: Callable[[], float]) -> Analysis:
    """The `ablation_results` table and all tables beside it.

    Raises:
        RefusedError: the data allow no analysis; the text says why.
    """
    methods = origin_of(experiment).methods(data, ablation_spec(experiment).chosen)
    level, seed = experiment.analysis.level, experiment.seed
    try:
        tables = complete_analysis(data, methods=methods, level=level, seed=seed, clock=clock)
    except EstimationError as error:
        raise RefusedError(f"{experiment.name} cannot be analysed: {error}") from error
    ordered = {name: table.sort_values(list(TABLES[name].key), ignore_index=True) for name, table in tables.items()}
    return Analysis(ordered.pop(ABLATION_RESULTS.name), ordered)


def stated_of(experiment: Experiment, analysis: Analysis) -> dict[str, str]:
    """What the results' file says of their making: which analysis they are of, and the settings that made them."""
    return {"analysis": analysis.identity, **settings_note(experiment)}


def write_beside(experiment: Experiment, store: Store, analysis: Analysis, **notes: str) -> None:
    """Write every table but `ablation_results`, which follows last: where that is, all are."""
    stated = made_with(experiment, ABLATION_RESULTS.name) | {**stated_of(experiment, analysis), **notes}
    for name in pipeline.RESULTS.beside:
        store.write(name, analysis.beside[name], **stated)


def write_analysis(experiment: Experiment, store: Store, analysis: Analysis, **notes: str) -> None:
    """Write all tables of an analysis, `ablation_results` last."""
    write_beside(experiment, store, analysis, **notes)
    name = ABLATION_RESULTS.name
    stated = made_with(experiment, name) | {**stated_of(experiment, analysis), **notes}
    store.write(name, analysis.results, **stated)

"""The code location: every experiment of `configs/` side by side, a broken file as one asset that shows why."""

import os

import dagster as dg

from arena_assets.config import experiment_names, load_experiment
from arena_assets.errors import ConfigError
from arena_assets.ids import content_key
from arena_assets.orchestration.graph import common_definitions, experiment_definitions
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports


def build_definitions(names: list[str] | None = None) -> dg.Definitions:
    """Definitions of the named experiments; None: ARENA_CONFIG, or every one of `configs/`."""
    if names is None:
        chosen = os.environ.get("ARENA_CONFIG")
        names = [chosen] if chosen else experiment_names()
    resources = {"storage": ArenaStorage(), "models": LocalModels(), "progress": ProgressReports()}
    # One process a run, so a model is loaded once for all assets of a partition.
    how = dg.Definitions(resources=resources, executor=dg.in_process_executor)
    return dg.Definitions.merge(how, common_definitions(), *map(_of_experiment, names))


def _of_experiment(name: str) -> dg.Definitions:
    try:
        return experiment_definitions(load_experiment(name))
    except ConfigError as error:
        return dg.Definitions(assets=[_broken(name, error)])


def _broken(name: str, error: ConfigError) -> dg.AssetsDefinition:
    """In the place of an experiment whose file is broken: the others stay, and the UI says what is wrong."""
    # The file's name may hold what Dagster takes in no name, such as a blank; an asset key may.
    group = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    shown = dg.AssetOut(
        key=dg.AssetKey([name, "configuration_error"]),
        group_name=group,
        description=f"**{name}.yaml cannot be used.** {error}\n\nCorrect the file, then choose *Reload definitions*.",
    )

    @dg.multi_asset(name=f"configuration_error_{content_key(name=name)}", outs={"configuration_error": shown})
    def configuration_error() -> None:
        raise dg.Failure(str(error), metadata={"file": f"{name}.yaml", "problem": str(error)}, allow_retries=False)

    return configuration_error


defs = build_definitions()

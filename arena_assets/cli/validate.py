"""`arena validate`: whether the files of `configs/` can be run, as a check of a repository's changes asks."""

from __future__ import annotations

import sys

from arena_assets.config import config_folder, experiment_names, load_experiment
from arena_assets.errors import ConfigError
from arena_assets.stages.analysis import ablation_spec


def validate(name: str | None) -> int:
    """Say of one experiment's file, or of each, what is wrong with it; 1 where something is.

    Nothing is fetched or opened but the files that the configuration consists of.

    Raises:
        ConfigError: there is no experiment.
    """
    names = [name] if name else experiment_names()
    if not names:
        raise ConfigError(f"there is no experiment in {config_folder()}; `arena new` cannot begin from none")
    broken = 0
    for one in names:
        try:
            experiment = load_experiment(one)
            methods = len(ablation_spec(experiment).chosen)
        except ConfigError as error:
            broken += 1
            print(f"error: {error}", file=sys.stderr)
            continue
        print(
            f"{one}: {experiment.prompts} prompts in {len(experiment.partitions)} batches, "
            f"{len(experiment.policies)} policies, {methods} methods"
        )
    return 1 if broken else 0

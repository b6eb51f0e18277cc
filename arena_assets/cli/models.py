"""`arena fetch-model`."""

from __future__ import annotations

from arena_assets.config import ModelConfig, experiment_names, load_experiment
from arena_assets.errors import ConfigError, ModelError
from arena_assets.llama.files import fetch_model


def fetch(name: str) -> int:
    """Fetch the model of that name from wherever the experiments' configuration says."""
    known = configured_models()
    if name not in known:
        raise ModelError(f"no experiment names a model {name!r}; there are: {', '.join(sorted(known))}")
    fetch_model(name, known[name], print)
    return 0


def configured_models() -> dict[str, ModelConfig]:
    """The models of all experiments that validate, by name."""
    models: dict[str, ModelConfig] = {}
    for experiment in experiment_names():
        try:
            models |= load_experiment(experiment).models
        except ConfigError:
            continue  # a broken file says so where it is used; it must not keep another's model from being fetched
    return models

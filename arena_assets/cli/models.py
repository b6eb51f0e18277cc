"""`arena fetch-model`."""

from __future__ import annotations

from arena_assets.config import ModelConfig, experiment_names, load_experiment
from arena_assets.errors import ConfigError, ModelError
from arena_assets.llama.expansion import weights_file
from arena_assets.llama.files import fetch_model


def fetch(name: str) -> int:
    """Fetch every model of that name from where the configuration says, and expand its weights if it asks for that."""
    known = configured_models()
    if name not in known:
        raise ModelError(f"no experiment names a model {name!r}; there are: {', '.join(sorted(known))}")
    for config in known[name]:
        fetch_model(name, config, print)
        weights_file(name, config, print)
    return 0


def configured_models() -> dict[str, list[ModelConfig]]:
    """The models of all experiments that validate, by name: two experiments may mean two models by one name."""
    models: dict[str, list[ModelConfig]] = {}
    for experiment in experiment_names():
        try:
            own = load_experiment(experiment).models
        except ConfigError:
            continue  # a broken file says so where it is used; it must not keep another's model from being fetched
        for name, config in own.items():
            if config.has_file and config not in models.setdefault(name, []):
                models[name].append(config)
    return models

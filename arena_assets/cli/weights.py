"""What `arena run --dry-run` says of the kinds of weights: what each costs and gives on this machine."""

from __future__ import annotations

from arena_assets.config import Experiment
from arena_assets.errors import ModelError
from arena_assets.llama.files import model_path
from arena_assets.llama.kinds import Choice, choices, fastest

AS_IT_IS = "as in the file"


def describe(experiment: Experiment) -> list[str]:
    """A line a model that policies use, measured in seconds; none where a GPU computes, since it was not asked."""
    if experiment.engine.n_gpu_layers:
        return []
    return [_line(experiment, name) for name in experiment.model_files]


def _line(experiment: Experiment, name: str) -> str:
    config = experiment.models[name]
    try:
        found = choices(model_path(name, config), experiment.engine.threads)
    except ModelError as error:
        return f"{name}: unknown, {error}"
    best = fastest(found)
    said = "; ".join(_words(choice, chosen=choice.weights == config.weights) for choice in found)
    advice = "" if best is None else f"; the fastest that fits: {best.weights or AS_IT_IS}"
    return f"{name}: {said}{advice}. Speeds are bounds, from products alone; another kind is another model"


def _words(choice: Choice, *, chosen: bool) -> str:
    speed = "speed unknown" if choice.speed is None else f"{choice.speed:,.0f} tokens/s"
    fits = "" if choice.fits else ", more than is free"
    configured = " (configured)" if chosen else ""
    return f"{choice.weights or AS_IT_IS}{configured} {choice.size / 1e9:.1f} GB{fits}, {speed}"

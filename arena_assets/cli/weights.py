"""What `arena run --dry-run` says of the kinds of weights: what each costs and gives on this machine."""

from __future__ import annotations

from arena_assets.config import Experiment
from arena_assets.errors import ModelError
from arena_assets.llama.files import model_path
from arena_assets.llama.kinds import Choice, choices, fastest

AS_IT_IS = "as in the file"


def describe(experiment: Experiment) -> list[str]:
    """Lines on each model that policies use, measured in seconds; none where a GPU computes, since it was not asked."""
    if experiment.engine.n_gpu_layers:
        return []
    return [line for name in experiment.model_files for line in _lines(experiment, name)]


def _lines(experiment: Experiment, name: str) -> list[str]:
    config = experiment.models[name]
    try:
        found = choices(model_path(name, config), experiment.engine.threads)
    except ModelError as error:
        return [f"{name}: unknown, {error}"]
    best = fastest(found)
    advice = "" if best is None else f"the fastest that fits is {best.weights or AS_IT_IS}; "
    return [
        f"{name}: {advice}another kind is another model, so nothing switches by itself",
        *(_words(choice, chosen=choice.weights == config.weights) for choice in found),
    ]


def _words(choice: Choice, *, chosen: bool) -> str:
    """The speed is a bound: the engine has attention and sampling to do besides."""
    speed = "speed unknown" if choice.speed is None else f"below {choice.speed:,.0f} tokens/s"
    notes = ", more than is free" * (not choice.fits) + ", configured" * chosen
    return f"  {choice.weights or AS_IT_IS:<16}{choice.size / 1e9:5.1f} GB  {speed}{notes}"

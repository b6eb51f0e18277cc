"""Which experiments there are, what each is configured to be, and which policies it has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from arena_assets.config import Experiment, experiment_names, load_experiment
from arena_assets.errors import ArenaError, ConfigError
from arena_assets.storage import METHODS, Store, data_folder


@dataclass(frozen=True, eq=False)
class Chosen:
    """An experiment as the pages see it: its tables, and its configuration or the reason why there is none."""

    name: str
    store: Store
    experiment: Experiment | None
    reason: str | None


@dataclass(frozen=True)
class Roles:
    """P0 and the targets, in the configuration's order."""

    logging: str
    targets: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (self.logging, *self.targets)


def names() -> list[str]:
    """Experiments with a configuration first, then data that has none (its file was renamed or removed)."""
    configured = experiment_names()
    return configured + [name for name in _data_folders() if name not in configured]


def choose(name: str) -> Chosen:
    """Open an experiment; a configuration that does not validate costs its reason, not the data."""
    try:
        experiment = load_experiment(name)
    except ConfigError as error:
        return Chosen(name, Store.of(name), None, str(error))
    try:
        return Chosen(name, Store.of(experiment), experiment, None)
    except (ArenaError, ImportError, ValueError) as error:
        return Chosen(name, Store.of(name), experiment, f"its storage {experiment.storage} cannot be opened: {error}")


def has_data(name: str) -> bool:
    """Whether anything of the experiment lies in the default data folder."""
    return (Path(data_folder()) / name).is_dir()


def roles(chosen: Chosen, policies: list[str], estimated: list[str]) -> Roles:
    """From the configuration; without one, the targets are what `ablation_results` or the weights name."""
    if chosen.experiment is not None:
        return Roles(chosen.experiment.logging_policy.name, chosen.experiment.target_names)
    targets = tuple(sorted(set(estimated)))
    others = sorted(set(policies) - set(targets))
    return Roles(others[0] if others else "P0", targets or tuple(others[1:]))


def _data_folders() -> list[str]:
    folder = Path(data_folder())
    if not folder.is_dir():
        return []
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "." and path.name != METHODS
    )

"""Which experiments there are, what each is configured to be, and which policies it has."""

from __future__ import annotations

from dataclasses import dataclass

from arena_assets.config import Experiment, experiment_names, load_experiment
from arena_assets.errors import ArenaError, ConfigError
from arena_assets.storage import METHODS, Store


@dataclass(frozen=True, eq=False)
class Chosen:
    """An experiment as the pages see it: its tables, and its configuration or the reason why there is none."""

    name: str
    store: Store
    experiment: Experiment | None
    reason: str | None


@dataclass(frozen=True)
class Roles:
    """P0 and the targets, in the configuration's order.

    clones: the targets that are P0 under another name. thinking: policies of which only what they say is judged.
    """

    logging: str
    targets: tuple[str, ...]
    clones: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()

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
    """Whether anything of the experiment lies where it keeps its data."""
    try:
        return bool(choose(name).store.root.exists())
    except (ArenaError, OSError):
        return False


def roles_in(policies: list[str], estimated: list[str]) -> Roles:
    """Without a configuration, the targets are what `ablation_results` or the weights name."""
    targets = tuple(sorted(set(estimated)))
    others = sorted(set(policies) - set(targets))
    named = targets or tuple(others[1:])
    return Roles(others[0] if others else "P0", named, tuple(name for name in named if name == "pi_clone"))


def _data_folders() -> list[str]:
    """Names of what lies beside the studies of the methods: in ARENA_STORAGE, or the default data folder."""
    try:
        folder = Store.of(METHODS).root.parent
        found = [path.name for path in folder.iterdir() if path.is_dir()]
    except (ArenaError, ImportError, ValueError, OSError):
        return []  # nothing was materialised yet, or the storage cannot be opened, which each experiment's page says
    return sorted(name for name in found if name[0] != "." and name != METHODS)

"""`arena adopt`: the data of a renamed experiment under its new name."""

from __future__ import annotations

from arena_assets.config import experiment_names, load_experiment
from arena_assets.errors import ConfigError
from arena_assets.storage import Store
from arena_assets.storage.adopting import adopt, without_experiment


def take_over(old: str, new: str) -> int:
    """Take over the data of `old`, which has no configuration any more, into the experiment `new`.

    Raises:
        ConfigError: `old` is an experiment still, or has no data. StorageError: both have data that differ.
    """
    if old in experiment_names():
        raise ConfigError(
            f"configs/{old}.yaml is there, so {old} keeps its data; rename or remove that file first, or copy the data"
        )
    store = Store.of(load_experiment(new))
    orphans = without_experiment()
    if old not in orphans:
        there = f"there are data without an experiment of: {', '.join(orphans)}" if orphans else "no data lack one"
        raise ConfigError(f"there are no data of {old!r}; {there}")
    files = adopt(orphans[old], store)
    print(f"took over {files} files of {old} into {store.root}; `arena status {new}` says how far it is")
    return 0

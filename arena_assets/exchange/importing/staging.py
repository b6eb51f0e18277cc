"""An import becomes an experiment: its tables lie whole beside the experiment's own, its file states what is known."""

from __future__ import annotations

import json

import yaml
from upath import UPath

from arena_assets import pipeline
from arena_assets.config import Experiment, ImportedCorpus, config_folder, experiment_of, load_experiment
from arena_assets.errors import ConfigError, ExchangeError
from arena_assets.exchange.importing.names import safe_name
from arena_assets.exchange.importing.reading import Imported
from arena_assets.stages.imported import staging
from arena_assets.storage import Store, write_bytes


def stage(imported: Imported, name: str, *, batch_size: int = 1000, replace: bool = False) -> Experiment:
    """Keep the imported tables below the experiment's storage and write its `configs/<name>.yaml`.

    Raises:
        ExchangeError: no experiment can have that name or be of these data, or one of that name is there and is not
            this very import.
    """
    require_name(name)
    path = config_folder() / f"{name}.yaml"
    if path.exists():
        there = load_experiment(name)
        before = there.corpus.digest if isinstance(there.corpus, ImportedCorpus) else None
        if before is None or (before != imported.digest and not replace):
            what = "an experiment of its own" if before is None else "other data; --replace imports these instead"
            raise ExchangeError(f"{path.name} is there and holds {what}; choose another name with --experiment")
    document = _document(imported, batch_size)
    try:
        experiment = experiment_of(document | {"name": name}, path.name)
    except ConfigError as error:
        raise ExchangeError(f"no experiment can be made of the import, nothing was kept: {error}") from error
    store = staging(Store.of(experiment))
    for asset, table in imported.tables.items():
        store.write(asset, table, fingerprint=imported.digest)
    report = {
        "format": imported.form,
        "files": list(imported.files),
        "digest": imported.digest,
        "notes": list(imported.notes),
        "n_skipped": imported.n_skipped,
        "skipped": list(imported.skipped),
    }
    write_bytes(store.root / "import.json", json.dumps(report, ensure_ascii=False, indent=1).encode())
    # The file last: an import that is interrupted before it leaves no experiment that lacks its data.
    header = f"# Written by `arena import`: {', '.join(imported.files)} ({imported.form}).\n"
    text = header + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    write_bytes(UPath(str(path)), text.encode())
    return load_experiment(name)


def require_name(name: str) -> None:
    """Raise where no experiment can be called so; asked before an import is read.

    Raises:
        ExchangeError: with a name that can be taken instead.
    """
    possible = safe_name(name, "experiment")
    if name != possible:
        raise ExchangeError(
            f"{name!r} is no name of an experiment: it takes letters, digits and underscores, a letter first, at most "
            f"63.\n  Name it {possible}: --experiment {possible}"
        )


def _document(imported: Imported, batch_size: int) -> dict[str, object]:
    targets = [{"name": name, **({"clone": True} if name in imported.clones else {})} for name in imported.targets]
    return {
        "description": f"Imported from {', '.join(imported.files)} ({imported.form}).",
        "seed": 0,
        "corpus": {"source": "imported", "digest": imported.digest},
        "prompts": len(imported.tables[pipeline.CORPUS.name]),
        "batch_size": batch_size,
        "logging_policy": {"name": imported.logging},
        "target_policies": targets,
    }

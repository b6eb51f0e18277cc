"""`arena import`: another tool's data become an experiment that needs no model and no key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from upath import UPath

from arena_assets import pipeline
from arena_assets.config import Experiment, ImportedCorpus, config_folder, load_experiment
from arena_assets.errors import ExchangeError
from arena_assets.exchange.assemble import collect, renamed, tables
from arena_assets.exchange.defects import Defects
from arena_assets.exchange.sources import find_files, format_named, read_answers
from arena_assets.stages.imported import staging
from arena_assets.storage import Store, write_bytes

# A target of one of these names is taken for a second P0; others are named by `--clone`.
CLONE_NAMES = ("clone", "pi_clone")
_SHOWN = 40


@dataclass(frozen=True)
class Imported:
    """What was read: the tables, the policies by their names here, and everything that should be known of it."""

    tables: dict[str, pd.DataFrame]
    form: str
    files: tuple[str, ...]
    digest: str
    logging: str
    targets: tuple[str, ...]
    clones: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


def read_import(
    path: Path,
    *,
    form: str = "auto",
    logging_policy: str | None = None,
    clones: tuple[str, ...] = (),
    skip_defective: bool = False,
) -> Imported:
    """Read a data set whole.

    Raises:
        ExchangeError: there is nothing to import, or lines are defective; the text names each file and line. With
            `skip_defective` such lines are left out and told in `skipped`.
    """
    defects = Defects()
    answers = read_answers(find_files(path), format_named(form), defects)
    found = collect(answers, defects, logging_policy)
    if defects and not skip_defective:
        texts = defects.texts()
        more = [f"and {len(texts) - _SHOWN} more faults"] if len(texts) > _SHOWN else []
        raise ExchangeError(
            f"{defects.count} lines are defective, nothing was imported (--skip-defective leaves them out):\n  "
            + "\n  ".join([*texts[:_SHOWN], *more])
        )
    if not found.logged:
        raise ExchangeError(f"{path} holds no logged row that can be used")
    if not found.targets:
        raise ExchangeError(f"{path} names no target policy: {answers.form.targets} is empty in every row")
    try:
        names = renamed([found.logging, *found.targets])
    except ValueError as error:
        raise ExchangeError(str(error)) from error
    unknown = [name for name in clones if name not in found.targets]
    if unknown:
        raise ExchangeError(f"--clone {', '.join(unknown)}: the targets are {', '.join(found.targets)}")
    notes = found.notes + [f"the policy {old} is called {new} here" for old, new in names.items() if old != new]
    return Imported(
        tables(found, names),
        answers.form.name,
        tuple(answers.files),
        answers.digest,
        names[found.logging],
        tuple(names[name] for name in found.targets),
        tuple(names[name] for name in found.targets if name in clones or name in CLONE_NAMES),
        tuple(notes),
        tuple(defects.texts()),
    )


def stage(imported: Imported, name: str, *, batch_size: int = 1000, replace: bool = False) -> Experiment:
    """Keep the imported tables below the experiment's storage and write its `configs/<name>.yaml`.

    Raises:
        ExchangeError: an experiment of that name is there, and is not this very import.
    """
    path = config_folder() / f"{name}.yaml"
    if path.exists():
        there = load_experiment(name)
        before = there.corpus.digest if isinstance(there.corpus, ImportedCorpus) else None
        if before is None or (before != imported.digest and not replace):
            what = "an experiment of its own" if before is None else "other data; --replace imports these instead"
            raise ExchangeError(f"{path.name} is there and holds {what}; choose another name with --experiment")
    document = _document(imported, batch_size)
    experiment = Experiment.model_validate(document | {"name": name})
    store = staging(Store.of(experiment))
    for asset, table in imported.tables.items():
        store.write(asset, table, fingerprint=imported.digest)
    report = {
        "format": imported.form,
        "files": list(imported.files),
        "digest": imported.digest,
        "notes": list(imported.notes),
        "skipped": list(imported.skipped),
    }
    write_bytes(store.root / "import.json", json.dumps(report, ensure_ascii=False, indent=1).encode())
    # The file last: an import that is interrupted before it leaves no experiment that lacks its data.
    header = f"# Written by `arena import`: {', '.join(imported.files)} ({imported.form}).\n"
    text = header + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    write_bytes(UPath(str(path)), text.encode())
    return load_experiment(name)


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

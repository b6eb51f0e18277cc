"""Data of an experiment that has no configuration any more: found, and taken over under another name."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

from upath import UPath

from arena_assets.config import experiment_names, load_experiment
from arena_assets.errors import ConfigError, StorageError
from arena_assets.storage.atomic import is_local, write_bytes
from arena_assets.storage.durable import sync_folder
from arena_assets.storage.places import data_folder
from arena_assets.storage.store import METHODS, Store
from arena_assets.tables import TABLES

_JOURNALS = "journal"


def without_experiment() -> dict[str, Store]:
    """The stores that hold data of an experiment without a configuration, by its former name.

    Looked for where data of experiments lie: below `data_folder()`, and beside the data of those with another place.
    """
    names, bases = experiment_names(), {data_folder()}
    for name in names:
        try:
            bases.add(str(Store.of(load_experiment(name)).root.parent))
        except ConfigError:
            continue  # a broken file says so where it is used
    found: dict[str, Store] = {}
    for base in sorted(bases):
        for folder in _folders(Store(base).root):
            if folder.name not in (*names, METHODS, *found) and _holds_data(folder):
                found[folder.name] = Store(str(folder))
    return found


def adopt(old: Store, new: Store) -> int:
    """Take over every table, finding and journal of `old` into `new`; returns the number of files.

    Where nothing lies in `new` and both are on one disk, in one step. Else file by file, each whole or not at all, and
    nothing leaves `old` before all is in `new`: interrupted, it is done again, to the same end. Journals never
    conflict, since they are read as one: what `new` has of its own stays, and that of `old` lies beside it.

    Raises:
        StorageError: both have a table of one name that differs, and nothing was touched; or storage fails, and a new
            try goes on.
    """
    try:
        files = sorted(_files(old.root), key=lambda path: (not _is_journal(path, old), str(path)))
        if _renamed(old, new):
            return len(files)
        wanted = {path: target for path in files if (target := _target(path, old, new)) is not None}
        conflicts = [path for path, target in wanted.items() if target.exists()]
        if conflicts:
            shown = ", ".join(str(path.relative_to(old.root)) for path in conflicts[:3])
            raise StorageError(
                f"{new.root} has {len(conflicts)} files of its own that differ from those of {old.root} ({shown}); "
                "nothing was taken over. Remove the data of one of them with `arena clean` first"
            )
        for path, target in wanted.items():
            write_bytes(target, path.read_bytes())
        old.remove()
    except OSError as error:
        raise StorageError(
            f"{old.root} cannot be taken over by {new.root}: {error}; nothing is lost, run the command again"
        ) from error
    return len(files)


def _renamed(old: Store, new: Store) -> bool:
    """Whether the folder could simply be given its new name."""
    if not (is_local(old.root) and is_local(new.root)) or new.root.exists():
        return False
    target = Path(new.root.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        Path(old.root.path).rename(target)
    except OSError as error:
        if error.errno == errno.EXDEV:  # on another disk
            return False
        raise
    sync_folder(target.parent)
    return True


def _target(path: UPath, old: Store, new: Store) -> UPath | None:
    """Where a file of `old` belongs in `new`; None where it is there already, by an earlier try."""
    inner = path.relative_to(old.root)
    target = new.root / str(inner)
    if not _is_journal(path, old):
        return None if target.exists() and target.read_bytes() == path.read_bytes() else target
    # Whatever was appended since, the items are there; another writer's file of one name is none of these.
    beside = new.root / _JOURNALS / inner.parts[1] / f"{old.root.name}-{'-'.join(inner.parts[2:-1])}" / inner.name
    data = path.read_bytes()
    for one in (target, beside):
        if not one.exists():
            return one
        if one.read_bytes().startswith(data):
            return None
    raise StorageError(f"{beside} holds another journal; nothing was taken over")


def _is_journal(path: UPath, store: Store) -> bool:
    inner = path.relative_to(store.root)
    return len(inner.parts) > 3 and inner.parts[0] == _JOURNALS and path.name.endswith(".jsonl")


def _files(folder: UPath) -> Iterator[UPath]:
    """Every file below a folder but what a writer that died left half written."""
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".tmp"))


def _folders(base: UPath) -> list[UPath]:
    try:
        return sorted(path for path in base.iterdir() if path.is_dir()) if base.exists() else []
    except OSError as error:
        raise StorageError(f"{base} cannot be listed: {error}") from error


def _holds_data(folder: UPath) -> bool:
    """Whether anything lies there that an experiment would have left: somebody else's folder is none of ours."""
    try:
        names = {path.name.removesuffix(".parquet") for path in folder.iterdir()}
    except PermissionError:
        return False  # `lost+found`, say, where the data are on a disk of their own
    return bool(names & {*TABLES, _JOURNALS})

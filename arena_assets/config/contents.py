"""What the files that the user names hold: which files they are, and a digest of their bytes."""

from __future__ import annotations

import glob
import hashlib
import json
import time
from pathlib import Path

from arena_assets.config.base import in_project, project_root
from arena_assets.errors import ConfigError

DATA_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
# What tools write beside the shards of a data set.
_BESIDE = frozenset({"dataset_info.json", "dataset_infos.json", "state.json", "config.json"})
# Hashing this much takes less time than to look up what was hashed before.
_SMALL = 16 * 2**20
# A file that was changed this recently may change again within the same tick of its clock.
SETTLED_S = 2.0


def named_files(path: str) -> tuple[Path, ...]:
    """The files that a path names, in order: itself, the data files of a folder, or what its pattern matches.

    Relative to the project's folder; `~` is the home. Empty where nothing is there.

    Raises:
        ConfigError: `~name` of a user whom this machine does not know.
    """
    place = in_project(path)
    if place.is_file():
        return (place,)
    if place.is_dir():
        found = (one for one in place.rglob("*") if is_data_file(one.relative_to(place)) and one.is_file())
    else:
        # Path.glob takes no absolute pattern; `root_dir` keeps a bracket in the project's own path from being one.
        root = project_root()
        matched = glob.glob(str(Path(path).expanduser()), root_dir=root, recursive=True)  # noqa: PTH207
        found = (root / one for one in matched if (root / one).is_file())
    return tuple(sorted(found))


def content_digest(path: str) -> str | None:
    """Digest of one file's bytes, relative to the project's folder; None where it cannot be read.

    Whoever needs the file says that it is missing; a fingerprint must not.
    """
    try:
        return sha256_of(in_project(path))
    except (OSError, ConfigError):
        return None


def files_digest(path: str) -> str | None:
    """Digest of the bytes of the files that a path names, in their order; None where none is there to be read.

    Names are no part of it.
    """
    try:
        digests = [_file_digest(file) for file in named_files(path)]
    except (OSError, ConfigError):
        return None
    return hashlib.sha256(" ".join(digests).encode()).hexdigest() if digests else None


def data_suffix(path: Path) -> str:
    """The suffix that tells what a file holds, that of its packing left out: `.csv` of `rows.csv.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def is_data_file(path: Path) -> bool:
    """Whether a file of a folder holds rows, by its name within the folder; no hidden one, none that describes it."""
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.name not in _BESIDE and data_suffix(path) in DATA_SUFFIXES


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, read now.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_digest(path: Path) -> str:
    """Digest of a file; that of a large one is remembered on disk, since every command asks for it anew.

    It counts while size, both times and inode are the same: a copy that keeps the time of change has another inode or
    another time of its status. Memory would not do: each command and each run of Dagster is a process of its own.
    """
    stat = path.stat()
    if stat.st_size <= _SMALL:
        return sha256_of(path)
    state = [str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    memory = _memory(path)
    try:
        remembered = json.loads(memory.read_text(encoding="utf-8"))
        if remembered["state"] == state:
            return str(remembered["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing is remembered, or nothing that can be read: hash it
    digest = sha256_of(path)
    if time.time() - max(stat.st_mtime, stat.st_ctime) > SETTLED_S:
        _remember(memory, {"state": state, "digest": digest})
    return digest


def _memory(path: Path) -> Path:
    """Not beside the file: in a folder of shards it would be one of them."""
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return project_root() / "dagster_home" / "digests" / f"{name}.json"


def _remember(memory: Path, what: dict[str, object]) -> None:
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(what), encoding="utf-8")
    except OSError:
        pass  # a folder that cannot be written costs time, no more

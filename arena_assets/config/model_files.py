"""A model's file: where it lies, of which parts it is, and the checksum of them all, which is what the model is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from pathlib import Path
from uuid import uuid4

from arena_assets.config.base import in_project, project_root
from arena_assets.config.contents import SETTLED_S, sha256_of
from arena_assets.config.sources import HubModel, ImportedModel, LocalModel, ModelConfig, PackageModel
from arena_assets.errors import ConfigError

_PART = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")


def models_folder() -> Path:
    return project_root() / "models"


def part_names(file: str) -> tuple[str, ...]:
    """The files of a model that is named by one of them, the first first: llama.cpp splits big ones."""
    match = _PART.match(file)
    if match is None or not 1 <= int(match["number"]) <= int(match["count"]):
        return (file,)
    count = match["count"]
    return tuple(f"{match['stem']}-{number:05d}-of-{count}.gguf" for number in range(1, int(count) + 1))


def own_place(config: PackageModel | HubModel | LocalModel) -> Path:
    """Where the model's first part belongs: exporters name every file alike, so each source has its own folder."""
    first = part_names(config.file)[0]
    if isinstance(config, LocalModel):
        return in_project(first)
    named = (config.repo, config.revision) if isinstance(config, HubModel) else (config.package, "")
    source, inner = named[0], str(Path(first).parent)
    digest = hashlib.sha256("\0".join((config.source, *named, inner)).encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9._-]+", "--", source)
    return models_folder() / f"{readable}-{digest}" / Path(first).name


def former_place(config: PackageModel | HubModel | LocalModel) -> Path:
    """Where earlier versions kept it, all in one folder."""
    return own_place(config) if isinstance(config, LocalModel) else models_folder() / Path(config.file).name


def place(config: PackageModel | HubModel | LocalModel) -> Path:
    """Where the model's first part lies, or belongs.

    What an earlier version fetched is used where it lies if it has the stated checksum, which tells whose file it is.
    """
    own, former = own_place(config), former_place(config)
    if not own.is_file() and config.sha256 is not None and former.is_file() and checksum(former) == config.sha256:
        return former
    return own


def parts(first: Path) -> tuple[Path, ...]:
    """Every file of the model whose first part is given."""
    return tuple(first.with_name(name) for name in part_names(first.name))


def known_checksum(config: ModelConfig) -> str | None:
    """The checksum of the model's content, stated or of its file; None where no file is here that can be read.

    Whoever needs the file says that; a fingerprint must not.
    """
    if isinstance(config, ImportedModel):
        return None
    if config.sha256 is not None:
        return config.sha256
    try:
        first = own_place(config)
        return whole_checksum(first) if all(part.is_file() for part in parts(first)) else None
    except (OSError, ConfigError):
        return None


def whole_checksum(first: Path) -> str:
    """SHA-256 of a model's file; of several parts, that of their checksums, one a line.

    Raises:
        OSError: a part cannot be read.
    """
    found = [checksum(part) for part in parts(first)]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(f"{one}\n" for one in found).encode()).hexdigest()


def checksum(path: Path) -> str:
    """SHA-256 of a file, from what is recorded beside it while size and time of change are the same.

    Raises:
        OSError: it cannot be read.
    """
    return recorded(path) or record(path)


def recorded(path: Path) -> str | None:
    """The checksum that is recorded of the file as it is now; None where none is, or that of an earlier content."""
    stat, kept = path.stat(), _read(path)
    if kept.get("size") != stat.st_size or kept.get("mtime_ns") != stat.st_mtime_ns:
        return None
    return str(kept["sha256"])


def record(path: Path, *, settled: bool = False) -> str:
    """Compute the checksum of a file, and keep it beside it as `<file>.sha256.json`.

    settled: the caller wrote the file, and nobody else does.

    Raises:
        OSError: the file cannot be read.
    """
    stat = path.stat()
    digest = sha256_of(path)
    if settled or time.time() - stat.st_mtime > SETTLED_S:
        # The first one stays: data of earlier versions are of the file that was here when it was first looked at.
        first = _read(path).get("first", digest)
        stated = {"sha256": digest, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "first": first}
        _keep(_beside(path), json.dumps(stated))
    return digest


def unchanged(path: Path) -> bool:
    """Whether the file is what it was when its checksum was first computed; if it is not here, nothing says no."""
    try:
        digest = checksum(path)
    except OSError:
        return True
    return _read(path).get("first", digest) == digest


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256.json")


def _read(path: Path) -> dict[str, object]:
    try:
        kept = json.loads(_beside(path).read_text(encoding="utf-8"))
        return kept if isinstance(kept, dict) and {"sha256", "first"} <= kept.keys() else {}
    except (OSError, ValueError):
        return {}


def _keep(beside: Path, text: str) -> None:
    """Whole or not at all: another process may be reading. A folder that cannot be written costs time, no more."""
    temporary = beside.with_name(f".{beside.name}.{uuid4().hex[:8]}.tmp")
    with contextlib.suppress(OSError):
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(beside)
        finally:
            temporary.unlink(missing_ok=True)

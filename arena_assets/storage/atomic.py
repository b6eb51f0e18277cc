"""One file, written whole or not at all, on a disk or in object storage."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from upath import UPath

from arena_assets.errors import StorageError
from arena_assets.storage.durable import sync_file, sync_folder


def is_local(path: UPath) -> bool:
    """Whether a path is on a disk of this machine: object storage neither appends nor renames."""
    return path.protocol in ("", "file")


def write_bytes(path: UPath, data: bytes) -> None:
    """Write a file so that it appears whole or not at all, and survives a power cut once this returns.

    Raises:
        StorageError: it cannot be written; what was there before stays.
    """
    try:
        if is_local(path):
            _replace(Path(path.path), data)
        else:
            # One PUT is atomic by itself; an open() would publish a half-written object on an exception.
            path.fs.pipe_file(path.path, data)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error}; nothing partial was left, free space or rights and re-run"
        ) from error


def _replace(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)

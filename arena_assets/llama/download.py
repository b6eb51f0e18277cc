"""One file of the Hugging Face hub, whole and as the hub states it; a broken download resumes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

from arena_assets.config import HubModel
from arena_assets.config.contents import sha256_of
from arena_assets.errors import ModelError
from arena_assets.locks import hold


def download(config: HubModel, folder: Path) -> Path:
    """Bring the file that `config` names into `folder`; its path there.

    Raises:
        ModelError: it cannot be had, or is not what the hub states.
    """
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

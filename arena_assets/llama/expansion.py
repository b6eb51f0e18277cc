"""Expanded weights: a copy of a model's file in a kind that needs no dequantising, made once beside it.

A copy is named by its source's checksum and its kind. It gets that name when it is whole, and counts while it is what
was recorded then: of a run that was killed no half file is ever used.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from arena_assets.config import ModelConfig
from arena_assets.config.model_files import record, recorded, whole_checksum
from arena_assets.config.sources import Weights
from arena_assets.errors import ModelError
from arena_assets.llama.files import model_path
from arena_assets.llama.requantise import parameters
from arena_assets.locks import hold
from arena_assets.progress import duration

# Of a weight, bytes; llama.cpp keeps a scale for each 32 weights of q8_0.
BYTES: dict[Weights, float] = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32}
_BYTES_A_SECOND = 150e6  # of the copy, as seen on two cores: for a word on how long it takes
_SAY_EVERY_S = 10.0
_PROGRAM = "arena_assets.llama.requantise"


def weights_file(name: str, config: ModelConfig, say: Callable[[str], None]) -> Path:
    """The file that llama.cpp loads: the model's own, or its copy in the configured kind, which is made where it lacks.

    Raises:
        ModelError: the model's file is not there (`model_path`), or the copy cannot be made.
    """
    source = model_path(name, config)
    if config.weights is None:
        return source
    target = copy_of(source, config.weights)
    if not _is_whole(target):
        try:
            with hold(_beside(target, "lock"), lambda: say(f"{name}: waiting for another process to make {target}")):
                if not _is_whole(target):
                    _make(name, source, target, config.weights, say)
        except OSError as error:
            raise ModelError(
                f"{name}: {target} cannot be written: {error}. Mend that, or leave `weights: {config.weights}` out"
            ) from error
    return target


def copy_of(source: Path, kind: Weights) -> Path:
    """Where the copy of a model's file lies, or belongs."""
    return source.with_name(f"{source.stem}.{kind}.{whole_checksum(source)[:12]}.gguf")


def _is_whole(target: Path) -> bool:
    return target.is_file() and recorded(target) is not None


def _make(name: str, source: Path, target: Path, kind: Weights, say: Callable[[str], None]) -> None:
    """Make the copy; whoever calls this holds its lock, so that no other's is half made."""
    for half in target.parent.glob(f".{target.name}.*.tmp"):
        half.unlink(missing_ok=True)
    size = parameters(source) * BYTES[kind]
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise ModelError(
            f"{name}: its weights as {kind} take {_large(size)}, {target.parent} has {_large(free)} free; make room, "
            f"or leave `weights: {kind}` out"
        )
    say(
        f"{name}: making its weights as {kind}, once: {_large(size)}, about {duration(1 + size / _BYTES_A_SECOND)} "
        f"({target})"
    )
    started, temporary = time.monotonic(), _beside(target, f"{uuid4().hex[:8]}.tmp")
    try:
        _requantised(source, temporary, kind, lambda written: say(f"{name}: {_large(written)} of {_large(size)}"))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    record(target, settled=True)
    _remove_former(source, target)
    say(f"{name}: made {target.name} ({_large(target.stat().st_size)}) in {duration(time.monotonic() - started)}")


def _requantised(source: Path, target: Path, kind: Weights, at_work: Callable[[float], None]) -> None:
    """Run the re-quantiser to its end; `at_work` is told now and then how many bytes are written."""
    command = [sys.executable, "-m", _PROGRAM, str(source), str(target), kind]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            while True:
                try:
                    _, said = process.communicate(timeout=_SAY_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    at_work(target.stat().st_size if target.exists() else 0)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise ModelError(said.strip() or f"the re-quantiser of {source.name} ended with {process.returncode}")


def _remove_former(source: Path, target: Path) -> None:
    """Copies of what the file held before: nothing can use them again."""
    own = re.compile(rf"{re.escape(source.stem)}\.({'|'.join(BYTES)})\.[0-9a-f]{{12}}\.gguf")
    digest = target.suffixes[-2]
    for other in target.parent.iterdir():
        if own.fullmatch(other.name) and other.suffixes[-2] != digest:
            other.unlink(missing_ok=True)
            other.with_name(f"{other.name}.sha256.json").unlink(missing_ok=True)


def _beside(target: Path, end: str) -> Path:
    return target.with_name(f".{target.name}.{end}")


def _large(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"

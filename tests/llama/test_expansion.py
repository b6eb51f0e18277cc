"""Expanded weights: made once, whole or not at all, and known by their source's checksum and kind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arena_assets.config import LocalModel, PackageModel
from arena_assets.config.model_files import checksum
from arena_assets.config.sources import Weights
from arena_assets.errors import ModelError
from arena_assets.llama import expansion
from arena_assets.llama.expansion import BYTES, copy_of, weights_file
from arena_assets.llama.native import Model
from arena_assets.llama.requantise import parameters

KINDS: tuple[Weights, ...] = ("f32", "f16", "bf16", "q8_0")
MAKE = """
import sys
from arena_assets.config import LocalModel
from arena_assets.llama.expansion import weights_file
print(weights_file("m", LocalModel(source="file", path=sys.argv[1], weights=sys.argv[2]), print))
"""


@pytest.fixture
def source(tiny_gguf: Callable[[str], Path], tmp_path: Path) -> Path:
    """A small model in a folder of its own."""
    return Path(shutil.copy(tiny_gguf("gemma3"), tmp_path / "tiny.gguf"))


def of(path: Path, weights: Weights | None) -> LocalModel:
    return LocalModel(source="file", path=str(path), weights=weights)


def made(path: Path, weights: Weights | None) -> tuple[Path, list[str]]:
    said: list[str] = []
    return weights_file("m", of(path, weights), said.append), said


def copies(folder: Path) -> list[str]:
    """GGUF files other than the source, half ones included."""
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".gguf", ".tmp") and path.stem != "tiny")


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_made_once_and_named_by_checksum_and_kind(source: Path, kind: Weights) -> None:
    target, said = made(source, kind)
    assert target == source.with_name(f"tiny.{kind}.{checksum(source)[:12]}.gguf")
    vocabulary = source.stat().st_size - parameters(source) * BYTES["f32"]
    assert target.stat().st_size - vocabulary == pytest.approx(parameters(source) * BYTES[kind], rel=0.01)
    assert [word in said[0] for word in (kind, " MB", " s ")] == [True, True, True]
    assert f"made {target.name}" in said[-1]
    before = target.stat()
    assert made(source, kind) == (target, [])
    assert target.stat() == before
    with Model(target) as model, Model(source) as origin:
        assert model.vocab_size == origin.vocab_size
        assert model.chat_template == origin.chat_template


def test_without_a_kind_the_file_is_what_it_is(source: Path) -> None:
    assert made(source, None) == (source, [])
    assert copies(source.parent) == []


def test_another_source_and_another_kind_have_copies_of_their_own(source: Path) -> None:
    first, _ = made(source, "f16")
    other_kind, _ = made(source, "q8_0")
    assert first.exists()
    assert other_kind.exists()
    held = first.read_bytes()
    source.write_bytes(source.read_bytes()[:-1] + b"\x3f")  # another last weight
    second, _ = made(source, "f16")
    assert second not in (first, other_kind)
    assert second.read_bytes() != held
    assert copies(source.parent) == [second.name]  # nothing can use what the former file was expanded to


def test_a_copy_that_is_not_what_was_made_is_made_again(source: Path) -> None:
    target, _ = made(source, "f16")
    whole, beside = target.read_bytes(), target.with_name(f"{target.name}.sha256.json")
    harms: list[Callable[[], object]] = [
        lambda: os.truncate(target, len(whole) // 2),
        lambda: target.write_bytes(whole[:-1] + b"x"),
        beside.unlink,
        lambda: beside.write_text("{torn"),
    ]
    for harm in harms:
        harm()
        again, said = made(source, "f16")
        assert again == target
        assert said
        assert target.read_bytes() == whole
        assert json.loads(beside.read_text())["sha256"] == checksum(target)


def test_what_cannot_be_made_leaves_nothing_and_says_why(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with source.open("r+b") as file:  # tensors lie behind the end
        file.truncate(source.stat().st_size - 1000)
    with pytest.raises(ModelError, match=r"tiny\.gguf"):
        made(source, "f16")
    assert copies(source.parent) == []
    monkeypatch.setattr(expansion, "_PROGRAM", "this")  # ends well, and writes nothing
    with pytest.raises(ModelError):
        made(source, "f16")
    assert copies(source.parent) == []


def test_a_full_disk_is_said_before_any_work(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    with pytest.raises(ModelError, match=r"its weights as f16 take \d+ MB, .* has 1 MB free; make room, or leave"):
        made(source, "f16")


@pytest.fixture
def maker(q4_path: Path, tmp_path: Path) -> Iterator[Any]:
    """Starts a process that expands SmolLM2, and waits until a part of the copy is written."""
    source = Path(shutil.copy(q4_path, tmp_path / "tiny.gguf"))
    processes = []

    def start() -> tuple[subprocess.Popen[str], Path]:
        command = [sys.executable, "-c", MAKE, str(source), "q8_0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        processes.append(process)
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 2**20 for path in tmp_path.glob(".*.tmp")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return process, source

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("how", ["with its re-quantiser", "alone", "interrupted"])
def test_killed_in_the_middle_no_half_file_is_ever_used(maker: Any, how: str) -> None:
    process, source = maker()
    target = copy_of(source, "q8_0")
    if how == "with its re-quantiser":
        os.killpg(process.pid, signal.SIGKILL)
    elif how == "alone":
        process.kill()  # the re-quantiser goes on without it
    else:
        process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert not target.exists()
    if how == "interrupted":
        assert copies(source.parent) == []
    again, said = made(source, "q8_0")
    assert (again, copies(source.parent)) == (target, [target.name])
    assert f"made {target.name}" in said[-1]
    with Model(target) as model:
        assert parameters(target) == parameters(source)
        assert model.vocab_size


def test_a_second_process_waits_and_makes_nothing(maker: Any) -> None:
    process, source = maker()
    target, said = made(source, "q8_0")
    assert len(said) == 1
    assert "waiting for another process" in said[0]
    assert process.communicate(timeout=60)[0].splitlines()[-1] == str(target)


def test_the_kind_is_part_of_what_a_package_models_file_is_asked_for() -> None:
    with pytest.raises(ValueError, match="weights"):
        PackageModel.model_validate({"source": "package", "package": "p", "file": "m.gguf", "weights": "q4_0"})

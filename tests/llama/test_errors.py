"""Files and settings that cannot work say what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import llama_cpp
import pytest

from arena_assets.config import Experiment, LocalModel
from arena_assets.errors import ModelError
from arena_assets.llama.context import Context
from arena_assets.llama.files import fetch_model, model_path, sha256_of
from arena_assets.llama.native import Model


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.gguf does not exist; run `arena fetch-model`"):
        Model(tmp_path / "no.gguf")


def test_not_a_gguf(tmp_path: Path) -> None:
    page = tmp_path / "model.gguf"
    page.write_text("<!doctype html>")
    with pytest.raises(ModelError, match=r"no GGUF file \(it begins with b'<!do'"):
        Model(page)


def test_truncated_file(q4_path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    with q4_path.open("rb") as file:
        cut.write_bytes(file.read(8_000_000))
    with pytest.raises(ModelError, match=r"cannot be loaded: .*truncated"):
        Model(cut)


def test_gpu_layers_of_a_build_without_gpu(q4_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: False)
    with pytest.raises(ModelError, match="n_gpu_layers is -1, but this build of llama-cpp-python has no GPU support"):
        Model(q4_path, n_gpu_layers=-1)


def test_closed_model_says_so(q4_path: Path) -> None:
    model = Model(q4_path)
    model.close()
    model.close()
    with pytest.raises(ModelError, match="was closed"):
        Context(model, sequences=2, length=256, threads=1)


def test_file_of_another_size_or_checksum(q4_path: Path) -> None:
    size = q4_path.stat().st_size
    good = LocalModel(source="file", path=str(q4_path), size_bytes=size)
    assert model_path("m", good) == q4_path
    with pytest.raises(ModelError, match=f"has {size} bytes instead of 5"):
        model_path("m", good.model_copy(update={"size_bytes": 5}))
    wrong = good.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelError, match=f"sha256 is {sha256_of(q4_path)} instead of 0000"):
        fetch_model("m", wrong, lambda _: None)


def test_throughput_of_one_experiment_is_another_fingerprint(tiny: Experiment) -> None:
    """Results of the two modes never mix."""
    other = tiny.model_copy(update={"engine": tiny.engine.model_copy(update={"mode": "throughput"})})
    assert other.fingerprint("responses") != tiny.fingerprint("responses")

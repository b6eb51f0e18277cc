"""Exact mode on a GPU, where there is one: sampling, replay and a clone are equal to the last bit.

Seen to hold on an H100 with all layers and with some. The last tests say what breaks without the engine's shapes: where
one of them fails, llama.cpp or the GPU chooses otherwise, and the rule may go.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment, LocalModel
from arena_assets.journal import Journal
from arena_assets.llama.batch import DecodeBatch, PrefixStates
from arena_assets.llama.build import gpu_names, supports_gpu
from arena_assets.llama.context import Context
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Done, Generate, Probe
from arena_assets.llama.lock import llama_lock
from arena_assets.llama.meter import Tally
from arena_assets.llama.native import Model
from arena_assets.llama.pool import ModelPool
from arena_assets.llama.template import ChatTemplate, Prompt
from arena_assets.rules import Batch, apply, refusals
from arena_assets.stages.logprobs import rescore, score_logprobs
from arena_assets.stages.responses import generate_responses
from tests.llama.llama_work import LONG, QUESTIONS, SYSTEM, finish, forced, generations, same

pytestmark = pytest.mark.skipif(not supports_gpu(), reason="this build of llama.cpp has no GPU support")


@pytest.fixture(scope="module", params=["q4", "f16", "q4, 10 layers"])
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    name, _, layers = request.param.partition(", ")
    path: Path = request.getfixturevalue(f"{name}_path")
    with Model(path, n_gpu_layers=10 if layers else -1) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def jobs(model: Model) -> list[Generate]:
    """Short prompts and long ones, of three classes."""
    template = ChatTemplate(model)
    found = generations(model, max_tokens=24)
    for number, (times, start) in enumerate([(1, 0), (2, 5), (3, 0), (4, 9), (5, 2)]):
        tokens = template.render(SYSTEM, LONG * times).tokens
        found.append(Generate(f"long {number}", Prompt(tokens, start), 0.8, 20, 50 + number))
    more = 40 if model.n_gpu_layers < 0 else 6  # with layers on the CPU it is slow
    found += [Generate(f"again {number}", found[number % 5].prompt, 1.0, 30, 90 + number) for number in range(more)]
    return found


def engine(model: Model) -> Engine:
    """One thread of llama.cpp a worker: with layers on the CPU more of them wait for each other."""
    return Engine(model, threads=4)


@pytest.fixture(scope="module")
def sampled(model: Model, jobs: list[Generate]) -> dict[str, Done]:
    return finish(engine(model), jobs)


def test_no_composition_changes_a_bit(model: Model, jobs: list[Generate], sampled: dict[str, Done]) -> None:
    draw = random.Random(5)
    for in_flight in (64, 40, 6, 3, 1):
        some = draw.sample(jobs, 8 if in_flight < 6 else len(jobs))
        assert same(finish(engine(model).narrow(in_flight), forced(some, sampled)), sampled) == [], in_flight
    assert same(finish(Engine(model, threads=2), draw.sample(jobs, 20)), sampled) == []


def test_a_clone_has_weights_of_exactly_one(model: Model, jobs: list[Generate], sampled: dict[str, Done]) -> None:
    logging = finish(engine(model), forced(jobs, sampled))
    clone = finish(engine(model), forced(list(reversed(jobs)), sampled))
    assert {key: np.exp(clone[key].total - done.total) for key, done in logging.items()} == dict.fromkeys(logging, 1.0)
    assert all(done.total == sampled[key].total for key, done in logging.items())


def test_a_model_loaded_anew_gives_the_same(model: Model, jobs: list[Generate], sampled: dict[str, Done]) -> None:
    with Model(model.path, n_gpu_layers=model.n_gpu_layers) as again:
        assert same(finish(engine(again), jobs[::2]), sampled) == []


def test_scoring_in_one_pass_depends_on_the_job_alone(model: Model, jobs: list[Generate]) -> None:
    probes = [Probe(job.key, job.prompt, (100, 200)) for job in jobs]
    together = finish(engine(model), probes, "prefill")
    assert same(finish(engine(model), reversed(probes[::3]), "prefill"), together) == []
    assert same(finish(engine(model), probes[15:16], "prefill"), together) == []


def test_another_temperature_gives_another_distribution(
    model: Model, jobs: list[Generate], sampled: dict[str, Done]
) -> None:
    warmer = finish(engine(model), forced(jobs[:3], sampled, 0.9))
    assert len(same(warmer, sampled)) == 3


def test_the_gpu_computes_what_the_cpu_does(f16_path: Path, f16: Model) -> None:
    """But for noise: sums of half-precision products, and another order."""
    jobs = generations(f16, max_tokens=16)
    on_cpu = finish(Engine(f16), jobs)
    with Model(f16_path, n_gpu_layers=-1) as model:
        on_gpu = finish(Engine(model), forced(jobs, on_cpu))
    difference = np.concatenate([np.abs(done.logprobs - on_gpu[key].logprobs) for key, done in on_cpu.items()])
    assert 0 < difference.max() < 0.2
    assert np.median(difference) < 0.01


def test_the_checks_of_a_batch_hold(tiny: Experiment, q4_path: Path, tmp_path: Path) -> None:
    texts = [f"{question} {LONG * (number % 3)}" for number, question in enumerate(QUESTIONS * 3)]
    prompts = pd.DataFrame({"prompt_id": [f"p{number:02}" for number in range(len(texts))], "prompt": texts})
    engine = tiny.engine.model_copy(update={"n_gpu_layers": -1, "max_sequences": 64, "cache_tokens": 65536})
    small = LocalModel(source="file", path=str(q4_path))
    experiment = tiny.model_copy(update={"models": {"small": small}, "engine": engine})
    with ModelPool(experiment) as pool, Journal(tmp_path / "r") as journal, Journal(tmp_path / "l") as scores:
        responses = generate_responses(experiment, prompts, pool, journal)
        scored = score_logprobs(experiment, prompts, responses, pool, scores)
        second = rescore(experiment, prompts, responses, scored, pool)
    upstream = {"prompts": prompts, "responses": responses, "rescored": second}
    findings = {
        finding.name: finding for finding in apply(Batch(experiment, "logprobs", scored.table, "0000", upstream))
    }
    assert refusals(list(findings.values())) == []
    assert findings["clone_weights_are_one"].figures["largest absolute log ratio"] == 0
    assert findings["replay_equals_sampling"].figures["largest deviation"] == 0
    assert findings["reproducibility"].figures["largest deviation a token, nats"] == 0


def test_without_gpu_layers_no_kernel_of_the_gpu_is_used(q4: Model) -> None:
    """Left to itself llama.cpp computes wide batches there all the same: 64 rows differed from 3 by up to 1.3 nats."""
    template = ChatTemplate(q4)
    jobs = [Generate(str(n), template.render(SYSTEM, f"Say {n}."), 0.8, 4, n) for n in range(64)]
    wide = finish(Engine(q4, cache_tokens=65536, threads=1), jobs)
    assert same(finish(Engine(q4, max_sequences=3, threads=1), forced(jobs[::8], wide)), wide) == []


def test_the_gpu_is_named() -> None:
    assert gpu_names()


def test_how_far_others_look_back_changes_bits(q4_path: Path) -> None:
    with Model(q4_path, n_gpu_layers=-1) as model:
        template = ChatTemplate(model)
        short = Generate("short", template.render(SYSTEM, "x"), 0.8, 8, 1)
        among = [Generate("other", template.render(SYSTEM, LONG * times), 0.8, 8, 2) for times in (1, 4)]
        assert decoded(model, [short, among[0]])["short"] != decoded(model, [short, among[1]])["short"]


def test_the_place_in_the_batch_changes_bits_with_flash_attention(q4_path: Path) -> None:
    with Model(q4_path, n_gpu_layers=-1) as model:
        template = ChatTemplate(model)
        jobs = [Generate(str(n), template.render(SYSTEM, LONG * 4 + "x" * n), 0.8, 8, 2) for n in range(15)]
        one = decoded(model, jobs, flash_attention=True)
        assert one != decoded(model, jobs[::-1], flash_attention=True)


def decoded(model: Model, jobs: list[Generate], *, flash_attention: bool = False) -> dict[str, bytes]:
    """Log-probabilities without constant shapes, as bytes."""
    done: list[Done] = []
    todo = list(jobs)
    with (
        llama_lock(),
        Context(model, sequences=16, length=2048, threads=2, flash_attention=flash_attention) as context,
    ):
        DecodeBatch(context, PrefixStates(), Tally()).run(lambda: todo.pop(0) if todo else None, done.append)
    return {item.key: item.logprobs.tobytes() for item in done}

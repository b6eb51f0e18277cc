"""The distribution that is sampled from and scored is softmax(logits / temperature), no more and no less."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax

from arena_assets.llama.batch import feed
from arena_assets.llama.context import Context
from arena_assets.llama.distribution import Distribution
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Generate, Probe
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate, Prompt
from tests.llama.llama_work import SYSTEM, finish

DRAWS = 300


@pytest.fixture(scope="module")
def prompt(q4: Model) -> Prompt:
    tokens = ChatTemplate(q4).render(SYSTEM, "Name a colour.").tokens
    return Prompt(tokens, len(tokens))


@pytest.fixture(scope="module")
def logits(q4: Model, prompt: Prompt) -> np.ndarray:
    """Read straight from llama.cpp, through the one-token path and without the engine."""
    with Context(q4, sequences=2, length=256, threads=1) as context:
        feed(context, 0, prompt.tokens[:-1], 0)
        rows = np.array([0, 1], dtype=np.int32)
        tokens = np.array([prompt.tokens[-1], 0], dtype=np.int32)
        positions = np.array([len(prompt.tokens) - 1, 0], dtype=np.int32)
        context.decode(tokens, positions, rows, logits=np.ones(2, dtype=np.int8))
        return context.logits(2)[0].astype(np.float64)


def chi_square(draws: list[int], probabilities: np.ndarray) -> float:
    """P value of token counts against probabilities; tokens that are expected less than 5 times are one cell."""
    counts = np.bincount(draws, minlength=len(probabilities))
    expected = probabilities * len(draws)
    common = expected >= 5
    observed = [*counts[common], counts[~common].sum()]
    wanted = [*expected[common], expected[~common].sum()]
    return float(stats.chisquare(observed, np.array(wanted) * (sum(observed) / sum(wanted))).pvalue)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5])
def test_token_frequencies_match_the_softmax(q4: Model, prompt: Prompt, logits: np.ndarray, temperature: float) -> None:
    probabilities = np.exp(log_softmax(logits / temperature))
    engine = Engine(q4, cache_tokens=8192, max_sequences=32)
    jobs = [Generate(str(seed), prompt, temperature, 1, seed) for seed in range(DRAWS)]
    done = finish(engine, jobs)
    assert chi_square([item.tokens[0] for item in done.values()], probabilities) > 1e-3
    # What is reported for a draw is the log-probability of that very distribution.
    for item in done.values():
        assert item.total == pytest.approx(np.log(probabilities[item.tokens[0]]), abs=1e-5)

    distribution = Distribution(q4.vocab_size)
    distribution.load(logits.astype(np.float32), temperature)
    random = np.random.default_rng(7)
    draws = [distribution.sample(random.random()) for _ in range(20_000)]
    assert chi_square(draws, probabilities) > 1e-3
    # The check can fail: the same draws do not fit a temperature 10% off.
    assert chi_square(draws, np.exp(log_softmax(logits / (temperature * 1.1)))) < 1e-6


def test_distribution_by_hand() -> None:
    distribution = Distribution(2)
    distribution.load(np.log(np.array([1, 3], dtype=np.float32)), 1.0)
    assert np.exp(distribution.logprob(0)) == pytest.approx(0.25)
    assert [distribution.sample(u) for u in (0.0, 0.2499, 0.2501, np.nextafter(1.0, 0.0))] == [0, 0, 1, 1]
    distribution.load(np.log(np.array([1, 3], dtype=np.float32)), 0.5)
    assert np.exp(distribution.logprobs(np.array([0, 1]))) == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize("vocabulary", [1, 63, 64, 65, 128_256])
def test_distribution_agrees_with_float64(vocabulary: int) -> None:
    logits = (np.random.default_rng(3).standard_normal(vocabulary) * 6).astype(np.float32)
    distribution = Distribution(vocabulary)
    for temperature in (0.3, 1.0, 1.7):
        distribution.load(logits, temperature)
        expected = log_softmax(logits.astype(np.float64) / temperature)
        assert distribution.logprobs(np.arange(vocabulary)) == pytest.approx(expected, abs=2e-6)
        counts = Counter(distribution.sample(u) for u in (0.0, 0.5, np.nextafter(1.0, 0.0)))
        assert all(0 <= token < vocabulary for token in counts)


def test_impossible_tokens_are_never_sampled() -> None:
    logits = np.full(130, -np.inf, dtype=np.float32)
    logits[[3, 70]] = 0.0
    distribution = Distribution(130)
    distribution.load(logits, 1.0)
    draws = {distribution.sample(u) for u in np.linspace(0, np.nextafter(1.0, 0.0), 101)}
    assert draws == {3, 70}


def test_probed_candidates_follow_the_same_distribution(q4: Model, prompt: Prompt, logits: np.ndarray) -> None:
    """In one pass, so on quantised weights near the decoded distribution, not equal to it."""
    candidates = tuple(int(token) for token in np.argsort(logits)[-5:])
    done = finish(Engine(q4, cache_tokens=1024), [Probe("a", prompt, candidates)], "prefill")
    assert done["a"].logprobs == pytest.approx(log_softmax(logits)[list(candidates)], abs=0.5)

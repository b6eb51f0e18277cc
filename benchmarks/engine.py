"""Speed, memory and unbiasedness of the llama.cpp engine (`make benchmark-engine`; `--quick`: once, less work).

Both sides of a case run one after the other, several times; a case's figures are the medians, its spread that of the
ratios. A peer runs with one thread and with all of them, and the faster one counts. Speeds are in tokens per second: of
prompts and responses for prefill, of responses for the rest. The demo's file comes first, then its expanded weights.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import resource
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from arena_assets.config import load_experiment
from arena_assets.llama.batch import CHUNK
from arena_assets.llama.context import Context
from arena_assets.llama.engine import Engine
from arena_assets.llama.expansion import weights_file
from arena_assets.llama.files import model_path
from arena_assets.llama.jobs import Done, Force, Generate, Job
from arena_assets.llama.lock import llama_lock
from arena_assets.llama.native import Model
from arena_assets.llama.shape import Path as Way
from benchmarks import engine_work as work
from benchmarks.engine_peers import Peers, seconds
from benchmarks.report import Case, report, within_bound

Timed = Callable[[], float]  # runs one side and returns its tokens per second
MEMORY_BOUND = 300.0  # MB
STANDARD_ERRORS = 3.0
FAR_BEHIND = 0.8


@dataclass
class Duel:
    """Two sides of a case, and what each repetition gave."""

    name: str
    goal: float
    ours: Timed
    peer: Timed
    rates: list[tuple[float, float]] = field(default_factory=list)

    def once(self) -> None:
        with llama_lock():
            self.rates.append((self.ours(), self.peer()))

    def case(self) -> Case:
        mine, other = (statistics.median(side) for side in zip(*self.rates, strict=True))
        ratios = sorted(one / two for one, two in self.rates)
        ratio = statistics.median(ratios)
        spread = f"ratio {ratios[0]:.2f} to {ratios[-1]:.2f}, n = {len(ratios)}"
        return Case(self.name, mine, other, "t/s", ratio, self.goal, ratio >= self.goal, spread)


def finish(engine: Engine, jobs: Sequence[Job], way: Way = "decode") -> list[Done]:
    done: list[Done] = []
    engine.run(jobs, done.append, path=way)
    return done


def duels(path: Path, label: str, sizes: work.Sizes, stack: ExitStack) -> list[Duel]:
    """Every ratio of one model file; `label` is its kind of weights."""
    model = stack.enter_context(Model(path))
    loose = stack.enter_context(Model(path, exact=False))
    exact, throughput = Engine(model), Engine(loose, exact=False)
    prefilled = work.scoring(model, sizes.prefilled, 2 * sizes.long)
    short = work.scoring(model, sizes.short_prompts, sizes.short, systems=work.POLICIES)
    replayed = work.scoring(model, sizes.replayed, sizes.long)
    every = replayed[:: sizes.evaluated_every]
    swept = work.at_temperatures(replayed, 21)
    generated = work.generation(model, sizes.generated, sizes.max_tokens)
    long = max(len(job.prompt.tokens) + len(job.response) for job in prefilled)

    def rated(tokens: int, what: Callable[[], object]) -> Timed:
        return lambda: tokens / seconds(what)

    def sampled(engine: Engine) -> Timed:
        def rate() -> float:
            done: list[Done] = []
            took = seconds(lambda: done.extend(finish(engine, generated)))
            return sum(len(item.tokens) for item in done) / took

        return rate

    def completed(peer: Peers) -> float:
        counts: list[int] = []
        some = generated[:: -(-len(generated) // sizes.completed)]
        took = seconds(lambda: counts.append(peer.high.complete(some)))
        return counts[0] / took

    def best(rate: Callable[[Peers], float]) -> Timed:
        """The fastest peer counts; one that the first repetition shows far behind is not run again."""
        near = list(peers)

        def fastest() -> float:
            rates = [rate(peer) for peer in near]
            near[:] = [peer for peer, one in zip(near, rates, strict=True) if one > FAR_BEHIND * max(rates)]
            return max(rates)

        return fastest

    rows = work.response_tokens(replayed)
    peers = [
        Peers(loose, path, len(replayed), max(1024, long), threads) for threads in sorted({1, os.cpu_count() or 1})
    ]
    for peer in peers:
        stack.callback(peer.close)

    whole = [(*job.prompt.tokens, *job.response[:-1]) for job in prefilled]
    n_responses = work.response_tokens(every)
    n_prefilled, n_short, n_every = (work.all_tokens(jobs) for jobs in (prefilled, short, every))
    first = [len(job.prompt.tokens) - 1 for job in prefilled]
    prefill = shared(rated(n_prefilled, lambda: finish(exact, prefilled, "prefill")), 3)
    raw = best(lambda peer: rated(n_prefilled, lambda: peer.prefill.prefill(whole))())
    # The most that the case above can be: what llama.cpp itself takes for the logits that scoring reads.
    raw_logits = best(lambda peer: rated(n_prefilled, lambda: peer.prefill.prefill(whole, first))())
    replay = shared(rated(rows, lambda: finish(exact, replayed)), 3)
    by_eval = shared(best(lambda peer: rated(1, lambda: peer.high.score(every))()), 2)  # jobs like these, per second
    complete = shared(best(completed), 2)
    bare = best(lambda peer: rated(rows, lambda: peer.rows.rows(rows))())
    quantised = label not in ("f16", "f32", "bf16")
    return [
        Duel(f"{label} prefill scoring, distinct prompts / raw prefill", 0.90, prefill, raw),
        Duel(f"{label} prefill scoring, distinct prompts / raw, same logits", 0.90, prefill, raw_logits),
        Duel(
            f"{label} prefill scoring, 5 policies, short / no prefix reuse",
            1.15,
            rated(n_short, lambda: finish(exact, short, "prefill")),
            rated(n_short, lambda: finish(exact, work.without_prefix(short), "prefill")),
        ),
        Duel(
            f"{label} prefill scoring / token by token", 2.0 if quantised else 4.0, prefill, lambda: n_every * by_eval()
        ),
        Duel(
            f"{label} replay scoring / token by token",
            1.5 if quantised else 2.0,
            replay,
            lambda: n_responses * by_eval(),
        ),
        Duel(f"{label} replay scoring / bare one-token rows", 0.85, replay, bare),
        Duel(f"{label} replay at 21 temperatures / at one", 1 / 1.3, rated(rows, lambda: finish(exact, swept)), replay),
        Duel(f"{label} generation, exact / create_completion", 1.5, sampled(exact), complete),
        Duel(f"{label} generation, throughput / create_completion", 2.0, sampled(throughput), complete),
    ]


def shared(timed: Timed, uses: int) -> Timed:
    """Measures once for `uses` cases of a repetition."""
    values: list[float] = []

    def rate() -> float:
        if not values:
            values.extend([timed()] * uses)
        return values.pop()

    return rate


def peak_memory(path: Path, jobs: Sequence[Job], way: Way, bare: bool) -> float:
    """Peak of this process, MB; `bare`: with the model and the contexts alone, both touched."""
    with llama_lock(), Model(path) as model:
        engine = Engine(model)
        if bare:
            [(group, length)] = engine.limits.groups(jobs)
            shape = engine.limits.shape(group, length, way)
            tokens, last = np.full(CHUNK, 1000, dtype=np.int32), np.arange(CHUNK) == CHUNK - 1
            with ExitStack() as stack:
                for _ in range(shape.workers):
                    context = Context(model, sequences=shape.sequences, length=length, threads=1, batch=CHUNK)
                    stack.callback(context.close)
                    positions = np.arange(CHUNK, dtype=np.int32)
                    context.decode(tokens, positions, tokens * 0, logits=last.astype(np.int8))
        else:
            finish(engine, jobs, way)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(path: Path) -> list[Case]:
    """Peak beyond model and context, of replay and of a prefill that scores 2,000 tokens of a response."""
    with Model(path) as model:
        replayed = work.scoring(model, 8, 24)
    long = [Force("long", replayed[0].prompt, 1.0, tuple(range(1000, 3000)))]
    tries: list[tuple[str, Way, list[Force]]] = [
        ("replay", "decode", replayed),
        ("2,000 tokens in one pass", "prefill", long),
    ]
    cases = []
    for name, way, jobs in tries:
        peaks = []
        for bare in (True, False):  # each in a process of its own: a peak never falls
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
                peaks.append(alone.submit(peak_memory, path, jobs, way, bare).result())
        beyond = [max(peaks[1] - peaks[0], 0.0)]
        cases.append(within_bound(f"memory beyond model and context, {name}", beyond, MEMORY_BOUND, unit="MB"))
    return cases


def monte_carlo(path: Path, count: int) -> Case:
    """The mean importance weight of a nearby policy (temperature 0.75 for 0.8) over many responses of 12 tokens."""
    with Model(path) as model:
        engine = Engine(model)
        prompt = work.generation(model, 1, 12)[0].prompt
        jobs = [Generate(str(seed), prompt, work.TEMPERATURE, 12, seed) for seed in range(count)]
        sampled = {item.key: item for item in finish(engine, jobs)}
        under = finish(engine, [Force(key, prompt, 0.75, item.tokens) for key, item in sampled.items()])
    weights = np.exp([item.total - sampled[item.key].total for item in under])
    error = float(weights.std(ddof=1)) / math.sqrt(len(weights))
    away = abs(float(weights.mean()) - 1) / error
    name = f"mean weight {weights.mean():.3f} +- {error:.3f} over {count} responses: standard errors from 1"
    return within_bound(name, [away], STANDARD_ERRORS, unit="se")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repetition, the file's own weights alone, less work")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    sizes = work.Sizes().quick() if options.quick else work.Sizes()
    repeat = 1 if options.quick else options.repeat
    demo = load_experiment("demo").models["smollm2"]
    path = model_path("smollm2", demo)
    cases: list[Case] = []
    weights = {"Q4_1": path}
    if not options.quick:
        weights[str(demo.weights)] = weights_file("smollm2", demo, print)
    cases += [*memory(path), monte_carlo(path, sizes.monte_carlo)]
    for label, file in weights.items():
        with ExitStack() as stack:
            rivals = duels(file, label, sizes, stack)
            for _ in tqdm(range(repeat), desc=label, unit="repetition"):
                for duel in rivals:
                    duel.once()
            cases += [duel.case() for duel in rivals]
    return report("engine", cases)


if __name__ == "__main__":
    raise SystemExit(main())

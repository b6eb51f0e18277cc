"""Cancellation and failure: heard at once, workers end, contexts are freed, what was finished stays."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from arena_assets.llama.batch import CHUNK
from arena_assets.llama.context import Context
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Done, Generate
from arena_assets.llama.native import Model
from arena_assets.llama.stop import Stop, StoppedError
from arena_assets.llama.template import ChatTemplate
from tests.llama.llama_work import SYSTEM, finish, forced, generations


@pytest.fixture
def open_contexts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Context]]:
    """Contexts that were made and not closed yet."""
    alive: list[Context] = []
    make, close = Context.__init__, Context.close

    def made(self: Context, *args: object, **options: object) -> None:
        make(self, *args, **options)  # type: ignore[arg-type]
        alive.append(self)

    def closed(self: Context) -> None:
        close(self)
        alive.remove(self)

    monkeypatch.setattr(Context, "__init__", made)
    monkeypatch.setattr(Context, "close", closed)
    yield alive
    assert alive == []
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("llama")]


def endless(model: Model) -> list[Generate]:
    """Hours of work, but for one job; all of them are in flight at once."""
    prompt = ChatTemplate(model).render(SYSTEM, "Tell me a long story.")
    return [Generate(str(n), prompt, 1.5, 1 if n == 0 else 4000, n) for n in range(4)]


def test_interrupt_is_heard_between_results(q4: Model, open_contexts: list[Context]) -> None:
    """As from Ctrl-C or Dagster's termination, while the main thread waits for the workers."""
    engine, done = Engine(q4, cache_tokens=32768, max_sequences=4), list[Done]()
    sent: list[float] = []

    def interrupt() -> None:
        while not done:
            time.sleep(0.05)
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        engine.run(endless(q4), done.append)
    killer.join()
    assert [item.key for item in done] == ["0"]
    assert time.monotonic() - sent[0] < 15  # seconds; the work itself would take minutes
    assert open_contexts == []


def test_interrupt_in_the_callback_ends_the_workers(q4: Model, open_contexts: list[Context]) -> None:
    def interrupted(done: Done) -> None:
        raise KeyboardInterrupt(done.key)

    with pytest.raises(KeyboardInterrupt, match="0"):
        Engine(q4, cache_tokens=32768, max_sequences=4).run(endless(q4), interrupted)
    assert open_contexts == []


def test_a_failing_worker_ends_the_others(
    q4: Model, open_contexts: list[Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, calls = Context.logits, iter(range(1000))

    def fails_once(self: Context, rows: int) -> np.ndarray:
        if next(calls) == 5:
            raise MemoryError("no room")
        return logits(self, rows)

    monkeypatch.setattr(Context, "logits", fails_once)
    with pytest.raises(MemoryError, match="no room"):
        finish(Engine(q4, cache_tokens=32768, max_sequences=4, threads=2), endless(q4))
    assert open_contexts == []


def test_engine_works_on_after_an_interruption(q4: Model) -> None:
    engine, jobs = Engine(q4, cache_tokens=2048, max_sequences=4), generations(q4, 3)[:3]
    sampled = finish(engine, jobs)

    def interrupted(_done: Done) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(forced(jobs, sampled), interrupted)
    again = finish(engine, forced(jobs, sampled))
    assert all(again[key].total == done.total for key, done in sampled.items())


def test_a_long_decode_stops_in_its_middle(q4: Model) -> None:
    stop = Stop()
    tokens = np.full(CHUNK, 1000, dtype=np.int32)
    with Context(q4, sequences=1, length=CHUNK, threads=1, batch=CHUNK, stop=stop) as context:
        timer = threading.Timer(0.1, stop.set)  # the decode takes a second and more
        timer.start()
        with pytest.raises(StoppedError):
            context.decode(tokens, np.arange(CHUNK, dtype=np.int32), tokens * 0, logits=np.ones(CHUNK, dtype=np.int8))
        timer.join()
        with pytest.raises(StoppedError):  # and nothing is begun after it
            context.decode(tokens[:1], tokens[:1] * 0, tokens[:1] * 0, logits=np.ones(1, dtype=np.int8))

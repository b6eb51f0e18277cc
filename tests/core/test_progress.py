"""Progress: what it says of work in flight, of what a journal held, and of time spent waiting."""

from __future__ import annotations

import numpy as np

from arena_assets.llama.jobs import Done, Force, Generate, Job, in_passes
from arena_assets.llama.meter import Meter
from arena_assets.llama.template import Prompt
from arena_assets.progress import Paced, within

PROMPT = Prompt(tuple(range(10)), 0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ended(key: str, tokens: int) -> Done:
    return Done(key, (5,) * tokens, np.zeros(tokens), "stop")


def test_sequences_in_flight_count_by_their_tokens() -> None:
    """24 responses of 100 tokens in flight at once: nothing ends for a long time, yet half of it is done."""
    jobs = [Generate(str(n), PROMPT, 1.0, 100, n) for n in range(24)]
    clock, told = Clock(), list[tuple[float, int, str]]()
    meter = Meter(jobs, 0, 24, lambda *a: told.append(a), clock)
    tallies = [meter.tally(), meter.tally()]
    for tally in tallies:
        tally.evaluated += 12 * (10 + 45)
        tally.answered += 12 * 45
    clock.now = 10.0
    meter.report()
    assert told == [(0.0, 24, ""), (12.0, 24, "1,080 tokens, 108 tokens/s")]


def test_a_response_that_ends_early_frees_what_it_might_have_taken() -> None:
    jobs = [Generate(str(n), PROMPT, 1.0, 90, n) for n in range(2)]
    told: list[float] = []
    meter = Meter(jobs, 0, 2, lambda done, *_: told.append(done), Clock())
    tally = meter.tally()
    tally.evaluated += 2 * 10 + 2 * 15
    meter.end(ended("0", 15))
    meter.report()
    tally.evaluated += 75
    meter.report()
    meter.end(ended("1", 90))
    meter.report()
    assert told == [0.0, 1.25, 1.998, 2]  # never all of them before the last has ended


def test_a_shared_pass_is_counted_once_and_answers_all_its_jobs() -> None:
    jobs = [Force(f"{n} {t}", PROMPT, t, (n,) * 5, shares=True) for n in range(2) for t in (0.5, 1.0, 2.0)]
    passes: list[Job] = in_passes(jobs)
    assert len(passes) == 2
    told: list[tuple[float, int, str]] = []
    clock = Clock()
    meter = Meter(passes, 1, 7, lambda *a: told.append(a), clock)
    tally = meter.tally()
    clock.now = 1.0
    tally.evaluated += 15
    tally.answered += 15
    for t in (0.5, 1.0, 2.0):
        meter.end(ended(f"0 {t}", 5))
    meter.report()
    assert told[-1] == (4.0, 7, "15 tokens, 15 tokens/s")


def paced(seconds: float = 5.0) -> tuple[Paced, Clock, list[str]]:
    clock, said = Clock(), list[str]()
    return Paced(said.append, "responses", clock, seconds), clock, said


def test_waiting_and_what_was_held_are_no_speed() -> None:
    """A job of 68 seconds that had waited for the machine once said: 5 min left."""
    report, clock, said = paced()
    report(4, 24)
    clock.now = 300.0  # another process held the machine
    within(report, 4, 24)(0, 20)
    for second in (304, 306, 312):
        clock.now = second
        within(report, 4, 24)((second - 300) / 3, 20, "note")
    assert said == ["responses: 4/24", "responses: 6/24, 54 s left, note", "responses: 8/24, 48 s left, note"]
    clock.now = 360.0
    report(24, 24)
    assert said[-1] == "responses: 24/24"


def test_a_line_at_most_every_few_seconds_and_always_the_last() -> None:
    report, clock, said = paced()
    for number in range(101):
        clock.now = number / 8
        report(number, 100)
    assert [line.split(",")[0] for line in said] == ["responses: 40/100", "responses: 80/100", "responses: 100/100"]

"""`kill -9` at random moments of every stage: the re-run resumes, redoes what was in flight, and ends the same."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow.parquet as pq
import pytest

from tests.interruption.conftest import Place
from tests.interruption.harness import differences

pytestmark = pytest.mark.slow

STAGES = ("generation", "scoring", "judging", "writing", "analysis")
KILLS = 20
# 12 prompts: 60 responses generated, scored by 5 policies (and 2 of each batch again), judged, 5 x 12 labels at most.
SAMPLE = 2 * 2 * 5


def test_twenty_kills_over_all_stages_lose_nothing(place: Place) -> None:
    rng = random.Random(20261123)
    killed: Counter[str] = Counter()
    while sum(killed.values()) < KILLS:
        stage = STAGES[sum(killed.values()) % len(STAGES)]
        if place.worker.kill_in(stage, rng) is None:
            # The run came to its end before: begin anew, so that every stage has moments left to be killed in.
            assert differences(place.contents(), place.reference) == []
            place.store.remove()
            continue
        killed[stage] += 1
        for path in place.data.rglob("*.parquet"):
            pq.read_table(path)  # what is there is whole, at any moment
    assert set(killed) == set(STAGES)
    assert place.worker.run() == 0, place.worker.errors()
    assert differences(place.contents(), place.reference) == []
    assert not list(place.data.rglob("*.parquet.tmp"))


def test_a_kill_costs_at_most_the_item_in_flight(place: Place) -> None:
    rng = random.Random(7)
    kills = 0
    for stage in ("generation", "generation", "generation", "judging", "judging", "judging"):
        kills += place.worker.kill_in(stage, rng, spread=0.2) is not None
    assert place.worker.run() == 0, place.worker.errors()
    assert differences(place.contents(), place.reference) == []
    repeated = sum(count - 1 for item, count in Counter(place.worker.items()).items())
    # The reproducibility check scores a sample of each batch twice by design, in each run that gets there.
    assert kills >= 4
    assert repeated <= kills + SAMPLE * (kills + 1)
    generated = Counter(item for item in place.worker.items() if item.startswith(("item Generate", "item judge")))
    assert sum(count - 1 for count in generated.values()) <= kills

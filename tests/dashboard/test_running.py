"""The batch that a run makes now: items, speed and time left from its journal, and nothing once it is done."""

from __future__ import annotations

import json
import time

import pytest

from arena_assets.journal import Journal
from dashboard.data import catalog
from dashboard.data.running import ACTIVE_S, running
from dashboard.views import progress
from tests.dashboard.conftest import Place
from tests.dashboard.pages import open_page, words


def answer(place: Place, asset: str, partition: str, *keys: str, tokens: int = 8) -> None:
    """What a run appends as answers end."""
    with Journal(place.store().journal_path(asset, partition)) as journal:
        for key in keys:
            journal.append(key, {"tokens": list(range(tokens)), "logprob": -1.0})


def test_a_growing_journal_is_a_batch_that_is_made_now(empty: Place):
    chosen, now = catalog.choose("arena_test"), time.time()
    assert running(chosen) == []
    answer(empty, "responses", "0001", "a", "b")
    first = running(chosen, now)[0]
    assert (first.asset, first.partition, first.items, first.total) == ("responses", "0001", 2, 200)
    assert (first.items_per_second, first.seconds_left) == (None, None)
    assert progress.live(first) == "responses/0001 is being made: 2 of about 200 items"
    answer(empty, "responses", "0001", "c", "d", "e", "a")
    later = running(chosen, now + 10)[0]
    assert later.items == 5  # an item that was answered again is one item
    assert later.items_per_second == pytest.approx(0.3)
    assert later.tokens_per_second == pytest.approx(3.2)
    assert progress.live(later).endswith("5 of about 200 items, 3.2 tokens a second, 11 min left")
    assert "responses/0001 is being made: 5 of about 200 items" in words(open_page("overview")) + progress_text()


def progress_text() -> str:
    app = open_page("overview")
    return " ".join(str(one.proto.text) for one in app.get("progress")).replace("\\", "")


def test_an_interrupted_run_is_no_running_one(empty: Place):
    answer(empty, "responses", "0001", "a")
    assert running(catalog.choose("arena_test"), time.time() + ACTIVE_S + 5) == []


def test_a_batch_that_is_done_is_no_running_one(place: Place):
    answer(place, "responses", "0001", "a")
    chosen = catalog.choose("arena_test")
    assert [one.partition for one in running(chosen)] == ["0001"]
    store = place.store()
    fingerprint = store.notes("responses", "0001")["fingerprint"]
    store.write("responses", store.read("responses", "0001"), partition="0001", fingerprint=fingerprint)
    assert running(chosen) == []


def test_what_is_torn_is_in_flight_and_what_is_begun_anew_is_counted_anew(empty: Place):
    chosen, now = catalog.choose("arena_test"), time.time()
    answer(empty, "judge_scores", "0000", "a", "b")
    path = empty.data / "arena_test" / "journal" / "judge_scores" / "0000" / "items.jsonl"
    with path.open("a") as file:
        file.write(json.dumps({"key": "c"})[:5])
    assert running(chosen, now)[0].items == 2
    assert running(chosen, now)[0].total is None
    path.unlink()
    answer(empty, "judge_scores", "0000", "x")
    assert running(chosen, now + 1)[0].items == 1

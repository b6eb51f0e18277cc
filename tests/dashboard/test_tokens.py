"""Where two policies differ, token by token: found by the sum that the table holds, and never shown as markup."""

from __future__ import annotations

import pytest

from arena_assets.journal import Journal
from dashboard.data import tokens
from dashboard.data.tokens import Tokens
from dashboard.views import shaded
from tests.dashboard.conftest import Place
from tests.dashboard.pages import open_page

OWN = Tokens((-1.0, -2.0, -0.5), ("A", " <b>", "c"))


def test_ratios_are_of_the_same_tokens_alone():
    assert shaded.ratios(OWN, Tokens((-1.5, -1.0, -0.5), OWN.pieces)) == [-0.5, 1.0, 0.0]
    assert shaded.ratios(OWN, Tokens((-1.5, -1.0), OWN.pieces[:2])) is None
    assert shaded.ratios(OWN, Tokens(OWN.logprobs, ("A", "b", "c"))) is None


def test_the_largest_difference_is_shaded_most_and_text_stays_text():
    html = shaded.shaded(OWN.pieces, [-0.5, 1.0, 0.0])
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    spans = [part.split("'")[1] for part in html.split("<span style=")[1:]]
    strengths = [float(span.rstrip(")").split(",")[-1]) for span in spans]
    assert strengths == pytest.approx([0.375, 0.75, 0.0], abs=0.01)
    assert ["213,94,0" in spans[0], "15,120,188" in spans[1]] == [True, True]
    assert shaded.sentence("x", OWN.pieces, [-0.5, 1.0, 0.0]) == "x, +0.50 nats in all; most at “<b>” +1.00, “A” -0.50"
    assert shaded.sentence("x", OWN.pieces, [0.0, 0.0, 0.0]) == "x gives every token the probability that P0 gives it"


def test_tokens_are_found_by_the_sum_that_the_table_holds(place: Place):
    store = place.store()
    row = store.read("logprobs", "0000").iloc[0]
    totals = {"P0": row["total_logprob"], **row["target_logps"]}
    n = 4
    with Journal(store.journal_path("logprobs", "0000")) as journal:
        for place_of, (policy, total) in enumerate(totals.items()):
            scores = [total / n] * n if place_of != 2 else [total - 3.0, 1.0, 1.0, 1.0]
            journal.append(policy, {"logprob": total, "tokens": scores, "pieces": ["I", " am", " <img", " here"]})
        journal.append("other", {"logprob": -3.0})
    kept = tokens.by_total(store)
    assert kept[row["total_logprob"]].pieces == ("I", " am", " <img", " here")
    assert -3.0 not in kept
    app = open_page("responses", search=row["prompt_id"])
    assert any("token by token" in one.label for one in app.expander)
    shown = " ".join(str(one.proto.body) for one in app.get("html"))
    assert "&lt;img" in shown
    assert "<img" not in shown


@pytest.mark.usefixtures("place")
def test_without_kept_tokens_nothing_is_said_of_them():
    assert not any("token by token" in one.label for one in open_page("responses").expander)

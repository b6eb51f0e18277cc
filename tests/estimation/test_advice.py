"""The sentence under a verdict: the demo's clone first, then what would change each kind of refusal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from arena_assets.estimation import Method, Scenario, analyze, diagnose, draw
from arena_assets.estimation.diagnostics.advice import advice
from arena_assets.estimation.diagnostics.labels_at_random import Selection
from arena_assets.estimation.diagnostics.score_range import Beyond
from arena_assets.estimation.diagnostics.stated import Stated
from arena_assets.estimation.diagnostics.target import TargetDiagnostics
from arena_assets.estimation.studies.worlds import TARGET

DIRECT, DOUBLY_ROBUST = Method("direct", "monotone"), Method("dr_cpo", "monotone")
ONE = Stated(std_error=0.02, df=200.0)
WITHIN = Beyond(0.0, 0.0, 0.0, 0.0)
SEEN = TargetDiagnostics(diagnose(np.ones(1000)), 200, 200.0, WITHIN, WITHIN, 0.0, 0.01, 0.0, 0.01)
SKEWED = diagnose(np.exp(norm.ppf((np.arange(1000) + 0.5) / 1000) * 1.13 - 1.13**2 / 2))


def test_a_clone_is_said_to_be_one() -> None:
    data = draw(Scenario("clone", True, 80, n=100), np.random.default_rng(0))
    table = analyze(data, methods=[DIRECT, Method("snips", "monotone"), DOUBLY_ROBUST])
    clone = table[table["policy"] == TARGET]
    assert set(clone["support"]) == {"supported"}
    assert clone["support_advice"].str.contains("answers as P0 does, every weight is 1").all()


@pytest.mark.parametrize(
    ("method", "seen", "says"),
    [
        (DIRECT, replace(SEEN, n_labels=12), "13 more labels of P0's responses"),
        (DIRECT, replace(SEEN, selection=Selection("judge score", 5.0)), "label a random part"),
        (DIRECT, replace(SEEN, transport_error=0.018), "about 250 more labels of P0's responses would tell"),
        (DIRECT, replace(SEEN, transport=0.05), "direct_own"),
        (DIRECT, replace(SEEN, drawn_beyond=Beyond(0.3, 0.0, 0.03, 0.0)), "with the lowest scores"),
        (DIRECT, replace(SEEN, transport_error=np.nan), "cannot be told from P0's responses"),
        (DOUBLY_ROBUST, replace(SEEN, weights=SKEWED), "more labels of P0's responses would do"),
        (Method("snips", "monotone"), replace(SEEN, weights=diagnose(np.r_[1e4, np.ones(999)])), "however many"),
        (Method("naive_direct"), SEEN, "stand in for labels"),
        (Method("direct", "two_stage"), replace(SEEN, n_labels=80), "20 more labels of P0's responses"),
    ],
)
def test_what_would_change_a_verdict(method: Method, seen: TargetDiagnostics, says: str) -> None:
    said = advice(method, seen, ONE, "caution")
    assert says in said
    assert said.count(".") == 1


def test_labels_that_no_response_is_there_for_take_more_responses() -> None:
    few = replace(SEEN, n_labels=80, weights=diagnose(np.ones(90)))
    said = advice(Method("direct", "two_stage"), few, ONE, "caution")
    assert said.endswith("20 more labels of P0's responses would do, which takes 10 more responses.")


def test_nothing_that_differs_is_said_to_show_nothing() -> None:
    said = advice(DIRECT, SEEN, Stated(std_error=0.0, df=200.0), "refused")
    assert "Everything is equal" in said


def test_every_estimate_has_its_sentence() -> None:
    table = analyze(draw(Scenario("poor", False, 60, n=300), np.random.default_rng(1)))
    made = table[table["status"] == "ok"]
    assert (made["support_advice"].str.len() > 0).all()
    assert (table.loc[table["status"] != "ok", "support_advice"] == "").all()

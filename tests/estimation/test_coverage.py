"""Known truth: intervals cover, gates flag what misses.

The full study is `estimator_simulation` with 1,000 replications a cell.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from arena_assets.estimation import EstimationError, Method, Scenario, estimator_simulation, full_grid, overall
from arena_assets.estimation.studies.catalog import WORLDS
from arena_assets.estimation.studies.tallies import BEST, CONTRAST, VALUE, Key, Outcome, cell

pytestmark = pytest.mark.slow

METHODS = full_grid(
    ("direct", "direct_own", "snips", "dr_cpo", "sndr", "mrdr", "tmle", "stacked_dr"),
    ("monotone",),
    ("none",),
    ("deterministic",),
)
REPLICATIONS = 150
# Four standard errors of a coverage of .95 at this many replications: .95 +- .071.
LOW = 0.95 - 4 * np.sqrt(0.95 * 0.05 / REPLICATIONS)


@pytest.fixture(scope="module")
def study() -> pd.DataFrame:
    cells = [
        Scenario("clone", True, 250),
        Scenario("good", True, 50),
        Scenario("good", False, 250),
        Scenario("poor", False, 250),
    ]
    return estimator_simulation(cells, methods=METHODS, replications=REPLICATIONS)


def coverage(study: pd.DataFrame, scenario: str, estimand: str = VALUE) -> pd.Series:
    rows = study[(study["scenario"] == scenario) & (study["estimand"] == estimand)]
    return rows.set_index("estimator")["coverage"]


@pytest.mark.parametrize("scenario", ["clone, 250 labels", "good, 50 labels"])
def test_all_cover_where_policies_overlap_and_calibration_transports(study: pd.DataFrame, scenario: str) -> None:
    assert (coverage(study, scenario) >= LOW).all()


@pytest.mark.parametrize("scenario", ["clone, 250 labels", "good, 50 labels", "good, no transport, 250 labels"])
def test_what_is_best_supported_covers(study: pd.DataFrame, scenario: str) -> None:
    assert (coverage(study, scenario, BEST) >= LOW).all()


def test_weights_save_the_doubly_robust_family_where_transport_fails(study: pd.DataFrame) -> None:
    seen = coverage(study, "good, no transport, 250 labels")
    assert (seen[["dr_cpo", "sndr", "mrdr", "tmle", "direct_own"]] >= LOW).all()
    assert seen["direct"] < 0.5


def test_weights_that_follow_the_score_are_not_supported_where_transport_fails() -> None:
    """Also where a threshold takes nothing off them: their correction sees no more than the score."""
    by_score = full_grid(scorings=("deterministic",), weight_calibrations=("simcal",))
    cells = estimator_simulation([Scenario("good", False, 250)], methods=by_score, replications=20)
    assert (cells["supported_gross"] == 0).all()
    assert (cells.loc[cells["estimand"] == VALUE, "supported"] <= 0.1).all()


def test_own_labels_always_cover(study: pd.DataFrame) -> None:
    assert (study.loc[(study["estimator"] == "direct_own") & (study["estimand"] == VALUE), "coverage"] >= LOW).all()


def test_the_gate_flags_what_misses(study: pd.DataFrame) -> None:
    figures = overall(study)
    assert figures["supported_coverage"] >= 0.93
    assert figures["gross_flagged"] >= 0.95
    assert 0.2 < figures["supported"] < 0.9


def test_a_cell_does_not_depend_on_its_company() -> None:
    cells = [Scenario("good", True, 50, n=100), Scenario("fair", True, 50, n=100)]
    methods = [Method("direct", "monotone")]
    both = estimator_simulation(cells, methods=methods, replications=5)
    alone = estimator_simulation(cells[1:], methods=methods, replications=5)
    own = both[both["scenario"] == cells[1].world.name].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone)


def test_replications_in_other_pieces_give_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    cells, methods = [Scenario("good", True, 50, n=100)], [Method("direct", "monotone")]
    whole = estimator_simulation(cells, methods=methods, replications=5)
    monkeypatch.setattr("arena_assets.estimation.studies.simulation.CHUNK", 2)
    pd.testing.assert_frame_equal(estimator_simulation(cells, methods=methods, replications=5), whole)


def test_the_four_questions_by_hand() -> None:
    world = WORLDS[0]
    truth, wide = world.truth, 1.0
    outcomes = [
        Outcome(truth + 0.1, 0.1, truth - 0.1, truth + wide, "supported"),  # supported and right
        Outcome(truth + 0.4, 0.1, truth + 0.2, truth + wide, "supported"),  # supported, 4 standard errors off
        Outcome(truth, 0.1, truth - 0.2, truth + 0.2, "caution"),  # withheld though right
        Outcome(truth, 0.1, truth - 0.2, truth + 0.2, "refused"),  # refused though right
        Outcome(),  # no estimate: withheld, and not right
    ]
    row = cell(world, Key(VALUE, "direct", "monotone", "none"), outcomes)
    assert (row["replications"], row["failed"]) == (5, 1)
    assert (row["coverage"], row["supported_coverage"]) == (3 / 4, 1 / 2)
    assert (row["supported_gross"], row["withheld_right"], row["refused_right"]) == (1 / 5, 2 / 5, 1 / 5)
    assert (row["supported"], row["caution"], row["refused"]) == (2 / 5, 1 / 5, 2 / 5)
    assert row["coverage_std_error"] == pytest.approx(np.sqrt(3 / 64))
    contrast = cell(world, Key(CONTRAST), [Outcome(0.3, 0.1, 0.1, 0.5, "supported")])
    assert contrast["truth"] == 0.0  # a clone differs in nothing from P0
    assert contrast["coverage"] == 0.0


def test_progress_counts_replications() -> None:
    seen: list[tuple[int, int]] = []
    estimator_simulation(
        [Scenario("good", True, 50, n=100)],
        methods=[Method("snips")],
        replications=3,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(3, 3)]


def test_no_replications_is_an_error() -> None:
    with pytest.raises(EstimationError, match="at least 1"):
        estimator_simulation([], replications=0)

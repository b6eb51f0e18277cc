"""Known truth: intervals cover, gates flag what misses.

The full study is `estimator_simulation` with 1,000 replications a cell.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from arena_assets.estimation import EstimationError, Method, Scenario, draw, estimator_simulation, full_grid, overall
from arena_assets.estimation.studies.scenarios import TARGET, mean_label

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


def coverage(study: pd.DataFrame, overlap: str, transports: bool) -> pd.Series:
    rows = study[(study["overlap"] == overlap) & (study["transports"] == transports)]
    return rows.set_index("estimator")["coverage"]


@pytest.mark.parametrize("overlap", ["clone", "good"])
def test_all_cover_where_policies_overlap_and_calibration_transports(study: pd.DataFrame, overlap: str) -> None:
    assert (coverage(study, overlap, True) >= LOW).all()


def test_weights_save_the_doubly_robust_family_where_transport_fails(study: pd.DataFrame) -> None:
    seen = coverage(study, "good", False)
    assert (seen[["dr_cpo", "sndr", "mrdr", "tmle", "direct_own"]] >= LOW).all()
    assert seen["direct"] < 0.5


def test_own_labels_always_cover(study: pd.DataFrame) -> None:
    assert (study.loc[study["estimator"] == "direct_own", "coverage"] >= LOW).all()


def test_the_gate_flags_what_misses(study: pd.DataFrame) -> None:
    figures = overall(study)
    assert figures["supported_coverage"] >= 0.93
    assert figures["gross_flagged"] >= 0.95
    assert 0.2 < figures["supported"] < 0.9


def test_the_truth_in_closed_form_is_the_mean_of_many_labels() -> None:
    scenario = Scenario("fair", False, 100, n=200_000)
    labels = draw(scenario, np.random.default_rng(0)).targets[TARGET].labels
    assert abs(labels.mean() - scenario.truth) < 5 * labels.std() / np.sqrt(labels.size)
    assert scenario.truth == mean_label(scenario.shifts)


def test_a_cell_does_not_depend_on_its_company() -> None:
    cells = [Scenario("good", True, 50, n=100), Scenario("fair", True, 50, n=100)]
    methods = [Method("direct", "monotone")]
    both = estimator_simulation(cells, methods=methods, replications=5)
    alone = estimator_simulation(cells[1:], methods=methods, replications=5)
    pd.testing.assert_frame_equal(both.iloc[1:].reset_index(drop=True), alone)


def test_progress_counts_replications() -> None:
    seen: list[tuple[int, int]] = []
    estimator_simulation(
        [Scenario("good", True, 50, n=100)],
        methods=[Method("snips")],
        replications=3,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_no_replications_is_an_error() -> None:
    with pytest.raises(EstimationError, match="at least 1"):
        estimator_simulation([], replications=0)

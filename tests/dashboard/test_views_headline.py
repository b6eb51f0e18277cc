"""Headline and progress: what is taken, what is said, and charts within bounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from arena_assets.charts import headline
from dashboard.views import progress
from tests.made_up.result_rows import TARGETS, compiled, row, values, weights

# -- headline ----------------------------------------------------------------------------------------------------------


def test_the_headline_takes_the_best_supported_and_says_where_there_is_none():
    rows = [
        row(estimator="direct", support="caution", support_reason="few labels"),
        row(estimator="snips", std_error=0.5),
        row(policy="bad", support="refused", support_reason="effective sample size 3 of 100 (3%), below 15"),
    ]
    table = headline.best(pd.DataFrame(rows), values(pd.DataFrame(rows)), TARGETS)
    assert list(table["estimator"]) == ["snips", "direct"]
    assert np.isnan(table["estimate"][1])
    assert (
        headline.title(table)
        == "The best supported estimate covers the truth for 1 of 1 policy; none is supported for bad"
    )
    said = headline.conclusions(table, values(pd.DataFrame(rows)), weights())
    assert said[0].text == "good: SNIPS estimates 0.600 (0.560 to 0.640), which covers the truth 0.610."
    assert said[1].level == "refused"
    assert "below 15" in said[1].text
    assert said[2].text == "By their labels, with P0 at 0.900: good and bad clearly below P0."


@pytest.mark.parametrize(
    ("estimates", "truths", "said"),
    [
        ((0.6, 0.5), (np.nan, np.nan), "no truth to compare with yet"),
        (
            (np.nan, np.nan),
            (0.6, 0.5),
            "The truth of each policy, beside no estimate; none is supported for good and bad",
        ),
        ((np.nan, 0.5), (0.6, np.nan), "The best supported estimate of bad has no truth beside it yet; none is"),
        ((np.nan, np.nan), (0.6, np.nan), "The truth of good, beside no estimate"),
        ((0.6, 0.5), (0.6, np.nan), "can be held against its truth"),
    ],
)
def test_the_headline_never_denies_a_truth_that_it_draws(estimates, truths, said):
    table = pd.DataFrame({"policy": TARGETS, "estimate": estimates, "truth": truths, "covered": None})
    assert said in headline.title(table)


def test_the_headline_says_on_how_many_rows_weights_rest():
    rows = pd.DataFrame(
        [
            row(),
            row(estimator="ips", ess=3.2, ess_fraction=0.032),
            row(estimator="ips", policy="bad", ess=20.0, ess_fraction=0.2),
        ]
    )
    said = [
        one.text
        for one in headline.conclusions(
            headline.best(rows, values(rows), TARGETS), values(rows), weights(good=0.032, bad=0.2)
        )
    ]
    assert any(
        "say nothing reliable about good: its weights rest on 3 effective rows of 100 (3.2%)" in text for text in said
    )
    assert any("are uncertain for bad: its weights rest on 20 effective rows of 100 (20%)" in text for text in said)


def test_the_headline_draws_a_policy_without_truth_and_without_estimate(frame):
    frame = frame.astype({"covered": object})
    frame.loc[frame["policy"] == "bad", ["truth", "truth_std_error", "covered"]] = None
    known = values(frame, p0=None)
    table = headline.best(frame, known, TARGETS)
    compiled(headline.beside_truth(table, known))
    assert headline.conclusions(table, known, weights())


# -- progress ----------------------------------------------------------------------------------------------------------


def parts(states: list[str], asset: str = "responses") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "asset": asset, "partition": [f"{i:04d}" for i in range(len(states))], "state": states, "detail": "",
            "rows": 10, "modified": 1.0,
        }
    )  # fmt: skip


def test_the_summary_counts_states():
    table = progress.summary(parts(["done", "done", "outdated", "missing", "refused by a check"]))
    checks = pd.DataFrame({"outcome": ["refused", "passed", "warning", "warning"]})
    assert table.loc[0, ["partitions", "usable", "outdated", "missing", "rows"]].tolist() == [5, 2, 1, 1, 50]
    assert (
        progress.title(table, checks)
        == "2 of 5 partitions are done, 1 made by another configuration, 1 check failed, 2 warnings"
    )


def test_many_partitions_are_binned_by_the_worst_of_a_cell():
    frame = parts(["done"] * 999 + ["refused by a check"])
    cells = progress.binned(frame, most=100)
    assert len(cells) == 100
    assert (cells["state"] == "refused by a check").sum() == 1
    assert cells["rows"].sum() == 10_000
    assert cells["partition"].iloc[0] == "0000 to 0009"
    compiled(progress.strip(frame))

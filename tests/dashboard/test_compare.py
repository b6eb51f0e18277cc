"""Two sides on common policies: differences by hand, no finding of what is refused, and a choice that can be shared."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from dashboard.views import compare
from tests.dashboard.conftest import Place
from tests.dashboard.pages import charts, open_page, words
from tests.made_up.experiment import write_experiment
from tests.made_up.result_rows import compiled, row, values


def side(**policies: tuple[float, float, float, str]) -> pd.DataFrame:
    columns = ["value", "std_error", "df", "support"]
    found = pd.DataFrame.from_dict(policies, orient="index", columns=columns).rename_axis("policy").reset_index()
    half = 2 * found["std_error"]
    return found.assign(method="m", low=found["value"] - half, high=found["value"] + half)


LEFT = side(a=(0.5, 0.03, 30, "supported"), b=(0.5, 0.03, 30, "refused"), only=(0.1, 0.1, 9, "supported"))
RIGHT = side(b=(0.9, 0.04, 20, "supported"), a=(0.7, 0.04, 20, "caution"), c=(0.1, 0.1, 9, "supported"))


def test_sides_are_compared_on_the_policies_that_both_have():
    table = compare.beside(LEFT, RIGHT, 0.95).set_index("policy")
    assert list(table.index) == ["a", "b"]
    assert table.loc["a", "difference"] == pytest.approx(0.2)
    # Welch: 0.05^4 / (0.03^4 / 30 + 0.04^4 / 20) = 40.3 degrees of freedom, t = 2.0207
    assert table.loc["a", "high"] - 0.2 == pytest.approx(2.0207 * 0.05, rel=1e-3)
    assert table["refused"].tolist() == [False, True]
    assert (
        compare.outside(list(LEFT["policy"]), list(RIGHT["policy"])) == "Not compared, only left: only; only right: c."
    )
    for chart in (compare.sides_chart(table.reset_index(), "x", "y"), compare.difference_chart(table.reset_index())):
        compiled(chart)


def test_what_the_gates_refuse_is_no_difference_beyond_chance():
    table = compare.beside(LEFT, RIGHT, 0.95)
    assert compare.title(table, "A", "B") == "B differs from A beyond chance for 1 of 1 common policy: a (+0.200)"
    refused = compare.beside(LEFT.assign(support="refused"), RIGHT, 0.95)
    assert "share no policy of which both" in compare.title(refused, "A", "B")
    same = compare.beside(LEFT, LEFT.assign(value=LEFT["value"] + 0.01), 0.95)
    assert compare.title(same, "A", "B") == "B differs from A beyond chance for none of 2 common policies"


def test_a_side_without_an_error_has_a_difference_and_no_interval():
    table = compare.beside(side(a=(0.5, np.nan, np.nan, "supported")), RIGHT, 0.95)
    assert table["difference"].tolist() == pytest.approx([0.2])
    assert table[["low", "high"]].isna().all().all()


def test_an_estimate_differs_from_itself_by_nothing():
    ends = ["difference", "low", "high"]
    assert compare.beside(LEFT, LEFT, 0.95, one_analysis=True)[ends].eq(0).all().all()
    two = compare.beside(LEFT, LEFT, 0.95)  # equal by chance, in two analyses
    assert (two["low"] < 0).all()
    other = compare.beside(LEFT, LEFT.assign(method="other"), 0.95, one_analysis=True)
    assert (other["low"] < 0).all()


def test_the_best_supported_is_that_of_the_analysis():
    rows = [row(), row(estimator="ips", std_error=0.5), row(policy="bad", support="refused")]
    frame = pd.DataFrame(rows).assign(df=99.0)
    named = compare.named(frame, ("bad", "good"))
    assert list(named["policy"].unique()) == ["bad", "good"]
    assert compare.values(named, values(frame), compare.BEST)[["policy", "method"]].to_numpy().tolist() == [
        ["good", "Direct"]
    ]
    assert compare.methods(named, other_than_best=True)[0] != compare.BEST


@pytest.mark.usefixtures("place")
def test_two_methods_of_one_experiment_are_compared():
    app = open_page("compare")
    assert charts(app) == 2
    assert "common polic" in words(app) or "share no policy" in words(app)
    same = open_page("compare", left="best supported", right="best supported")
    assert "Both sides are the same" in words(same)
    minus = open_page("compare", what="difference from P0", left="Direct (monotone, deterministic)")
    assert "Both sides: difference from P0" in words(minus)


def test_two_experiments_are_compared_with_what_differs_between_them(place: Place):
    document = yaml.safe_load((place.configs / "arena_test.yaml").read_text()) | {"prompts": 80, "seed": 8}
    document["target_policies"][3]["name"] = "pi_pirate"
    (place.configs / "second.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    write_experiment(place.experiment("second"), place.store("second"), seed=3)
    app = open_page("compare", **{"with": "second"})
    said = words(app)
    assert charts(app) == 2
    assert "Results of second rest on 80 prompts in 2 batches" in said
    assert "Not compared, only left: pi_bad; only right: pi_pirate." in said
    assert "prompts 120 in arena_test, second: 80" in said
    assert app.selectbox(key="with").value == "second"
    shutil.rmtree(place.data / "second")
    assert "The results of second are not materialised yet" in words(open_page("compare", **{"with": "second"}))

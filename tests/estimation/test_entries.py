"""One entry makes an estimator: it is validated, run, gated, ranked and named by it, and listed nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arena_assets import estimation as e
from arena_assets.estimation.estimators import arrays, registry
from arena_assets.estimation.estimators.inputs import Inputs
from arena_assets.estimation.studies.worlds import TARGET
from arena_assets.tables import ABLATION_RESULTS
from tests.made_up.estimator import median_entered

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def median() -> Iterator[e.Estimator[...]]:
    with median_entered() as entry:
        yield entry


@pytest.fixture(scope="module")
def data() -> e.EvaluationData:
    return e.draw(e.Scenario("good", True, 80, 160), np.random.default_rng(0))


@pytest.mark.usefixtures("median")
def test_an_entry_puts_an_estimator_into_the_table(data: e.EvaluationData) -> None:
    table = e.analyze(data)
    own = table[table["estimator"] == "median_of_draws"]
    assert set(own["policy"]) == {"p0", TARGET}
    assert set(own["reward_calibration"]) == {"monotone"}
    assert set(own["status"]) == {"ok"}
    # Families stand together, in the table as on screen.
    assert list(dict.fromkeys(table["estimator"]))[:4] == ["naive_direct", "direct", "direct_own", "median_of_draws"]


def test_an_entry_gives_an_estimator_its_array_form(median: e.Estimator[...]) -> None:
    assert median(scores=[0.1, 0.2, 0.9]).value == 0.2
    assert e.ESTIMATORS["median_of_draws"] is median
    with pytest.raises(e.EstimationError, match="scores: 1 of 2"):
        median(scores=[0.1, np.nan])


@pytest.mark.usefixtures("median")
def test_an_entry_is_what_a_configuration_is_checked_against() -> None:
    spec = e.AblationSpec.from_mapping({"estimators": ["median_of_draws"], "scoring": ["deterministic"]})
    assert spec.chosen == (e.Method("median_of_draws", "monotone"),)
    assert e.Method("median_of_draws", "monotone") in e.AblationSpec().chosen
    with pytest.raises(e.EstimationError, match="the median of raw scores is no label"):
        e.Method("median_of_draws", "none")


@pytest.mark.usefixtures("median")
def test_an_entry_ranks_an_estimator_by_what_it_assumes() -> None:
    columns = ["estimator", "reward_calibration", "policy", "std_error", "support", "status"]
    rows = [
        ("snips", "monotone", "a", 0.01, "supported", "ok"),
        ("median_of_draws", "monotone", "a", 0.1, "supported", "ok"),
    ]
    table = pd.DataFrame(rows, columns=columns).assign(weight_calibration="none")
    assert e.best_supported(table)["estimator"].tolist() == ["median_of_draws"]


def test_every_estimator_is_exported_and_a_misspelt_one_is_not() -> None:
    """By its file's `__all__`, so that readers and type checkers see which there are, and which arrays each takes."""
    assert {name for name in e.__all__ if isinstance(getattr(e, name), e.Estimator)} == set(e.ESTIMATORS)
    assert not hasattr(e, "dr_cop")


def test_without_its_entry_an_estimator_is_unknown() -> None:
    with pytest.raises(e.EstimationError, match="unknown estimator 'median_of_draws'"):
        e.Method("median_of_draws", "monotone")
    assert "median_of_draws" not in e.ESTIMATORS


def test_a_name_is_entered_once() -> None:
    with pytest.raises(ValueError, match="there is an estimator snips already"):
        e.estimator("x", "x", family=registry.DIRECT, assumes=registry.Assumes.JUDGE, arrays=arrays.fresh_draws)(
            _named_snips()
        )
    assert e.ESTIMATORS["snips"].title == "SNIPS"


def _named_snips():
    def snips(inputs: Inputs) -> e.Estimate:
        raise AssertionError(inputs)

    return snips


# "direct" is also the name of a module and an English word.
@pytest.mark.parametrize("name", sorted(set(e.ESTIMATORS) - {"direct"}))
def test_an_estimators_name_stands_beside_its_function_alone(name: str) -> None:
    """In code: names in docstrings and comments are prose."""
    home = ROOT / "arena_assets" / "estimation" / "estimators"
    found = {
        path.name
        for room in ("arena_assets", "dashboard")
        for path in (ROOT / room).rglob("*.py")
        for line in _code(path.read_text(encoding="utf-8"))
        if re.search(rf"['\"]{name}['\"]|\b(import|def) (\w+, )*{name}\b", line)
    }
    assert len(found) == 1
    assert (home / next(iter(found))).exists()


def _code(text: str) -> Iterator[str]:
    """Lines outside docstrings and comments."""
    for line in re.sub(r'"""[\s\S]*?"""', "", text).splitlines():
        yield line.split("#")[0]


def test_every_entry_has_its_words() -> None:
    for one in e.ESTIMATORS.values():
        assert one.title
        assert one.meaning
        assert one.needs
        assert one.function.__doc__
        assert one.variant_of is None or one.variant_of in e.ESTIMATORS


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("naive_direct", ("fresh draws",)),
        ("direct", ("fresh draws", "labels")),
        ("direct_own", ("fresh draws", "labels of the target")),
        ("snips", ("weights",)),
        ("dr_cpo", ("weights", "fresh draws", "labels")),
    ],
)
def test_what_an_estimator_needs_follows_from_its_family(name: str, needs: tuple[str, ...]) -> None:
    assert e.ESTIMATORS[name].needs == needs


def test_the_order_of_methods_does_not_matter(data: e.EvaluationData) -> None:
    """Stacking takes estimates up that other methods made; it once took those that happened to be there."""
    key = ["estimator", "reward_calibration", "weight_calibration", "policy"]
    methods = e.full_grid(scorings=("deterministic",))
    forward, backward = (
        e.analyze(data, methods=given).sort_values(key, ignore_index=True) for given in (methods, methods[::-1])
    )
    pd.testing.assert_frame_equal(forward, backward, check_exact=True)


@pytest.mark.parametrize("backward", [False, True])
def test_stacking_makes_no_estimate_twice(
    data: e.EvaluationData, monkeypatch: pytest.MonkeyPatch, backward: bool
) -> None:
    calls: list[Inputs] = []
    entry = e.ESTIMATORS["mrdr"]
    function = entry.function

    def counted(inputs: Inputs) -> e.Estimate:
        calls.append(inputs)
        return function(inputs)

    monkeypatch.setitem(entry.__dict__, "function", counted)
    methods = [e.Method(name, "monotone") for name in ("mrdr", "stacked_dr")]
    results = e.evaluate(data, methods=methods[::-1] if backward else methods)
    assert all(result.estimate is not None for result in results)
    assert len(calls) == 1


def test_the_columns_are_those_of_the_tables_contract() -> None:
    assert tuple(ABLATION_RESULTS.names) == e.COLUMNS

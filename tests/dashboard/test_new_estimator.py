"""A new estimator is on the page as soon as it is in the results, with the name that its entry gives it."""

from __future__ import annotations

from arena_assets.estimation import analyze
from arena_assets.stages.collecting import as_data, collect
from tests.dashboard.conftest import Place
from tests.dashboard.test_dashboard_pages import open_page
from tests.made_up.estimator import median_entered

CHARTS = ("arrow_vega_lite_chart", "vega_lite_chart")


def test_a_throw_away_estimator_is_in_the_table_and_on_the_page(place: Place) -> None:
    experiment, store = place.experiment(), place.store()
    data = as_data(experiment, collect(experiment, store).tables)
    with median_entered() as median:
        results = analyze(data)
        assert set(results.loc[results["estimator"] == median.name, "status"]) == {"ok"}
        fingerprint = experiment.fingerprint("ablation_results")
        store.write("ablation_results", results, fingerprint=fingerprint)

        tables = [frame.value for frame in open_page("estimators", view="Table").dataframe]
        assert median.name in set(next(one for one in tables if "std_error" in one)["estimator"])
        app = open_page("estimators")
        drawn = [str(chart.proto) for kind in CHARTS for chart in app.get(kind)]
        assert drawn
        assert all(median.title in chart for chart in drawn)

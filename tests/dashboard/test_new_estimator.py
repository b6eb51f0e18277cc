"""A new estimator is on the page as soon as it is in the results, with the name that its entry gives it."""

from __future__ import annotations

import yaml

from arena_assets.stages.analysis import analyse, write_analysis
from arena_assets.stages.collecting import as_data, collect
from tests.dashboard.conftest import Place
from tests.dashboard.pages import open_page
from tests.made_up.estimator import median_entered

CHARTS = ("arrow_vega_lite_chart", "vega_lite_chart")


def test_a_throw_away_estimator_is_in_the_table_and_on_the_page(place: Place) -> None:
    experiment, store = place.experiment(), place.store()
    data = as_data(experiment, collect(experiment, store).tables)
    with median_entered() as median:
        (place.configs / "ablations").mkdir()
        chosen = {"estimators": ["direct", "snips", median.name], "reward_calibration": ["none", "monotone"]}
        (place.configs / "ablations" / "default.yaml").write_text(yaml.safe_dump(chosen))
        analysis = analyse(experiment, data, lambda: 0.0)
        results = analysis.results
        assert set(results.loc[results["estimator"] == median.name, "status"]) == {"ok"}
        write_analysis(experiment, store, analysis)

        tables = [frame.value for frame in open_page("estimators", view="Table").dataframe]
        assert median.name in set(next(one for one in tables if "std_error" in one)["estimator"])
        app = open_page("estimators")
        drawn = [str(chart.proto) for kind in CHARTS for chart in app.get(kind)]
        assert drawn
        assert all(median.title in chart for chart in drawn)

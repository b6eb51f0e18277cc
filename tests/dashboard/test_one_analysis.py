"""What the analysis wrote is what every surface shows: its level, its figures, and nothing that is fitted again."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
import yaml
from streamlit.testing.v1 import AppTest

from arena_assets import pipeline
from arena_assets.cli.report import comparison
from arena_assets.config import Experiment
from arena_assets.estimation import EstimationError
from arena_assets.estimation.preparation import Preparation
from arena_assets.stages.analysis import analyse, write_analysis
from arena_assets.stages.collecting import as_data, collect
from arena_assets.storage.analysed import read_beside
from arena_assets.summary import write_report
from arena_assets.tables import TABLES
from tests.dashboard.conftest import Place
from tests.dashboard.pages import PAGES, charts, open_page, words

BESIDE = tuple(TABLES[name] for name in pipeline.RESULTS.beside)


@pytest.fixture
def analysed(place: Place) -> Experiment:
    """The experiment with its level at 0.9, really analysed by few methods."""
    path = place.configs / "arena_test.yaml"
    document = yaml.safe_load(path.read_text()) | {"analysis": {"level": 0.9, "ablation": "few"}}
    path.write_text(yaml.safe_dump(document))
    methods = {
        "estimators": ["naive_direct", "direct", "snips"],
        "reward_calibration": ["none", "monotone"],
        "weight_calibration": ["none"],
        "scoring": ["deterministic"],
    }
    (place.configs / "ablations").mkdir()
    (place.configs / "ablations" / "few.yaml").write_text(yaml.safe_dump(methods))
    experiment, store = place.experiment(), place.store()
    collected = collect(experiment, store)
    analysis = analyse(experiment, as_data(experiment, collected.tables), lambda: 0.0)
    write_analysis(experiment, store, analysis, rests_on=collected.summary, prompts="120")
    return experiment


@pytest.fixture
def nothing_can_be_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a surface fits what the analysis wrote")

    monkeypatch.setattr(Preparation, "__init__", fail)
    for place in (
        "arena_assets.estimation.analysis.evaluate",
        "arena_assets.estimation.diagnostics.weights.diagnose",
        "arena_assets.estimation.calibration.isotonic.fit",
        "arena_assets.estimation.calibration.reward.calibrate",
        "sklearn.isotonic.IsotonicRegression.fit",
        "scipy.stats.spearmanr",
        "scipy.stats.kendalltau",
    ):
        monkeypatch.setattr(place, fail)


def specs(app: AppTest) -> str:
    return " ".join(json.dumps(json.loads(one.proto.spec)) for one in app.get("arrow_vega_lite_chart"))


@pytest.mark.usefixtures("analysed", "nothing_can_be_fitted")
@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_finished_store_fits_nothing(page: str) -> None:
    app = open_page(page)
    assert not app.warning
    assert charts(app) >= (0 if page == "responses" else 2)


@pytest.mark.usefixtures("analysed", "nothing_can_be_fitted")
def test_the_report_of_a_finished_store_fits_nothing(place: Place, analysed: Experiment) -> None:
    (_, page), opening = write_report(analysed, place.store())
    assert "arena_test: what was found" in opening.replace("\\", "")
    assert page.read_text().count("<svg") >= 12


@pytest.mark.usefixtures("analysed")
@pytest.mark.parametrize("page", ["overview", "estimators", "judge"])
def test_the_dashboard_states_the_level_of_the_analysis(page: str) -> None:
    app = open_page(page)
    shown = words(app) + specs(app)
    assert "90% " in shown
    assert "95%" not in shown


def test_report_and_command_state_the_level_of_the_analysis(place: Place, analysed: Experiment) -> None:
    (markdown, page), _ = write_report(analysed, place.store())
    said = comparison(analysed, place.store())
    for text in (markdown.read_text(), page.read_text(), said):
        assert "90% interval" in text
        assert not re.findall("95%(?: interval|,? from)", text)  # a share of rows may well be 95%


def test_report_dashboard_and_command_quote_one_truth_and_one_effective_size(
    place: Place, analysed: Experiment
) -> None:
    values = read_beside(place.store(), "policy_values").set_index("policy")
    weights = read_beside(place.store(), "weight_diagnostics").set_index("policy")
    results = place.store().read("ablation_results").query("estimator == 'snips' and reward_calibration == 'monotone'")
    said, page = comparison(analysed, place.store()), words(open_page("estimators"))
    for policy in analysed.target_names:
        assert f"{policy}: truth {values.loc[policy, 'value']:.3f}" in said
        assert f"the truth, {values.loc[policy, 'value']:.3f}" in page
    pd.testing.assert_series_equal(
        results.set_index("policy")["ess"].sort_index(), weights["ess"].sort_index(), check_exact=True
    )


def test_an_interrupted_analysis_is_named_and_never_read_as_one(place: Place, analysed: Experiment) -> None:
    store = place.store()
    for table in BESIDE:
        frame = store.read(table.name)
        store.write(table.name, frame, fingerprint=analysed.fingerprint("ablation_results"), analysis="another")
    said = words(open_page("weights"))
    assert "weight_diagnostics and ablation_results are of two analyses" in said
    from arena_assets.errors import StorageError

    with pytest.raises(StorageError, match="of two analyses, the last of which was interrupted"):
        write_report(analysed, store)


def test_results_of_an_earlier_version_say_what_to_run(place: Place, analysed: Experiment) -> None:
    del analysed
    (place.data / "arena_test" / "policy_values.parquet").unlink()
    app = open_page("estimators")
    assert "policy_values is not there: an earlier version made ablation_results" in words(app)


def test_bad_data_are_refused_in_words(place: Place, analysed: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    from arena_assets.errors import RefusedError
    from arena_assets.stages import analysis, generated

    tables = collect(analysed, place.store()).tables
    data = as_data(analysed, tables)

    def fail(*_: object, **__: object) -> None:
        raise EstimationError("prompt ids appear more than once")

    monkeypatch.setattr(generated, "evaluation_data", fail)
    with pytest.raises(RefusedError, match="allow no evaluation: prompt ids appear more than once"):
        as_data(analysed, tables)
    monkeypatch.setattr(analysis, "complete_analysis", fail)
    with pytest.raises(RefusedError, match="arena_test cannot be analysed: prompt ids"):
        analyse(analysed, data, lambda: 0.0)

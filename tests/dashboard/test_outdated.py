"""What is outdated is said on every page, with what has changed and what the shown results rest on."""

from __future__ import annotations

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from arena_assets.tables import ABLATION_RESULTS
from tests.dashboard.conftest import Place
from tests.dashboard.pages import PAGES, open_page, words
from tests.made_up.experiment import write_experiment


def edit(place: Place, **changes: object) -> None:
    path = place.configs / "arena_test.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes, sort_keys=False))


def cooler_at(place: Place, temperature: float) -> None:
    document = yaml.safe_load((place.configs / "arena_test.yaml").read_text())
    targets = document["target_policies"]
    targets[1]["temperature"] = temperature
    edit(place, target_policies=targets)


def metric(app: AppTest, label: str) -> str:
    return next(str(one.value) for one in app.metric if one.label == label)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_its_results_rest_on(page: str) -> None:
    said = words(open_page(page))
    assert "Results of arena_test rest on 120 prompts in 3 batches, made " in said
    assert "Outdated" not in said


@pytest.mark.parametrize("page", PAGES)
def test_results_of_another_number_of_prompts_are_outdated_on_every_page(place: Place, page: str) -> None:
    edit(place, prompts=400)
    said = words(open_page(page))
    assert "Outdated. Results of arena_test rest on 120 prompts (its file asks for 400) in 3 batches" in said
    assert "The configuration has changed since: prompts 120, now 400." in said
    assert "Mend it by `arena run arena_test`" in said


@pytest.mark.parametrize("page", PAGES)
def test_results_of_another_temperature_are_outdated_on_every_page(place: Place, page: str) -> None:
    cooler_at(place, 0.5)
    said = words(open_page(page))
    assert "The configuration has changed since: pi_cooler: temperature 0.7, now 0.5." in said
    assert (
        "Tables of another configuration: responses 3 of 3, logprobs 3 of 3, judge_scores 3 of 3, oracle_labels 3 of 3."
        in said
    )


def test_the_overview_counts_what_is_analysed_and_shows_the_settings_that_made_it(place: Place) -> None:
    edit(place, prompts=160)
    app = open_page("overview")
    assert metric(app, "Analysed") == "120 of 160"
    # Of prompts to labels four batches each, of which three are done; the corpus is not there, the results outdated.
    assert metric(app, "Partitions done") == f"{15 / 22:.0%}"
    cooler_at(place, 0.5)
    app = open_page("overview")
    table = next(frame.value for frame in app.dataframe if "temperature" in frame.value.columns)
    assert table.set_index("policy")["temperature"]["pi_cooler"] == 0.7
    assert "With these settings the results were made; the file says others now." in words(app)


def test_results_that_do_not_say_their_settings_are_not_given_the_files(place: Place) -> None:
    store, experiment = place.store(), place.experiment()
    notes = {k: v for k, v in store.notes("ablation_results").items() if k in ("fingerprint", "analysis", "prompts")}
    store.write("ablation_results", store.read("ablation_results"), **notes)
    cooler_at(place, 0.5)
    said = words(open_page("overview"))
    assert "an earlier version made the results, and did not keep their settings" in said
    assert "Ablation_results was made with another configuration" in said
    assert experiment.name in said


def test_results_of_policies_that_were_renamed_are_shown_under_their_names(place: Place) -> None:
    document = yaml.safe_load((place.configs / "arena_test.yaml").read_text())
    targets = document["target_policies"]
    targets[3]["name"] = "pi_pirate"
    edit(place, target_policies=targets)
    said = words(open_page("estimators"))
    assert "pi_bad is no longer a policy; pi_pirate is a new policy" in said
    assert "pi_bad: " in said
    assert "intervals cover the truth" in said


def test_batches_that_came_later_and_batches_that_are_gone_are_counted(place: Place) -> None:
    (place.data / "arena_test" / "logprobs" / "0002.parquet").unlink()
    assert "1 batch of theirs is done no longer." in words(open_page("estimators"))
    edit(place, prompts=200)
    write_experiment(place.experiment(), place.store(), partitions=["0003", "0004"], with_results=False)
    said = words(open_page("estimators"))
    assert "2 batches are done that they do not rest on." in said


@pytest.mark.parametrize("page", ["weights", "responses"])
def test_batches_of_more_prompts_than_are_asked_for_are_said_where_they_are_shown(place: Place, page: str) -> None:
    edit(place, prompts=80)
    assert "1 batch is of more prompts than its file asks for: weights, scores and responses" in words(open_page(page))


def test_an_analysis_that_a_check_refused_is_no_present_one(place: Place) -> None:
    finding = {"name": "sums", "blocking": True, "passed": False, "text": "they do not add up", "figures": {}}
    place.store().write_checks(ABLATION_RESULTS.name, None, [finding], "run")
    said = words(open_page("estimators"))
    assert "Ablation_results was refused: sums: they do not add up." in said


def test_without_results_only_outdated_tables_are_said(place: Place) -> None:
    (place.data / "arena_test" / "ablation_results.parquet").unlink()
    assert "Outdated" not in words(open_page("weights"))
    cooler_at(place, 0.5)
    said = words(open_page("weights"))
    assert "Outdated. Tables of another configuration: responses 3 of 3" in said

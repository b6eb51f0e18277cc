"""Every page in every state, through Streamlit's AppTest: no exception, and the right words."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views.responses import ORDERS
from tests.dashboard.pages import APP, PAGES, charts, open_page, words
from tests.made_up.experiment import findings, write_config, write_experiment, write_studies
from tests.made_up.tables import HOSTILE

# The table without which a page has nothing to show, and what it then says is missing.
NEEDS = {
    "overview": "The results",
    "estimators": "The results",
    "compare": "The results",
    "ablations": "The results",
    "weights": "The log-probabilities",
    "judge": "The judge scores",
    "responses": "The prompts",
}


@pytest.mark.usefixtures("place")
def test_the_app_starts_with_the_overview():
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert app.title[0].value == "Overview"


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("page", PAGES)
def test_a_complete_experiment_has_no_problem(page):
    app = open_page(page)
    assert not app.warning
    assert not app.error
    assert charts(app) >= (0 if page == "responses" else 2)


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("page", PAGES)
def test_nothing_materialised_says_what_to_run(page):
    app = open_page(page)
    assert f"{NEEDS[page]} of arena_test are not materialised yet" in words(app)
    assert any(code.value == "arena run arena_test" for code in app.code)


def test_the_demo_is_run_by_make_demo(empty):
    write_config(empty.configs, "demo", prompts=10, batch_size=10)
    app = open_page("weights", experiment="demo")
    assert any(code.value == "make demo" for code in app.code)


def test_no_experiment_at_all_says_what_to_run(empty):
    (empty.configs / "arena_test.yaml").unlink()
    app = open_page("overview")
    assert "There is no experiment" in words(app)
    assert app.code[0].value == "make demo"


@pytest.mark.parametrize("page", PAGES)
def test_an_invalid_configuration_shows_its_reason_and_the_tables(place, page):
    (place.configs / "arena_test.yaml").write_text("prompts: -1\nnonsense: true\n")
    app = open_page(page)
    assert "nonsense: unknown key" in words(app)
    assert "arena_test cannot be used" in words(app)
    assert charts(app) >= (0 if page == "responses" else 1)


SPOILED = {
    "overview": "ablation_results",
    "estimators": "ablation_results",
    "compare": "ablation_results",
    "ablations": "ablation_results",
    "weights": "logprobs/0001",
    "judge": "judge_scores/0001",
    "responses": "responses/0001",
}


@pytest.mark.parametrize("page", PAGES)
def test_a_corrupted_file_is_named_and_the_page_goes_on(place, page):
    path = place.data / "arena_test" / f"{SPOILED[page]}.parquet"
    path.write_bytes(path.read_bytes()[:100])
    said = words(open_page(page))
    assert f"Left out of this page: {SPOILED[page]}" in said
    assert "materialise it again" in said
    other = "weights" if page != "weights" else "estimators"
    assert "Left out" not in words(open_page(other))


@pytest.mark.parametrize("page", PAGES)
def test_an_old_file_is_named_with_what_it_lacks(place, page):
    path = place.data / "arena_test" / f"{SPOILED[page]}.parquet"
    lacking = {
        "ablation_results": "support_reason", "logprobs/0001": "rejected", "judge_scores/0001": "judge_variance",
        "responses/0001": "reason",
    }[SPOILED[page]]  # fmt: skip
    pq.write_table(pq.read_table(path).drop_columns([lacking]), path)
    assert f"it lacks {lacking}" in words(open_page(page))


@pytest.mark.parametrize("page", PAGES)
def test_a_run_half_way_shows_what_there_is(empty, page):
    write_experiment(
        empty.experiment(), empty.store(), partitions=["0000"], assets=("prompts", "responses"), with_results=False
    )
    app = open_page(page)
    assert not app.warning
    if page == "overview":
        assert "2 of 17 partitions are done" in words(app)
    if page == "responses":
        assert "40 prompts" in words(app)


def test_the_overview_shows_refused_batches_and_their_reason(place):
    (place.data / "arena_test" / "logprobs" / "0002.parquet").unlink()
    place.store().write_checks("logprobs", "0002", findings("logprobs", 40, failed="pi_clone is off"), "run")
    app = open_page("overview")
    said = words(app)
    assert "1 check failed" in said
    # Above the results, and whole.
    assert said.index("**refused** refused, logprobs/0002") < said.index("The best supported estimate")
    assert "pi_clone is off" in [text.value for text in app.text]


@pytest.mark.usefixtures("place")
def test_the_headline_names_every_policy_and_what_weights_rest_on():
    said = words(open_page("overview"))
    for policy in ("pi_clone", "pi_cooler", "pi_concise", "pi_bad"):
        assert f"{policy}: " in said
    assert "pi_bad: its weights rest on" in said


@pytest.mark.usefixtures("place")
def test_filters_of_the_address_are_taken_and_filters_change_the_table():
    app = open_page(
        "estimators", scoring="uncertainty-aware", reward="two-stage", policy="pi_bad", family="Direct", view="Table"
    )
    tables = [frame.value for frame in app.dataframe if "std_error" in frame.value.columns]
    assert set(tables[0]["policy"]) == {"pi_bad"}
    assert set(tables[0]["scoring"]) == {"uncertainty_aware"}
    assert set(tables[0]["reward_calibration"]) == {"two_stage"}
    app.selectbox(key="reward").select("none").run()
    tables = [frame.value for frame in app.dataframe if "std_error" in frame.value.columns]
    assert set(tables[0]["reward_calibration"]) == {"none"}


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("view", "number", "said"),
    [("Intervals", 4, "intervals cover the truth"), ("Errors and rankings", 2, "is closest to the truth"),
     ("Table", 0, "estimates of these filters")],
)  # fmt: skip
def test_every_view_of_the_estimates(view, number, said):
    app = open_page("estimators", view=view)
    assert charts(app) == number
    assert said in words(app)
    assert len(app.get("download_button")) == (2 if view == "Table" else 0)


@pytest.mark.usefixtures("place")
def test_filters_that_leave_nothing_say_so():
    app = open_page("estimators", family="Direct", weight="SIMCal weights")
    assert "No estimate passes these filters" in words(app)


@pytest.mark.usefixtures("place")
def test_an_unknown_experiment_in_the_address_is_said():
    assert "There is no experiment nope" in words(open_page("overview", experiment="nope"))


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("measure", ["Absolute error", "Interval width", "Coverage"])
def test_every_measure_of_the_ablations_is_drawn(measure):
    app = open_page("ablations", measure=measure)
    assert "pairs" in words(app)
    assert app.segmented_control(key="measure").value == {"Coverage": "covered"}.get(measure, measure.split()[-1])
    assert charts(app) == 3  # two of the ingredients, and the simulation that the package brings


def test_the_judge_page_shows_what_scoring_cost_and_took(place):
    said = words(open_page("judge"))
    assert "responses scored with" in said
    assert "The judge took 30 s for 600 answers (20 a second), the oracle took 27 s" in said
    for path in (place.data / "arena_test" / "judge_scores").glob("*.checks.json"):
        path.unlink()
    said = words(open_page("judge"))
    assert "The oracle took" in said
    assert "The judge took" not in said


def test_the_judge_page_names_a_run_whose_time_cannot_be_read(place):
    (place.data / "arena_test" / "judge_scores" / "0001.checks.json").write_text("{")
    said = words(open_page("judge"))
    assert "judge_scores/0001 (checks)" in said
    assert "The judge took 20 s for 400 answers" in said


def test_the_judge_page_without_labels_shows_scores_alone(place):
    for path in (place.data / "arena_test" / "oracle_labels").glob("*.parquet"):
        path.unlink()
    said = words(open_page("judge"))
    assert "No oracle label is materialised yet" in said


@pytest.mark.usefixtures("place")
def test_model_output_is_shown_as_text_and_never_as_markdown():
    app = open_page("responses")
    assert HOSTILE in [text.value for text in app.text]
    assert all("example.invalid" not in str(element.value) for element in app.markdown)


def test_search_finds_by_word_and_by_id_and_pages(place):
    app = open_page("responses", search="binary search")
    assert "17 of 120 prompts hold the text" in words(app)
    assert "page" in str(app.number_input[0].label).lower()
    app.number_input(key="page").set_value(4).run()
    assert not app.exception
    one = place.store().read("prompts", "0001")["prompt_id"].iloc[0]
    assert "1 of 120 prompts hold the text" in words(open_page("responses", search=one))
    assert "No prompt passes this search" in words(open_page("responses", search="xyzzy"))


@pytest.mark.usefixtures("place")
def test_a_page_beyond_the_last_is_brought_back():
    app = open_page("responses", page="999")
    assert "120 prompts" in words(app)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("order", ["as sampled", "largest weight", "judge and oracle apart", "lowest label", "longest"])
def test_every_order_of_the_responses_works(order):
    app = open_page("responses", order=order)
    assert "120 prompts" in words(app)
    assert ORDERS[str(app.selectbox(key="order").value)] == order


def test_the_studies_are_shown_where_they_were_run(place):
    said = words(open_page("ablations"))
    assert "The grid over sample sizes and oracle coverages has not been run" in said
    assert "As it comes with the package" in said
    write_studies(place.experiment(), place.store())
    app = open_page("ablations")
    assert "has not been run" not in words(app)
    assert "As it comes with the package" not in words(app)
    assert charts(app) == 4
    assert "has the lowest RMSE" in words(app)
    assert "17 of 18 partitions are done" in words(open_page("overview"))


def test_an_experiment_that_keeps_its_data_elsewhere_is_shown_the_simulation_that_was_made_here(place):
    write_studies(place.experiment(), place.store())
    far = place.data.parent / "far"
    far.mkdir()
    (place.data / "arena_test").rename(far / "arena_test")
    (place.configs / "arena_test.yaml").open("a").write(f"storage: {far}\n")
    app = open_page("ablations")
    assert "As it comes with the package" not in words(app)
    assert charts(app) == 4


def test_a_corrupted_study_is_named_and_the_ingredients_stay(place):
    write_studies(place.experiment(), place.store())
    (place.data / "arena_test" / "ablation_grid.parquet").write_bytes(b"broken")
    (place.data / "methods" / "estimator_simulation.parquet").write_bytes(b"broken")
    app = open_page("ablations")
    assert "ablation_grid" in words(app)
    assert "estimator_simulation" in words(app)
    assert charts(app) == 3  # the simulation of the package stands in


def test_the_folder_of_the_simulation_is_no_experiment(place):
    write_studies(place.experiment(), place.store())
    assert list(open_page("overview").selectbox(key="experiment").options) == ["arena_test"]

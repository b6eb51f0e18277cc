"""The dashboard in a real browser: pages load, filters act, links hold, nothing is logged as an error."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.browser import Watch, browser, chromium, serve, settle
from tests.made_up.experiment import write_config, write_experiment
from tests.made_up.tables import HOSTILE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

PATHS = {"": 2, "estimators": 4, "compare": 2, "ablations": 2, "weights": 7, "judge": 4, "responses": 0}


@pytest.fixture(scope="module")
def site(generated, tmp_path_factory) -> Iterator[tuple[str, object]]:
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(generated.configs, root / "configs")
    shutil.copytree(generated.data, root / "data")
    write_config(root / "configs", "untouched", prompts=20, batch_size=10)
    with serve(root / "configs", root / "data", root / "server.log") as (address, _):
        yield address, root


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chrome) -> Iterator[Page]:
    opened = chrome.new_page(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


def visit(page: Page, address: str, path: str, charts: int) -> Watch:
    watch = Watch(page, address)
    page.goto(f"{address}/{path}")
    settle(page, charts)
    return watch


@pytest.fixture(scope="module", params=[(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")], ids=str)
def device(chrome, request) -> Iterator[tuple[Page, int, str]]:
    width, theme = request.param
    # One page for all paths: the second one finds Streamlit's scripts in the browser's cache.
    opened = chrome.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    yield opened, width, theme
    opened.close()


@pytest.mark.parametrize("path", PATHS)
def test_every_page_loads_in_both_themes_and_widths(site, device, path):
    page, width, theme = device
    watch = visit(page, site[0], f"{path}?experiment=arena_test", PATHS[path])
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    assert watch.faults == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"the page is {wide} pixels wide"
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", background)[:3]) / 3
    assert (brightness < 128) == (theme == "dark")
    watch.stop()


def test_the_navigation_keeps_the_experiment_and_names_it_in_the_address(site, page):
    watch = visit(page, site[0], "?experiment=untouched", 0)
    expect(page.get_by_text("The results of untouched are not materialised yet")).to_be_visible()
    page.get_by_role("link", name="Weights").click()
    expect(page.get_by_text("The log-probabilities of untouched are not materialised yet")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/weights\?.*experiment=untouched"))
    assert watch.faults == []


def test_a_filter_acts_on_the_charts_and_is_kept_in_the_address(site, page, chrome):
    watch = visit(page, site[0], "estimators?experiment=arena_test", 4)
    page.get_by_role("button", name="pi_bad", exact=True).click()
    expect(page.locator(".vega-embed")).to_have_count(1)
    expect(page).to_have_url(re.compile("policy=pi_bad"))
    assert "experiment=arena_test" in page.url
    again = chrome.new_page()
    visit(again, site[0], page.url.removeprefix(f"{site[0]}/"), 1)
    expect(again.locator(".vega-embed")).to_have_count(1)
    expect(again.get_by_text(re.compile("^pi_bad: .* intervals cover the truth"))).to_be_visible()
    again.close()
    assert watch.faults == []


def test_searching_finds_a_prompt(site, page):
    watch = visit(page, site[0], "responses?experiment=arena_test", 0)
    page.get_by_placeholder("Words in a prompt").fill("Question 7:")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 120 prompts hold the text")).to_be_visible()
    expect(page.get_by_text("Question 7: explain")).to_be_visible()
    expect(page).to_have_url(re.compile("search=Question"))
    assert watch.faults == []


@pytest.mark.parametrize(
    ("path", "mark", "leads_to"),
    [
        ("weights", ".mark-rect path[aria-label^='Log weight']", r"only=log_weight%3Api_"),
        ("estimators", ".mark-symbol path[aria-label^='shown']", r"policy=P0&policy=pi_clone"),
        ("judge", ".mark-symbol path[aria-label*='Mean label']", r"only=judge_score%3A"),
        ("estimators?view=Errors+and+rankings", ".mark-symbol path[aria-label*='Pairs right']", r"policies\+apart"),
    ],
)
def test_a_click_on_a_mark_opens_its_responses(site, page, path, mark, leads_to):
    watch = visit(page, site[0], f"{path}{'&' if '?' in path else '?'}experiment=arena_test", 2)
    page.locator(mark).nth(1).dispatch_event("click")
    page.wait_for_url(re.compile(rf"/responses\?.*{leads_to}"))
    settle(page)
    expect(page.locator("h1")).to_have_text("Responses")
    expect(page.get_by_text("Prompt p").first).to_be_visible()
    assert watch.faults == []


def test_hostile_model_output_is_text_and_loads_nothing(site, page):
    watch = visit(page, site[0], "responses?experiment=arena_test&search=Question+0%3A", 0)
    texts = page.get_by_test_id("stText").all_inner_texts()
    assert HOSTILE in texts
    assert page.title() != "broken"
    assert page.locator("[data-testid=stMain] img").count() == 0
    assert page.locator("[data-testid=stMain] a[href*='example.invalid']").count() == 0
    assert watch.faults == []


def test_a_table_that_a_run_writes_now_appears_on_refresh(site, page):
    address, root = site
    visit(page, address, "weights?experiment=untouched", 0)
    expect(page.get_by_text("are not materialised yet")).to_be_visible()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARENA_CONFIGS", str(root / "configs"))
        from arena_assets.config import load_experiment
        from arena_assets.storage import Store

        write_experiment(load_experiment("untouched"), Store(root / "data" / "untouched"))
    page.reload()
    settle(page, 7)
    expect(page.get_by_text("are not materialised yet")).to_have_count(0)
    expect(page.get_by_text("pi_clone equals P0")).to_be_visible()

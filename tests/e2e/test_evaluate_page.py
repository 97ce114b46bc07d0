"""The Evaluate tab in a real browser: the stored run at a first visit, a comparison from start to its verdict."""

import re

import pytest

from core.comparison.runs import list_bundled

pytestmark = pytest.mark.e2e
TASK = "hiring-handbook"


@pytest.fixture
def tab(browser_page, address):
    """The tab as the address opens it."""
    page = browser_page
    page.goto(f"{address}/?tab=evaluate&task={TASK}")
    page.get_by_role("button", name="Start a comparison").wait_for(timeout=120_000)
    return page


@pytest.mark.skipif(not any(place.parent.name == TASK for place in list_bundled()), reason="needs `make demo-run`")
def test_a_first_visit_sees_the_stored_run(tab, home):
    if any(home.folder("runs").glob("[!.]*/")):
        pytest.skip("an earlier test compared already")
    card = tab.locator(".verdict-card")
    card.wait_for(timeout=120_000)
    assert "Stored demo run, made on" in card.inner_text()
    tab.locator(".charts svg").first.wait_for(timeout=60_000)


def test_a_comparison_is_started_and_its_run_is_shown_by_itself(tab):
    form = tab.locator("#start")
    tab.wait_for_timeout(5000)  # A stored run folds the form.
    if not form.get_by_role("button", name="Run the comparison").is_visible():
        tab.get_by_role("button", name="Start a comparison").click()
    for title in ("RAG", "RAG + QLoRA"):  # The two others take less time.
        form.get_by_label(title, exact=True).uncheck()
    items = form.get_by_label(re.compile("number input for Test items", re.IGNORECASE))
    items.fill("12")
    items.press("Enter")
    shown_before = tab.evaluate("new URLSearchParams(location.search).get('run')")
    form.get_by_role("button", name="Run the comparison").click()
    tab.locator(".verdict-card").filter(has_text="12 items").wait_for(timeout=600_000)
    named = tab.evaluate("new URLSearchParams(location.search).get('run')")
    assert re.fullmatch(r"\d{8}-\d{6}-hiring-handbook-\w+", named)
    assert named != shown_before
    assert "better on" in tab.locator(".wins").inner_text()
    assert tab.locator(".charts svg").count() >= 5
    tab.reload()
    tab.locator(".verdict-card").filter(has_text="12 items").wait_for(timeout=120_000)


def test_charts_are_read_by_those_who_do_not_see_them(tab):
    chart = tab.locator(".charts svg").first
    chart.wait_for(timeout=120_000)
    assert chart.get_attribute("role") == "img"
    assert chart.locator("title").first.text_content()
    table = tab.locator(".chart details").first
    table.locator("summary").click()
    assert table.locator("tbody tr").count() >= 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_tab_fits_a_phone(tab, address, theme):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(f"{address}/?tab=evaluate&task={TASK}&__theme={theme}")
    tab.locator(".verdict-card").wait_for(timeout=120_000)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.set_viewport_size({"width": 1280, "height": 900})

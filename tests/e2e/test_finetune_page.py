"""The Fine-tune tab in a real browser: costs, check, a training from start to history."""

import re

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def tab(browser_page, address):
    """The tab as a visitor finds it; what the browser remembers of earlier tests is kept."""
    return open_tab(browser_page, address)


def open_tab(page, address):
    page.goto(address)
    page.get_by_role("tab", name="Fine-tune").click()
    page.get_by_text("Trainable parameters").wait_for(timeout=120_000)
    return page


def fill(page, label, value):
    field = page.get_by_label(label).locator("visible=true").first
    field.fill(value)
    field.press("Enter")


def test_costs_follow_the_rank_and_the_check_shows_what_is_learned(tab):
    tab.get_by_text("4,884,480").wait_for(timeout=30_000)
    fill(tab, "Rank r", "32")
    tab.get_by_text("9,768,960").wait_for(timeout=10_000)
    tab.get_by_role("button", name="Check before training").click()
    tab.get_by_text("What is learned, token by token").wait_for(timeout=60_000)
    assert tab.locator(".token.learned").count() > 10
    assert tab.locator(".token.end").count() >= 3


def test_a_training_is_watched_reloaded_cancelled_resumed_and_listed(tab, address):
    fill(tab, "Minutes", "")  # Steps by passes: by minutes a slow machine plans too few to cancel and resume.
    fill(tab, "Passes, at most", "0.15")
    tab.get_by_role("button", name="More settings").click()
    fill(tab, "Held-out examples", "4")
    fill(tab, "Answered so often", "3")
    tab.get_by_role("button", name="Start fine-tuning").click()
    tab.get_by_text("RUNNING", exact=True).wait_for(timeout=120_000)
    tab.get_by_text("train loss").wait_for(timeout=180_000)
    tab.locator(".js-plotly-plot").locator("visible=true").first.wait_for(timeout=30_000)
    tab.get_by_text("Answers to held-out examples").wait_for(timeout=60_000)
    tab.get_by_text("tokens/s", exact=False).first.wait_for(timeout=30_000)
    tab.wait_for_function("/step [5-9] of/.test(document.body.innerText)", timeout=240_000)
    open_tab(tab, address)  # A reload, as far as the server can tell.
    tab.get_by_text("Answers to held-out examples").wait_for(timeout=30_000)
    tab.get_by_role("button", name="Cancel (keeps what was learned)").click()
    tab.get_by_text("CANCELLED", exact=True).wait_for(timeout=120_000)
    tab.get_by_role("button", name="Resume").click()
    tab.get_by_text("DONE", exact=True).wait_for(timeout=240_000)
    tab.get_by_text("After step").first.wait_for(timeout=30_000)
    tab.locator(".history").get_by_text("done", exact=True).first.wait_for(timeout=30_000)
    open_tab(tab, address)  # The buttons of the newest training come with its details, a moment after its row.
    tab.get_by_role("button", name="Use for answers").wait_for(timeout=60_000)


SWITCH = """async () => {
    const tab = name => [...document.querySelectorAll('button[role=tab]')].find(button => button.innerText.trim() === name);
    for (const name of ['Compare', 'Fine-tune', 'Documents', 'Fine-tune', 'Compare', 'Fine-tune', 'Documents', 'Fine-tune']) {
        tab(name).click();
        await new Promise(done => setTimeout(done, 60));
    }
}"""


def test_a_page_whose_tabs_are_switched_quickly_comes_to_rest(tab):
    tab.get_by_role("button", name="Use for answers").wait_for(timeout=60_000)
    tab.evaluate(SWITCH)
    tab.wait_for_timeout(8000)
    asked = []
    tab.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    tab.wait_for_timeout(5000)
    assert len(asked) <= 6  # What looks at jobs may tick; two handlers that put each other off asked 130 times.


def test_a_file_to_download_is_made(tab):
    tab.get_by_role("button", name="Download the adapter").click()
    tab.get_by_role("button", name="Make the file").click()
    link = tab.get_by_role("button", name=re.compile(r"^Download \("))
    link.wait_for(timeout=60_000)
    with tab.expect_download(timeout=30_000) as found:
        link.click()
    assert found.value.suggested_filename.endswith(".zip")

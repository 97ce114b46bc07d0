"""The page as a whole in a real browser: what axe-core finds, links that lead back, everything in reach of the keyboard."""

import pytest

pytestmark = pytest.mark.e2e
TABS = ("Compare", "Documents", "Fine-tune", "Evaluate", "Your task", "Learn")
GRAVE = {"serious", "critical"}


@pytest.fixture
def open_page(browser_page, address):
    """Open the page at a query; it is filled when this returns."""

    def open_at(query=""):
        browser_page.goto(f"{address}/{query}")
        browser_page.locator(".standing").wait_for(timeout=120_000)
        browser_page.locator(".answers, .empty").first.wait_for(state="attached", timeout=120_000)
        return browser_page

    return open_at


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_grave_on_any_tab(open_page, theme):
    page, found = open_page(f"?__theme={theme}"), []
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        page.wait_for_timeout(4000)  # What a tab computes when it is opened.
        found += find_grave(page, name)
    assert found == []


def find_grave(page, name):
    """Return what axe-core calls serious or critical, with the name of the place."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (name, item["id"], node["target"], node["failureSummary"])
        for item in Axe().run(page).response["violations"]
        if item["impact"] in GRAVE
        for node in item["nodes"]
    ]


def test_axe_finds_nothing_grave_in_results(open_page):
    page, found = open_page("?__theme=light"), []
    question = "Which hotel do candidates sleep at in Turku?"
    page.get_by_label("Question", exact=True).fill(question)
    page.get_by_role("button", name="Answer", exact=True).click()
    page.locator(f'.answers[data-question="{question}"]:not([aria-busy])').wait_for(timeout=240_000)
    for fold in page.locator("#answers-shown summary").all():
        fold.click()
    found += find_grave(page, "answers, all unfolded")

    page.get_by_role("tab", name="Documents", exact=True).click()
    page.get_by_text("Up to date", exact=True).wait_for(timeout=120_000)
    page.get_by_label("Look for").fill(question)
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_function(
        "query => document.querySelector('[data-query]')?.dataset.query === query", arg=question, timeout=60_000
    )
    found += find_grave(page, "a search")

    page.get_by_role("tab", name="Fine-tune", exact=True).click()
    page.get_by_role("button", name="Check before training").click()
    page.get_by_text("What is learned, token by token").wait_for(timeout=60_000)
    found += find_grave(page, "a checked training")

    page.get_by_role("tab", name="Evaluate", exact=True).click()
    page.locator(".items-table tbody button").first.click(timeout=120_000)
    page.locator("article.item").wait_for(timeout=60_000)
    for fold in page.locator("article.item summary").all():
        fold.click()
    page.wait_for_function("!document.querySelector('article.item').innerText.includes('One moment')", timeout=60_000)
    found += find_grave(page, "an item, all unfolded")
    assert found == []


def test_a_reload_returns_to_tab_task_and_question(open_page):
    page = open_page("?x=kept&tab=compare&task=cv-screening")
    page.get_by_label("Question", exact=True).fill("Is this a question?")
    page.wait_for_function("location.search.includes('question=Is')", timeout=30_000)
    page.get_by_role("tab", name="Learn", exact=True).click()
    page.wait_for_function("location.search.includes('tab=learn')", timeout=30_000)
    page.reload()
    page.locator(".standing").wait_for(timeout=120_000)
    page.wait_for_function(
        "document.querySelector('[role=tab][aria-selected=true]')?.innerText.trim() === 'Learn'", timeout=60_000
    )
    assert page.locator("#task input").input_value() == "CV screening"
    assert "x=kept" in page.url
    page.get_by_role("tab", name="Compare", exact=True).click()
    page.wait_for_function("[...document.querySelectorAll('textarea')].some(box => box.value === 'Is this a question?')")


def test_the_next_step_leads_to_its_tab_and_starts_nothing(open_page, home):
    page, before = open_page("?task=ml-interview"), _job_names(home)
    page.get_by_role("button", name="Next: build the index").click()
    page.wait_for_function("document.querySelector('[role=tab][aria-selected=true]')?.innerText.trim() === 'Documents'")
    page.wait_for_timeout(2000)  # A job that is started has its folder by then.
    assert _job_names(home) == before


def _job_names(home):
    return sorted(path.name for path in home.folder("jobs").glob("*-*"))


def test_what_the_keyboard_reaches_is_seen(open_page):
    page = open_page()
    page.locator("body").click(position={"x": 2, "y": 2})
    unseen = []
    for _ in range(24):
        page.keyboard.press("Tab")
        page.wait_for_timeout(60)
        seen = page.evaluate("""() => {
            for (let node = document.activeElement; node && node !== document.body; node = node.parentElement) {
                const style = getComputedStyle(node);
                if (parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== 'none') return true;
                if (node !== document.activeElement && node.offsetHeight > 120) return false;
            }
            return document.activeElement === document.body;
        }""")
        if not seen:
            unseen.append(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
    assert unseen == []

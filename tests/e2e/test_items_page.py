"""From a run to the items that decided it, in a real browser: a filter, an item, its passage, and back after a reload."""

import re

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.tasks.loading import load_task
from core.values import Hit, Passage
from tests.conftest import row, write_task
from tests.e2e.conftest import serve_page

pytestmark = pytest.mark.e2e
RUN = "20261126-100000-bonuses-0000"
FOUND = re.compile(r"4 of 8 items")


@pytest.fixture(scope="module")
def stored(home, environment, tmp_path_factory):
    """The address of a page over one stored run: RAG is wrong on every second item, RAG + QLoRA always right."""
    rows = [
        row(
            n,
            f"How high is bonus {n}?",
            f"{n} euros",
            "pay",
            evidence=[{"document": "pay", "quote": f"Bonus {n} is {n} euros."}],
        )
        for n in range(16)
    ]
    task = load_task(write_task(home.folder("tasks") / "bonuses", train=rows[:8], test=rows[8:]))

    def find(item):
        text = f"# Pay\nAll bonuses. {item.evidence[0].quote} They are paid in May."
        return [Hit(Passage("pay", "Pay", 0, len(text), text), 0.9)]

    def write_half(item):
        return answer_wrong(item) if int(item.id.removeprefix("x-")) % 2 else answer_right(item)

    store_run(home, task, RUN, {"rag": write_half, "hybrid": answer_right}, find=find)
    with serve_page(environment, tmp_path_factory.mktemp("log")) as address:
        yield f"{address}/?tab=evaluate&task=bonuses&run={RUN}"


def test_the_verdict_card_leads_to_the_items_that_decided_it(browser_page, stored):
    page = browser_page
    page.goto(stored)
    card = page.locator(".verdict-card")
    card.get_by_role("button", name="Where RAG + QLoRA gains most").click(timeout=90_000)
    page.wait_for_function("location.search.includes('sort')")
    first = page.locator(".items-table tbody button").first
    first.click()
    item = page.locator("article.item")
    item.wait_for()
    assert "zebra" in item.inner_text()
    assert re.fullmatch(r"Bonus (\d+) is \1 euros\.", item.locator("[data-holds] mark").inner_text())


def test_from_what_one_approach_lost_to_the_passage(browser_page, stored):
    page = browser_page
    page.goto(stored)
    page.get_by_label("RAG: show only", exact=True).select_option("not right", timeout=90_000)
    page.get_by_label("RAG + QLoRA: show only").select_option("right")
    page.locator(".items-found").filter(has_text=FOUND).wait_for()
    page.wait_for_function("location.search.includes('hybrid')")

    first = page.locator(".items-table tbody button").first
    first.focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    item = page.locator("article.item")
    item.wait_for()
    assert item.locator("[data-holds] mark").inner_text() == "Bonus 11 is 11 euros."
    assert "zebra" in item.inner_text()
    assert "2 of 4" in item.inner_text()
    item.get_by_text("RAG wrong").click()
    item.get_by_text("Prompt as sent").first.click()
    item.get_by_text("Bonus 11 is 11 euros. They are paid in May.").last.wait_for()
    page.wait_for_function("location.search.includes('item=x-11')")

    page.reload()
    page.locator("article.item").wait_for(timeout=90_000)
    assert page.locator("article.item h4").inner_text() == "x-11"
    page.locator(".items-found").filter(has_text=FOUND).wait_for()
    page.get_by_role("button", name="Back to the list").click()
    page.locator("article.item").wait_for(state="detached")
    assert page.evaluate("document.activeElement.dataset.open") == "x-11"

"""A whole visit without a mouse: a question is answered, the verdict read, the items that decided it opened, a passage found."""

import json

import pytest

from core.settings import BUNDLED_TASKS

pytestmark = pytest.mark.e2e
FARTHEST = 120  # Presses of Tab to anything on a tab; a person gives up long before.
ACTIVE = """() => {
    const node = document.activeElement;
    const words = node.getAttribute('aria-label') || node.innerText || node.labels?.[0]?.innerText || '';
    return {role: node.getAttribute('role') || node.tagName.toLowerCase(), words: words.trim()};
}"""

TOP = """() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
}"""


class Visitor:
    """Somebody who has only a keyboard."""

    def __init__(self, page):
        self.page, self.pressed = page, 0

    def reach(self, role, *, starts="", within=""):
        """Press Tab until the focus is on something of a role whose words begin so; returns its words."""
        for _ in range(FARTHEST):
            self.page.keyboard.press("Tab")
            self.pressed += 1
            here = self.page.evaluate(ACTIVE)
            inside = not within or self.page.evaluate("place => !!document.activeElement.closest(place)", within)
            if here["role"] == role and here["words"].startswith(starts) and inside:
                return here["words"]
        raise AssertionError(f"No {role} {starts!r} within {FARTHEST} presses of Tab; the last was {here}.")

    def press(self, key):
        self.page.keyboard.press(key)

    def open_tab(self, name):
        """Go to a tab from the top of the page."""
        self.page.evaluate(TOP)
        self.reach("tab", starts=name)
        self.press("Enter")
        self.page.wait_for_function(
            "name => document.querySelector('[role=tab][aria-selected=true]')?.innerText.trim() === name",
            arg=name,
            timeout=30_000,
        )


def read_bundled():
    """The id of the run that comes with the task: its approaches differ."""
    return json.loads((BUNDLED_TASKS / "hiring-handbook" / "run" / "run.json").read_text())["id"]


def test_a_whole_visit_by_keyboard(browser_page, address):
    page = browser_page
    page.goto(address)
    page.locator(".standing").wait_for(timeout=120_000)
    page.locator(".answers, .empty").first.wait_for(state="attached", timeout=120_000)
    visitor = Visitor(page)

    visitor.reach("textarea", starts="Question")
    visitor.press("ControlOrMeta+a")
    page.keyboard.type("Which hotel do candidates sleep at in Tampere?")
    visitor.reach("button", starts="Answer")
    visitor.press("Enter")
    page.locator('.answers[data-question^="Which hotel"]:not([aria-busy])').wait_for(timeout=240_000)
    visitor.reach("summary", within=".answers")
    visitor.press("Enter")
    assert page.evaluate("document.activeElement.closest('details').open")

    page.goto(f"{address}/?tab=evaluate&task=hiring-handbook&run={read_bundled()}")  # As a link that somebody sent.
    page.locator(".verdict-card").wait_for(timeout=120_000)
    visitor.reach("button", starts="Where", within=".verdict-card")
    visitor.press("Enter")
    page.locator(".items-table tbody button").first.wait_for(timeout=60_000)
    visitor.reach("button", within=".items-table tbody")
    visitor.press("Enter")
    page.locator("article.item").wait_for(timeout=30_000)
    visitor.reach("summary", within="article.item")
    visitor.press("Enter")
    assert page.evaluate("document.activeElement.closest('details').open")

    visitor.open_tab("Learn")
    visitor.open_tab("Compare")

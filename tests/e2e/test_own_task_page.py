"""A task of one's own in a real browser: the sample through three steps to a chosen task, renamed, deleted, put back."""

import pytest

from tests.e2e.conftest import serve_page

pytestmark = pytest.mark.e2e
PATIENCE = 120_000  # Milliseconds; the machine may be busy.


@pytest.fixture(scope="module")
def own_address(environment, tmp_path_factory):
    """The running app: this walk needs neither index nor adapter."""
    with serve_page(environment, tmp_path_factory.mktemp("log")) as url:
        yield url


@pytest.fixture
def tab(browser_page, own_address):
    page = browser_page
    page.set_default_timeout(PATIENCE)
    page.goto(f"{own_address}/?tab=task")
    page.get_by_role("heading", name="1. Rows").wait_for()
    return page


def choose(page, label, option):
    page.get_by_label(label, exact=True).locator("visible=true").first.click()
    page.get_by_role("option", name=option).first.click()


def test_the_sample_becomes_a_task_and_leads_on(tab):
    assert tab.get_by_role("heading", name="2. Documents").locator("visible=true").count() == 0  # Not before there are rows.
    tab.get_by_role("button", name="Try it with the sample").focus()
    tab.keyboard.press("Enter")
    tab.get_by_text("Rows as they were understood").first.wait_for()
    tab.get_by_text("OK: a schema under which 40 examples are usable").wait_for()
    tab.get_by_text("nothing is missing").wait_for()
    name = tab.get_by_label("Name", exact=True).locator("visible=true")
    assert name.input_value() == "complaints"

    name.fill("No Name")
    tab.get_by_text("1 to mend before it can be made").wait_for()
    name.fill("complaints")
    tab.get_by_text("nothing is missing").wait_for()
    tab.get_by_label("Title", exact=True).locator("visible=true").first.fill("Complaints of customers")
    tab.get_by_role("button", name="Create the task").click()
    tab.get_by_text("The task complaints is ready: 32 training and 8 test examples").wait_for()

    tab.get_by_role("button", name="2. Compare").click()
    tab.get_by_role("tab", name="Compare", selected=True).wait_for()
    assert tab.locator("#task input").input_value() == "Complaints of customers"


def test_it_is_renamed_deleted_after_a_question_and_put_back(tab):
    choose(tab, "A task", "Complaints of customers")
    tab.get_by_text("Your own task: it can be renamed").wait_for()
    title = tab.get_by_label("Title", exact=True).locator("visible=true").last
    title.fill("Sorting complaints")
    tab.get_by_role("button", name="Rename", exact=True).click()
    tab.wait_for_function("[...document.querySelectorAll('input')].some(item => item.value === 'Sorting complaints')")

    tab.get_by_role("button", name="Delete", exact=True).locator("visible=true").click()
    tab.get_by_text("Goes to the trash for a day, then for good: 40 examples").wait_for()
    tab.get_by_role("button", name="Yes, delete it").click()
    undo = tab.get_by_role("button", name="Undo: put it back")
    undo.wait_for()
    tab.reload()  # What was deleted can be put back from a later visit of the day too.
    undo.click()
    tab.get_by_text("Sorting complaints is back").wait_for()
    undo.wait_for(state="hidden")
    assert tab.locator("#task input").input_value() == "Sorting complaints"


def test_a_bundled_task_says_why_it_cannot_be_changed(tab):
    choose(tab, "A task", "Hiring handbook")
    tab.get_by_text("comes with the lab and cannot be renamed or deleted").wait_for()
    assert tab.get_by_role("button", name="Delete", exact=True).locator("visible=true").is_disabled()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_walk_fits_on_a_phone(tab, own_address, theme):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(f"{own_address}/?tab=task&__theme={theme}")
    tab.get_by_role("button", name="Try it with the sample").click()
    tab.get_by_text("OK: a schema under which 40 examples are usable").wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.set_viewport_size({"width": 1280, "height": 900})

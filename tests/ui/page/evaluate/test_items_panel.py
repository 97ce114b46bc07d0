"""What the page's script asks for and gets: lists, items, sentences instead of errors."""

from dataclasses import replace
from html import unescape

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.tasks.loading import load_task
from lab.items import RunShelf
from lab.lab import Lab
from tests.conftest import row, write_task
from ui.page.evaluate.items_panel import ItemBrowser, answer_in_words
from ui.page.evaluate.items_view import PAGE

EVIL = "<script>alert(1)</script>{{ 7*7 }}"
SLICES = ("odd", "even")


def browse(settings):
    lab = Lab(settings)
    return ItemBrowser(lab, RunShelf(lab))


@pytest.fixture
def own(settings):
    rows = [row(n, f"How high is bonus {n}? {EVIL}", f"{n} euros", "pay", slice=SLICES[n % 2]) for n in range(40)]
    return load_task(write_task(settings.folder("tasks") / "bonuses", train=rows[:10], test=rows[10:]))


@pytest.fixture
def ask(settings, own):
    """Call what the script calls, by name."""
    store_run(
        settings,
        own,
        "r",
        {"base": answer_wrong, "rag": write_half, "zero_shot": lambda item: "Sorry. <script>alert(2)</script>"},
    )
    calls = {show.__name__: answer_in_words(show) for show in browse(settings).functions}
    return lambda name, **asked: calls[name]({"run": "r", **asked})


def write_half(item):
    return answer_right(item) if int(item.id.removeprefix("x-")) % 2 else answer_wrong(item)


def count_rows(shown):
    return shown["table"].count("<tr data-item=")


def test_a_choice_leaves_as_many_items_as_stand_beside_it(ask):
    whole = ask("show_list")
    assert count_rows(whole) == 30
    assert '<option value="right">right (15)</option>' in whole["table"]
    assert '<option value="why not JSON">not JSON (30)</option>' in whole["table"]
    right = ask("show_list", key="answer rag", value="right")
    assert right["filter"] == "rag:right"
    assert count_rows(right) == 15
    assert "15 of 30 items" in right["found"]
    both = ask("show_list", filter=right["filter"], key="slice", value="odd")
    assert "0 of 30 items" in both["found"]
    assert "Without RAG: right: <b>15</b>" in both["found"]
    assert ask("show_list", filter=both["filter"], key="all", value="")["filter"] == ""


def test_each_count_of_a_cause_is_a_filter(ask):
    causes = ask("show_list")["causes"]
    assert 'data-items-filter="zero_shot:why not JSON" aria-label="Base model, no examples: not JSON: 30 items"' in causes
    assert count_rows(ask("show_list", filter="zero_shot:why not JSON")) == 30


def test_one_item_shows_all_that_led_to_it(ask):
    shown = unescape(ask("show_item", filter="rag:not right", item="x-10")["item"])
    for text in ("x-10", "How high is bonus 10?", "10 euros", "zebra", "1 of 15", "As written", "10 prompt tokens", "wrong"):
        assert text in shown
    assert 'data-open="" data-way="previous" disabled' in shown
    assert 'data-open="x-12" data-way="next"' in shown
    assert "not among the filtered items" in ask("show_item", filter="rag:right", item="x-10")["item"]


@pytest.mark.parametrize("name", ["show_list", "show_item", "show_prompt", "show_support"])
def test_texts_of_models_and_people_are_escaped(ask, name):
    shown = ask(name, item="x-10", arm="zero_shot")
    for part, html in shown.items():
        assert "<script>" not in html, part
    assert name == "show_support" or any("{{ 7*7 }}" in unescape(html) for html in shown.values())


def test_what_is_not_there_is_a_sentence(ask, settings, own):
    assert ask("show_list", run="gone")["error"].startswith("There is no run 'gone'.")
    assert ask("show_item", item="gone")["error"] == "There is no item 'gone' in this run. Choose one of the list."
    assert "no such answer" in ask("show_prompt", item="x-10", arm="qlora")["error"]
    assert "error" in answer_in_words(browse(settings).show_list)(None)
    store_run(settings, own, "old", {"base": answer_right}, keep_paper=False, test_hash="another")
    assert "stored without its items" in ask("show_list", run="old")["error"]
    assert count_rows(ask("show_list", filter="five_shots:right;only:nonsense", page="x")) == 30


def test_many_items_come_in_pages(settings, own):
    items = [replace(item, id=f"{item.id}-{number}") for number in range(4) for item in own.test]
    store_run(settings, own, "large", {"base": answer_right, "rag": answer_wrong}, items=items)
    show = answer_in_words(browse(settings).show_list)
    first, last, beyond = (show({"run": "large", "page": page}) for page in (0, 120 // PAGE, 99))
    assert [count_rows(shown) for shown in (first, last)] == [PAGE, 120 % PAGE]
    assert beyond == last
    assert f"1 to {PAGE} of 120" in first["pages"]

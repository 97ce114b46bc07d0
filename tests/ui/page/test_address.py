"""What the page's address says is taken when the page is opened, and only what may be chosen."""

from types import SimpleNamespace

import gradio as gr
import pytest

from ui.page.address import _choose, follow, follow_tabs, read_address


def ask(**params):
    return SimpleNamespace(query_params=params)


@pytest.mark.parametrize(
    ("asked", "offered", "several", "value"),
    [
        ("b", ["a", "b"], False, "b"),
        ("nowhere", ["a", "b"], False, None),
        ("3", [1, 3], False, 3),
        ("a,b,x", ["a", "b"], True, ["a", "b"]),
        ("x", ["a"], True, None),
        ("free text, with comma", None, False, "free text, with comma"),
        ("", ["a", ""], False, None),
    ],
)
def test_only_what_is_offered_is_taken(asked, offered, several, value):
    assert _choose(asked, offered, several=several) == value


def test_no_page_asks_for_nothing():
    assert read_address(None, "task") == read_address(ask(), "task") == ""
    assert read_address(ask(task="x"), "task") == "x"


def take(page, component):
    """The function that fills a component when the page is opened."""
    return next(fn.fn for fn in page.fns.values() if fn.fn and component in fn.outputs)


def test_a_list_learns_its_choices_and_its_value_together():
    offered = [("A", "a")]
    with gr.Blocks() as page:
        box = gr.Dropdown([("A", "a")], value="a")
        follow(page, box, "task", offer=lambda: offered)
    offered.append(("New", "new"))  # Made after the page was built.
    assert take(page, box)(ask(task="new")) == gr.update(choices=offered, value="new")
    assert "value" not in take(page, box)(ask(task="nowhere"))


@pytest.mark.parametrize("build", [lambda: gr.Textbox(), lambda: gr.BrowserState(""), lambda: gr.Radio(["x", "y"])])
def test_any_component_can_be_followed(build):
    with gr.Blocks() as page:
        component = build()
        follow(page, component, "key")
    assert take(page, component)(ask(key="x")) == "x"
    assert take(page, component)(ask(other="x")) == gr.skip()


def test_an_unknown_tab_opens_none():
    with gr.Blocks() as page, gr.Tabs() as tabs:
        with gr.Tab("One", id="one") as one:
            pass
        follow_tabs(page, tabs, {"one": one})
    assert take(page, tabs)(ask(tab="one")).selected == "one"
    assert take(page, tabs)(ask(tab="two")) == gr.skip()

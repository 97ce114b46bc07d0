"""The page's list of models: what is here, what it takes as measured, and a choice that the lab follows."""

from dataclasses import replace

import gradio as gr
import pytest

from core.settings import DEFAULT_MODEL
from core.storage import write_json
from lab.lab import Lab
from lab.models import Speed
from ui.page.model_picker import _choose, build_model_picker, offer_models


@pytest.fixture
def lab(settings):
    for name in (DEFAULT_MODEL, "other"):
        folder = settings.folder("models") / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    speed = Speed(41.5, 64, 700.0, "w", "2026-01-01")
    write_json(settings.folder("models") / "other.measured.json", {"nf4": speed.as_json()})
    return Lab(settings)


def test_what_is_measured_is_shown_and_nothing_is_guessed(lab):
    shown = offer_models(lab)
    assert [value for _, value in shown.choices] == [DEFAULT_MODEL, "other"]
    assert (shown.value, shown.interactive) == (DEFAULT_MODEL, True)
    assert "speed, memory not measured" in shown.info
    assert "licence Apache-2.0" in shown.info
    shown = _choose(lab, "other")
    assert lab.settings.model == "other"
    assert "41.5 tokens/s measured" in shown.info
    assert "700 MiB" in shown.info


def test_a_model_that_went_meanwhile_is_a_message_and_changes_nothing(lab):
    with pytest.raises(gr.Error, match="not on this machine"):
        _choose(lab, "gone")
    assert lab.settings.model == DEFAULT_MODEL


def test_one_model_is_no_choice_and_a_folder_elsewhere_is_one(lab, settings, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text("{}")
    lab.settings = settings.at_model(str(tmp_path / "own"))
    assert (f"{tmp_path}/own") in [value for _, value in offer_models(lab).choices]
    empty = Lab(settings.at_model("nobody"))
    empty.settings = type(settings)(tmp_path / "empty", model="nobody")
    shown = offer_models(empty)
    assert not shown.interactive
    assert "ragft models fetch" in shown.info


def test_visitors_of_a_shared_page_choose_no_model(lab, settings):
    assert offer_models(lab).interactive
    lab.settings = replace(settings, hosted=True)
    assert not offer_models(lab).interactive


def test_it_stands_on_a_page(lab):
    with gr.Blocks():
        assert build_model_picker(lab)[0].label == "Model"


def test_a_model_that_came_while_the_page_was_open_is_listed_at_the_end_of_loading(lab, monkeypatch):
    from ui.page import loading

    stages = iter(["loading", "ready"])
    monkeypatch.setattr(loading, "describe_load", lambda lab: (next(stages), ""))
    with gr.Blocks() as page:
        picker, chosen = build_model_picker(lab)
        loading.build_loading(page, lab, picker, chosen)
    tick = next(fn for fn in page.fns.values() if any(event == "tick" for _, event in fn.targets))
    assert not isinstance(tick.fn()[-1], gr.Dropdown)
    assert tick.fn()[-1].choices[0][1] == DEFAULT_MODEL

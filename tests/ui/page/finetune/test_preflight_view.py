"""A preflight as the page shows it: verdict, tokens, and no training after a no."""

import re
from dataclasses import replace

import gradio as gr
import pytest

from core.generation.loading import load_tokenizer
from finetune.config import TrainConfig
from finetune.plan.estimate import Machine, read_shape
from finetune.plan.preflight import LabelledExample, Piece, inspect_training
from lab.lab import Lab
from lab.training.preflight import require_go
from tests.training_events import write_leaky_task
from ui.page.finetune.form import fill_form
from ui.page.finetune.preflight_view import render_preflight
from ui.page.finetune.tab import begin_training


@pytest.fixture
def report(task, tiny_model):
    machine = Machine("cpu", 4, 2**36, 2**36)
    return inspect_training(
        task, load_tokenizer(tiny_model), TrainConfig(rank=4), shape=read_shape(tiny_model), machine=machine
    )


def test_a_preflight_is_shown_with_its_tokens(report):
    html = render_preflight(report)
    assert '<span class="badge ok">GO</span>' in html
    assert html.count('class="token end"') == 1 + 3  # The legend, and the end of each example.
    learned = "".join(re.findall(r'<span class="token learned">(.*?)</span>', html)[1:52])
    assert learned == "{&#34;answer&#34;: &#34;40 euros&#34;, &#34;area&#34;: &#34;pay&#34;, &#34;sure&#34;: true}"
    require_go(report)


def test_a_long_prompt_is_shortened_and_its_trained_part_is_not(report):
    item = LabelledExample("x", (Piece("a" * 5000, "given"), Piece("b" * 900, "learned"), Piece("</s>", "end")))
    html = render_preflight(replace(report, labelled=(item,)))
    assert "4,640 characters" in html
    assert "a" * 241 not in html
    assert "b" * 900 in html


def test_tokens_and_ids_are_escaped(report):
    item = LabelledExample("<b>", (Piece("<img>", "given"), Piece("<script>", "learned"), Piece("</s>", "end")))
    html = render_preflight(replace(report, labelled=(item,)))
    assert not re.search(r"<(b|img|script|/s)>", html)
    assert "&lt;script&gt;" in html


def test_the_page_starts_no_training_that_is_a_no_go(tiny_model, settings, tmp_path):
    write_leaky_task(settings.folder("tasks") / "leaky")
    lab = Lab(replace(settings, model=str(tiny_model)))
    with pytest.raises(gr.Error, match="test inputs are in the training"):
        begin_training(lab, "leaky", fill_form(TrainConfig()))
    assert not list(settings.folder("jobs").glob("*"))

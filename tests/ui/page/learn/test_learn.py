"""The Learn tab's numbers and drawings, and the preflight as the page and the command line show it."""

import json
import re
import sys
from dataclasses import replace

import gradio as gr
import pytest

from core.errors import LabError
from core.generation.loading import load_tokenizer
from core.jobs import JobConfig, read_status
from core.storage import write_json
from finetune.config import TrainConfig
from finetune.lora import compute_nf4_levels
from finetune.plan.estimate import Machine, read_shape
from finetune.plan.preflight import Labelled, Piece, inspect_training
from lab.jobs import TrainRequest
from lab.training.preflight import require_go
from tests.conftest import row, write_task
from ui.cli.main import main
from ui.page.finetune.preflight_view import render_preflight
from ui.page.learn.articles import list_articles, read_article, read_rule
from ui.page.learn.bits import plot_levels, read_weights, render_block, render_memory
from ui.page.learn.counts import render_counts
from ui.page.learn.learning import STARTS, STEPS, follow_learning, plot_loss, render_learning

LORA, RANDOM, ZERO = STARTS


def test_the_first_example_of_lora():
    html = render_counts(4096, 4096, 2)
    assert "16,777,216" in html
    assert "16,384" in html
    assert "0.10%" in html
    assert "1,024 times fewer" in html
    assert "no fewer" in render_counts(64, 64, 64)


def test_learning_starts_from_the_base_with_a_gradient_for_b_alone():
    weight, steps = follow_learning(2, LORA, 0)
    assert len(steps) == STEPS + 1
    html = render_learning(weight, steps, 0)
    assert "<b>0.000</b> Gradient of A" in html
    assert "<b>0.000</b> Gradient of B" not in html
    assert "training starts from the base" in html
    assert "-0.00" not in html
    assert "both matrices move" in render_learning(weight, steps, 5)
    assert steps[-1].loss < 0.05 * steps[0].loss  # The wanted change has rank 2, so r = 2 can learn it.


@pytest.mark.parametrize("seed", range(21))
def test_every_seed_learns_and_a_smaller_rank_cannot_learn_it_all(seed):
    losses = [follow_learning(rank, LORA, seed)[1][-1].loss for rank in (1, 2, 4)]
    start = follow_learning(2, LORA, seed)[1][0].loss
    assert max(losses) < start
    assert losses[1] < losses[0]


def test_both_zero_never_learns_and_both_random_does_not_start_from_the_base():
    weight, steps = follow_learning(2, ZERO, 0)
    assert steps[-1].loss == steps[0].loss
    assert "no step will ever change anything" in render_learning(weight, steps, STEPS)
    weight, steps = follow_learning(2, RANDOM, 0)
    assert "not start from the base" in render_learning(weight, steps, 0)
    with pytest.raises(LabError, match="sideways"):
        follow_learning(2, "sideways", 0)


def test_the_plots_show_what_was_computed():
    _, steps = follow_learning(2, LORA, 0)
    assert list(plot_loss(steps, 3).data[0].y) == [step.loss for step in steps]
    assert list(plot_levels().data[2].x) == pytest.approx(compute_nf4_levels().tolist())


def test_a_block_is_stored_and_restored():
    html = render_block("0.5, 0.2 -0.01")
    assert "<b>0.5</b> absmax" in html
    assert "0.4407" in html  # The worked example of the article on NF4: 0.2 of 0.5 is 0.4, the nearest level 0.4407.
    assert "0.2204" in html
    assert "1111" in html
    assert "nan" not in render_block("0, 0")


@pytest.mark.parametrize(
    ("text", "words"), [("", "0 numbers"), ("1, x", "'x' is no number"), ("1 " * 65, "65"), ("inf", "finite")]
)
def test_what_is_no_block_is_said(text, words):
    with pytest.raises(LabError, match=words):
        read_weights(text)


def test_the_memory_of_seven_billion():
    html = render_memory(7)
    for size in ("28.00 GB", "14.00 GB", "7.00 GB", "3.94 GB", "3.61 GB", "4.127", "4.5<"):
        assert size in html


def test_every_article_can_be_read_and_nothing_else():
    articles = list_articles()
    assert len(articles) == 44
    for title, name in articles:
        assert read_article(name).startswith(f"# {title}")
    assert read_rule().startswith("Rule: ")
    assert "| Need | Better tool |" in read_rule()
    for wrong in ("../README", "none", "", ".", "a\0b", "nf4/../nf4", "x" * 300):
        with pytest.raises(LabError, match="no article"):
            read_article(wrong)


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
    item = Labelled("x", (Piece("a" * 5000, "given"), Piece("b" * 900, "learned"), Piece("</s>", "end")))
    html = render_preflight(replace(report, labelled=(item,)))
    assert "4,640 characters" in html
    assert "a" * 241 not in html
    assert "b" * 900 in html


def test_tokens_and_ids_are_escaped(report):
    item = Labelled("<b>", (Piece("<img>", "given"), Piece("<script>", "learned"), Piece("</s>", "end")))
    html = render_preflight(replace(report, labelled=(item,)))
    assert not re.search(r"<(b|img|script|/s)>", html)
    assert "&lt;script&gt;" in html


@pytest.fixture
def ragft(monkeypatch, capsys, tiny_model):
    monkeypatch.setenv("RAGFT_MODEL", str(tiny_model))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run


def test_preflight_on_the_command_line(ragft, task_folder):
    code, out, _ = ragft("preflight", str(task_folder), "--rank", "4", "--json")
    result = json.loads(out)
    assert (code, result["go"], result["counts"]["trained_on"]) == (0, True, 3)
    code, out, _ = ragft("preflight", str(task_folder))
    assert code == 0
    assert out.strip().endswith("GO")
    assert '{"answer": "40 euros"' in out


def test_a_no_go_exits_with_2_and_says_why(ragft, task_folder):
    (task_folder / "train.jsonl").write_text("")
    code, out, _ = ragft("preflight", str(task_folder), "--json")
    assert (code, json.loads(out)["go"]) == (2, False)
    assert "NO GO" in ragft("preflight", str(task_folder))[1]
    code, _, err = ragft("preflight", str(task_folder), "--storage", "int3")
    assert code == 2
    assert "int3" in err


def leaky(folder):
    rows = [row(n, f"Question {n}?", f"{n} euros", "pay") for n in range(4)]
    return write_task(folder, train=rows, test=[row(9, "question 1", "1 euros", "pay")])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no usable examples"),
        ([row(1, "q1?", "a", "pay")], "1 usable example"),
        ([row(n, f"q{n}?", "same", "pay") for n in range(4)], "same answer"),
    ],
)
@pytest.mark.parametrize("job", [False, True])
def test_a_no_go_starts_no_training(ragft, tmp_path, monkeypatch, rows, words, job):
    folder = write_task(tmp_path / "tasks" / "bad", train=rows, test=[row(9, "Other?", "9", "pay")])
    monkeypatch.setattr("lab.training.run.train_watched", lambda *_, **__: pytest.fail("trained"))
    if job:
        config = JobConfig("train", "bad", request=TrainRequest(str(folder)).as_json())
        write_json(tmp_path / "job" / "config.json", config.as_json())
        code, _, err = ragft("run-job", str(tmp_path / "job"))
        assert read_status(tmp_path / "job").state == "failed"
    else:
        monkeypatch.setattr("ui.cli.watch.start", lambda *_, **__: pytest.fail("started"))
        code, _, err = ragft("train", str(folder))
    assert code == 2
    assert words in " ".join(err.split())


def test_leakage_stops_a_training_unless_it_is_allowed(ragft, tmp_path, monkeypatch):
    folder, started = leaky(tmp_path / "tasks" / "leaky"), []
    monkeypatch.setattr(
        "ui.cli.watch.watch_training", lambda *asked, **more: started.append((asked[2], more)) or {"id": "a", "model": "m", "outcome": {}}
    )
    code, _, err = ragft("train", str(folder))
    assert (code, started) == (2, [])
    assert "1 test inputs are in the training examples" in " ".join(err.split())
    assert "--allow-leakage" in " ".join(err.split())
    assert ragft("train", str(folder), "--allow-leakage")[0] == 0
    assert started == [(TrainRequest(str(folder), allow_leakage=True), {"go_on": False})]


def test_the_page_starts_no_training_that_is_a_no_go(tiny_model, settings, tmp_path):
    from lab.lab import Lab
    from ui.page.finetune.form import fill_form
    from ui.page.finetune.tab import begin_training

    leaky(settings.folder("tasks") / "leaky")
    lab = Lab(replace(settings, model=str(tiny_model)))
    with pytest.raises(gr.Error, match="test inputs are in the training"):
        begin_training(lab, "leaky", fill_form(TrainConfig()))
    assert not list(settings.folder("jobs").glob("*"))

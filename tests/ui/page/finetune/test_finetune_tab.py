"""The Fine-tune tab's own logic, without a browser: form, costs, plots, what is shown of a training."""

import math

import pytest

from core.errors import LabError
from core.jobs import JobStatus
from core.tasks.loading import load_task
from finetune.config import TrainConfig
from lab.training.costs import Costs
from tests.training_events import add_job, evaluation, step
from ui.page.finetune.form import NAMES, fill_form, read_form
from ui.page.finetune.plots import draw_answers, draw_comparison, draw_losses, draw_probe, smooth
from ui.page.finetune.view import render_cost, render_probe, render_samples, render_training

# The form


def test_the_form_reads_what_it_writes():
    config = TrainConfig(
        rank=8, alpha=24, minutes=None, epochs=1.5, rslora=True, dora=True, prompts="passages", patience=2, seed=7
    )
    assert read_form(fill_form(config)) == config


def test_alpha_follows_the_rank_until_it_is_set():
    values = dict(zip(NAMES, fill_form(TrainConfig()), strict=True))
    assert values["alpha"] == 0
    assert values["minutes"] == 0
    assert read_form(list({**values, "rank": 32}.values())).alpha == 64
    assert read_form(list({**values, "rank": 32, "rslora": True}.values())).alpha == 32
    assert read_form(list({**values, "rank": 32, "alpha": 8}.values())).alpha == 8


def test_an_impossible_value_is_refused_in_words():
    values = dict(zip(NAMES, fill_form(TrainConfig()), strict=True))
    with pytest.raises(LabError, match="learning_rate is 0"):
        read_form(list({**values, "learning_rate": 0}.values()))


# Costs


def test_costs_follow_the_settings(lab):
    costs = Costs(lab)
    small, large = (costs.estimate("tiny", TrainConfig(rank=rank, alpha=2 * rank, holdout=16)) for rank in (4, 8))
    assert large.estimate.trainable == 2 * small.estimate.trainable
    assert large.estimate.adapter == 2 * small.estimate.adapter
    assert small.config.holdout == 3  # A tenth of the examples, no more.
    assert costs.estimate("tiny", TrainConfig(minutes=1e-4)).steps < small.steps
    assert costs.estimate("tiny", TrainConfig(holdout=0)).answering == 0
    passages = costs.estimate("tiny", TrainConfig(prompts="passages"))
    assert passages.estimate.tokens_per_step > small.estimate.tokens_per_step
    html = render_cost(large)
    assert f"{large.estimate.trainable:,}" in html
    assert "GO" in html


def test_costs_are_read_once_and_again_when_the_data_change(lab, settings, monkeypatch):
    costs = Costs(lab)
    before = costs.estimate("tiny", TrainConfig()).estimate.steps
    with monkeypatch.context() as patched:
        patched.setattr("finetune.data.encode_examples", lambda *a, **k: pytest.fail("read again"))
        assert costs.estimate("tiny", TrainConfig(rank=2)).estimate.steps == before
    file = settings.folder("tasks") / "tiny" / "train.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:8]))
    assert costs.estimate("tiny", TrainConfig()).estimate.steps < before


# Plots


@pytest.mark.parametrize("events", [[], [step(1, 2.0)], [step(1, 2.0), step(2, math.nan), step(3, 1.0)]])
def test_losses_are_drawn_from_the_first_step_and_hold_no_nan(events):
    figure = draw_losses(events)
    for trace in figure.data:
        assert all(math.isfinite(value) for value in trace.y)
    assert len(figure.data[0].x) == sum(math.isfinite(event["loss"]) for event in events)
    assert len(events) != 1 or figure.data[0].mode == "markers"  # A line of one point would not be seen.


def test_the_smoothed_curve_starts_at_the_first_loss():
    assert smooth([3.0]) == pytest.approx([3.0])
    assert smooth([2.0] * 9) == pytest.approx([2.0] * 9)
    assert smooth([4.0, 0.0])[1] < 4.0


def test_answers_are_drawn_with_the_base_model_at_step_zero():
    figure = draw_answers([step(1, 2.0), evaluation(0, 0.1), evaluation(5, 0.9)])
    scores = next(trace for trace in figure.data if trace.name == "field score")
    assert list(scores.x) == [0, 5]
    assert list(scores.y) == [0.1, 0.9]
    assert len(figure.data) == 5
    assert draw_answers([]).data[0].y in ((), None) or len(draw_answers([]).data[0].y) == 0


def test_two_trainings_lie_over_each_other_and_the_probe_has_a_curve_a_rate():
    events = [step(1, 2.0), step(2, 1.0), evaluation(2, 0.5)]
    assert len(draw_comparison([("one", events), ("other", events)]).data) == 6
    assert len(draw_comparison([("one", [])]).data) == 0
    probe = [
        {"kind": "probe", "step": n, "rate": rate, "loss": 2.0 - n / 10} for n, rate in enumerate([1e-3, 1e-3, 3e-3, 3e-3])
    ]
    assert [list(trace.x) for trace in draw_probe(probe).data] == [[1, 2], [1, 2]]
    assert len(draw_probe([]).data) == 0


# What is shown


def test_a_training_is_shown_with_its_warnings_first_and_everything_escaped():
    events = [step(1, 2.5), {"kind": "notice", "step": 1, "text": "Flat: <script>"}, evaluation(0, 0.25)]
    html = render_training(JobStatus("running", step=1, total=9, message="<i>"), "job", ["ragft", "<x>"], events)
    assert html.index("Flat:") < html.index("RUNNING")
    assert "<script>" not in html
    assert "<i>" not in html
    assert "<b>2.500</b>" in html
    assert "25% at step 0" in html
    assert "base model" in render_training(JobStatus("running", message="load"), "job", [], [])


def test_samples_show_the_base_model_beside_now_and_are_escaped():
    html = render_samples([evaluation(0, 0.0, "<img src=x>"), evaluation(5, 1.0, '{"x": 1}')])
    assert html.index("Base model") < html.index("After step 5")
    assert "<img" not in html
    assert "<b>Q</b>" not in html
    assert "&lt;img" in html
    alone = render_samples([evaluation(0, 0.0)])
    assert alone.count("<th>") == 3
    assert render_samples([step(1, 2.0)]) == ""


def test_a_probe_says_what_it_suggests():
    curve = {"rate": 1e-3, "losses": [2.0, 1.0], "mark": 1.0}
    result = {"curves": [curve, {**curve, "rate": 0.3, "mark": None}], "steps": 4, "planned": 100, "suggestion": 1e-3}
    html = render_probe(JobStatus("done"), result)
    assert "Learned fastest: 0.001. Too high: 0.3." in html
    assert "together 8%" in html
    assert "Every rate is too high" in render_probe(JobStatus("done"), {**result, "suggestion": None})
    assert "&lt;b&gt;" in render_probe(JobStatus("failed", message="<b>"), {})


def test_the_task_is_read_leniently(lab, settings):
    """A task with a broken row still shows its costs: the check names the row."""
    file = settings.folder("tasks") / "tiny" / "train.jsonl"
    file.write_text(file.read_text() + "{}\n")
    assert load_task(file.parent, lenient=True).problems
    assert Costs(lab).estimate("tiny", TrainConfig()).estimate.steps > 0


# What the panels send to the page


def test_a_panel_sends_only_what_changed(settings):
    from ui.page.finetune.training_panel import _refresh

    events = [step(1, 2.0), evaluation(0, 0.1)]
    folder = add_job(settings, "20260101-000000-train-1111", state="cancelled", events=events)
    shown = _refresh(settings, folder.name, None)
    status, cancel, resume, losses, answers, samples, seen, ended = shown
    assert "CANCELLED" in status
    assert (cancel.visible, resume.visible, losses.visible, answers.visible, samples.visible) == (False, True, True, True, True)
    assert ended == f"{folder.name} cancelled"
    assert all(item == {"__type__": "update"} for item in _refresh(settings, folder.name, seen))
    add_job(settings, folder.name, state="done", events=events)
    shown = _refresh(settings, folder.name, seen)
    assert "DONE" in shown[0]
    assert shown[3] == {"__type__": "update"}  # The curves are not drawn again.
    assert "gone" in _refresh(settings, "20990101-000000-train-0000", None)[0]
    assert len({len(_refresh(settings, name, None)) for name in (None, folder.name, "gone")}) == 1


def test_a_training_without_steps_shows_no_empty_plot(settings):
    from ui.page.finetune.training_panel import _refresh

    folder = add_job(settings, "20260101-000000-train-1111", state="failed")
    assert [item.visible for item in _refresh(settings, folder.name, None)[3:6]] == [False, False, False]


def test_the_probe_panel_offers_its_suggestion(settings):
    from ui.page.finetune.probe_panel import _refresh

    curve = {"rate": 1e-3, "losses": [2.0, 1.0], "mark": 1.0}
    result = {"curves": [curve, curve], "steps": 2, "planned": 90, "suggestion": 1e-3}
    events = [{"kind": "probe", "step": n, "text": "0.001", "rate": 1e-3, "loss": 2.0} for n in (1, 2)]
    folder = add_job(settings, "20260101-000000-probe-1111", events=events, result=result)
    said, curves, cancel, take, seen = _refresh(settings, folder.name, None)
    assert "Learned fastest: 0.001" in said.value
    assert (curves.visible, cancel.visible, take.visible, take.value) == (True, False, True, "Use 0.001")
    assert all(item == {"__type__": "update"} for item in _refresh(settings, folder.name, seen))

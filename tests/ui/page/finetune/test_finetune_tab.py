"""The Fine-tune tab's own logic, without a browser: form, costs, plots, history, what is shown of a training."""

import json
import math
from dataclasses import asdict

import pytest

from core.errors import LabError
from core.jobs import CONFIG, EVENTS, STATUS, JobConfig, JobStatus
from core.settings import Settings
from core.storage import write_json
from core.tasks.task import load_task
from finetune.adapters.card import AdapterCard, restore_config
from finetune.adapters.store import select_adapter
from finetune.config import TrainConfig
from finetune.train.model import add_adapter, load_trainable
from lab.jobs import TrainRequest
from lab.lab import Lab
from lab.training.costs import Costs
from lab.training.history import (
    Training,
    compare_outcomes,
    compare_settings,
    describe_config,
    list_rows,
    list_trainings,
    read_curves,
    read_use,
)
from tests.conftest import row, write_task
from ui.page.finetune.download_panel import adapter_of, make_file
from ui.page.finetune.form import NAMES, fill_form, read_form
from ui.page.finetune.plots import draw_answers, draw_comparison, draw_losses, draw_probe, smooth
from ui.page.finetune.view import render_cost, render_differences, render_probe, render_samples, render_training


def step(number, loss, **more):
    return {
        "step": number, "total": 9, "seconds": 1.0, "loss": loss, "learning_rate": 1e-3, "gradient_norm": 1.5,
        "tokens_per_second": 400.0, "memory_gib": 1.2, **more,
    }  # fmt: skip


def evaluation(number, score, answer="{}", **more):
    shares = dict.fromkeys(("parsed", "schema_valid", "exact", "ended"), 0.5)
    sample = {"id": "a", "input": "<b>Q</b>", "expected": '{"x": 1}', "answer": answer, "score": score}
    return {
        "kind": "evaluation", "step": number, "n": 8, "held_loss": 1.0, "score": score, "seconds": 4.0, "samples": [sample],
        **shares, **more,
    }  # fmt: skip


def outcome(**more):
    return {
        "steps": 9, "seconds": 60.0, "first_loss": 2.0, "last_loss": 0.5, "cancelled": False, "best_step": 6, "tokens": 6000,
        "trainable_parameters": 10, "evaluations": [evaluation(0, 0.1), evaluation(6, 0.8), evaluation(9, 0.7)], **more,
    }  # fmt: skip


def add_job(settings, name, *, state="done", task="tiny", config=None, events=(), result=None):
    folder = settings.folder("jobs") / name
    request = TrainRequest(task, config or TrainConfig())
    write_json(folder / CONFIG, JobConfig("train", task, request=request.as_json()).as_json())
    write_json(folder / STATUS, asdict(JobStatus(state, message="m", result=result or {})))
    (folder / EVENTS).write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return folder


@pytest.fixture
def lab(settings, tiny_model, tmp_path):
    train = [row(n, f"Question number {n} about pay?", f"{n} euros", "pay") for n in range(30)]
    write_task(settings.folder("tasks") / "tiny", train=train, test=[row(99, "Another?", "no", "time")])
    return Lab(Settings(home=settings.home, model=str(tiny_model)))


# The form


def test_the_form_reads_what_it_writes():
    config = TrainConfig(
        rank=8, alpha=24, minutes=None, epochs=1.5, rslora=True, dora=True, with_context=True, patience=2, seed=7
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
    passages = costs.estimate("tiny", TrainConfig(with_context=True))
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


# History


def test_the_history_joins_jobs_and_adapters(settings, task, tiny_model):
    loaded = load_trainable(tiny_model, storage="nf4")
    from finetune.adapters.store import save_adapter

    model = add_adapter(loaded, TrainConfig(rank=2, alpha=4))
    for name in ("20260102-000000-tiny-aaaa", "20260104-000000-tiny-bbbb"):
        config = asdict(TrainConfig(rank=2, alpha=4))
        save_adapter(settings, model, AdapterCard(name, "tiny", "m", loaded.weights_hash, "d", config, outcome(), "now"))
    result = {"id": "20260102-000000-tiny-aaaa", "config": asdict(TrainConfig(rank=2, alpha=4)), "outcome": outcome()}
    add_job(settings, "20260101-000000-train-1111", result=result, events=[step(1, 2.0)])
    add_job(settings, "20260103-120500-train-2222", state="failed", config=TrainConfig(rank=4, learning_rate=0.002))
    add_job(settings, "20260105-000000-train-3333", task="other")
    (settings.folder("jobs") / "20260106-000000-train-4444").mkdir()
    found = list_trainings(settings, "tiny").whole
    assert [t.id[-4:] for t in found] == ["bbbb", "2222", "1111"]
    assert [t.adapter is not None for t in found] == [True, False, True]
    assert found[1].title == "2026-01-03 12:05 · 2222"

    rows = list_rows(found, *read_use(settings, "tiny", found))
    assert [r[1] for r in rows] == ["done", "failed", "done"]
    assert rows[0][2:8] == ["9", "1.0", "2.000", "0.500", "0.800", "6"]
    assert [r[-1] for r in rows] == ["newest", "no adapter", ""]
    select_adapter(settings, "20260102-000000-tiny-aaaa")
    rows = list_rows(found, *read_use(settings, "tiny", found))
    assert [r[-1] for r in rows] == ["", "no adapter", "selected"]
    assert rows[1][8] == "rank 4, learning rate 0.002"
    assert restore_config(found[1].config).learning_rate == 0.002

    assert read_curves(found[2]) == [step(1, 2.0)]
    assert [event["step"] for event in read_curves(found[0])] == [0, 6, 9]
    assert adapter_of(settings, found[2].id) == found[2].adapter
    assert adapter_of(settings, found[0].id) == found[0].adapter


def test_an_adapter_becomes_a_file_to_download(settings, task, tiny_model, tmp_path):
    loaded = load_trainable(tiny_model, storage="nf4")
    from finetune.adapters.store import save_adapter

    model = add_adapter(loaded, TrainConfig(rank=2, alpha=4))
    save_adapter(settings, model, AdapterCard("first", "tiny", "m", loaded.weights_hash, "d", {}, {}, "now"))
    file = make_file(settings, tmp_path, "first", "zip")
    assert file.name == "first.zip"
    stamp = file.stat().st_mtime_ns
    assert make_file(settings, tmp_path, "first", "zip").stat().st_mtime_ns == stamp
    with pytest.raises(LabError, match="There is no adapter"):
        make_file(settings, tmp_path, "../first", "zip")


def test_two_trainings_are_compared_line_by_line():
    one = Training("a", "done", {"rank": 8, "alpha": 16}, outcome(), "x")
    other = Training("b", "done", asdict(TrainConfig(minutes=2.0)), {}, None)
    assert compare_settings(one, other) == [("minutes", "none", "2"), ("rank", "8", "16"), ("alpha", "16", "32")]
    lines = {name: values for name, *values in compare_outcomes(one, other)}
    assert lines["last loss"] == ["0.500", ""]
    assert lines["field score"] == ["0.800", ""]
    assert compare_settings(one, one) == []
    html = render_differences(("<a>", "b"), compare_settings(one, one), compare_outcomes(one, other))
    assert "All settings are the same" in html
    assert "<a>" not in html


def test_settings_are_described_by_what_is_unusual():
    assert describe_config(asdict(TrainConfig())) == "usual"
    assert describe_config(asdict(TrainConfig(rank=8, alpha=16, dora=True))) == "rank 8, dora"
    assert describe_config(asdict(TrainConfig(alpha=8))) == "alpha 8"


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


def test_the_history_shows_one_training_or_two_beside_each_other(lab, settings):
    from ui.page.finetune.history_panel import _list, _show_detail

    assert [item.visible for item in _list(settings, "tiny", None, None)[:3]] == [True, False, False]
    events = [step(1, 2.0), evaluation(1, 0.5)]
    for number, rank in ((1, "4"), (2, "8")):
        add_job(settings, f"2026010{number}-000000-train-{number}{number}", config=TrainConfig(rank=int(rank), alpha=32), events=events)
    first, second = "20260102-000000-train-22", "20260101-000000-train-11"
    note, table, chosen, one, other = _list(settings, "tiny", None, None)
    assert (note.visible, table.visible, chosen.visible, one["value"], other["value"]) == (False, True, True, first, "")
    assert "value" not in _list(settings, "tiny", second, first)[3]  # A choice that stands is left alone.
    about, curves, command, select, unselect, delete, files = _show_detail(lab, "tiny", first, "")
    assert (about.visible, curves.visible) == (False, True)
    assert command.startswith("ragft train")
    assert "--rank 8" in command
    assert [item.visible for item in (select, unselect, delete, files)] == [False] * 4  # It has no adapter.
    about = _show_detail(lab, "tiny", first, second)[0]
    assert "<td>rank</td><td>8</td><td>4</td>" in about.value
    assert not _show_detail(lab, "tiny", "gone", "")[1].visible


def test_a_stopped_training_is_listed_as_cancelled_with_the_score_of_what_was_stored(settings):
    from adapter_files import fake_adapter

    fake_adapter(settings, "20260101-whole", created="2026-01-01T00:00:00+00:00", outcome=outcome())
    fake_adapter(settings, "20260102-half", created="2026-01-02T00:00:00+00:00", outcome=outcome(cancelled=True, best_step=0))
    fake_adapter(settings, "20260103-job", created="2026-01-03T00:00:00+00:00", outcome=outcome(cancelled=True, best_step=8))
    result = {"id": "20260103-job", "config": {}, "outcome": outcome(cancelled=True, best_step=8)}
    add_job(settings, "20260104-000000-train-4444", result=result)
    found = list_trainings(settings, "tiny").whole
    assert [training.state for training in found] == ["cancelled", "cancelled", "done"]
    rows = list_rows(found, *read_use(settings, "tiny", found))
    assert [r[6] for r in rows] == ["", "", "0.800"]  # No answers chose 0, the last step, and none were given at step 8.
    assert [r[-1] for r in rows] == ["", "", "newest"]


def test_values_that_are_no_numbers_break_no_list(settings):
    from adapter_files import fake_adapter

    bad = {
        "last_loss": "<b>",
        "seconds": [],
        "steps": {},
        "tokens": "a",
        "evaluations": [{}, 3, {"step": "x"}],
        "best_step": "x",
    }
    fake_adapter(settings, "bad", outcome=bad, config={"rank": None, "alpha": 4, "storage": "nf4"})
    found = list_trainings(settings, "tiny").whole
    rows = list_rows(found, *read_use(settings, "tiny", found))
    assert rows[0][2:8] == ["unknown", "unknown", "", "unknown", "", "unknown"]
    assert read_curves(found[0]) == []
    assert compare_outcomes(found[0], found[0])
    with pytest.raises(LabError, match=r"config\.rank"):
        restore_config(found[0].config)


def test_a_damaged_training_is_named_and_the_others_are_shown(lab, settings):
    from ui.page.finetune.history_panel import _list

    damaged = add_job(settings, "20260101-000000-train-1111")
    (damaged / STATUS).write_text("{<b>")
    note, table, chosen, *_ = _list(settings, "tiny", None, None)
    assert (note.visible, table.visible, chosen.visible) == (True, True, False)
    assert damaged.name in table.value
    assert "<b>" not in table.value
    add_job(settings, "20260102-000000-train-2222")
    table = _list(settings, "tiny", None, None).table
    assert damaged.name in table.value
    assert "2222</td>" in table.value

"""The history of a task's trainings: joined, described, compared, downloaded, and what the page shows of it."""

from dataclasses import asdict

import pytest
from adapter_files import fake_adapter

from core.errors import LabError
from core.jobs import STATUS
from finetune.adapters.card import AdapterCard, restore_config
from finetune.adapters.store import save_adapter, select_adapter
from finetune.config import TrainConfig
from finetune.train.model import add_adapter, load_trainable
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
from tests.training_events import add_job, evaluation, outcome, step
from ui.page.finetune.download_panel import adapter_of, make_file
from ui.page.finetune.history_panel import _list, _show_detail
from ui.page.finetune.view import render_differences


def test_the_history_joins_jobs_and_adapters(settings, task, tiny_model):
    loaded = load_trainable(tiny_model, storage="nf4")
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


def test_the_history_shows_one_training_or_two_beside_each_other(lab, settings):
    assert [item.visible for item in _list(settings, "tiny", None, None)[:3]] == [True, False, False]
    events = [step(1, 2.0), evaluation(1, 0.5)]
    for number, rank in ((1, "4"), (2, "8")):
        add_job(
            settings,
            f"2026010{number}-000000-train-{number}{number}",
            config=TrainConfig(rank=int(rank), alpha=32),
            events=events,
        )
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


def test_the_newest_is_named_for_each_kind_of_prompt_that_it_serves(settings):
    def use():
        found = list_trainings(settings, "tiny").whole
        return {
            training.id: cells[-1]
            for training, cells in zip(found, list_rows(found, *read_use(settings, "tiny", found)), strict=True)
        }

    for day, (name, kind) in enumerate((("p", "passages"), ("m", "mixed"), ("a", "plain")), start=1):
        fake_adapter(settings, name, created=f"2026-01-0{day}T00:00:00+00:00", config={"prompts": kind})
    assert use() == {"p": "", "m": "newest", "a": "newest"}  # Prompts with passages are the mixed one's, which is newer.
    select_adapter(settings, "p")
    assert use() == {"p": "selected", "m": "", "a": "newest"}
    select_adapter(settings, "m")
    assert use() == {"p": "", "m": "selected", "a": ""}


def test_values_that_are_no_numbers_break_no_list(settings):
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

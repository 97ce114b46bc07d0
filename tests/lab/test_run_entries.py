"""The list of runs: names, notes, the pinned one; damage is named and hides nothing else."""

import json
from dataclasses import replace

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.comparison.runs import Run
from core.errors import LabError
from lab.run_names import LABELS, PINS, RunLabel, find_pinned, name_run, note_run, pin_run, read_label, rename_run, unpin_run
from lab.runs import list_entries

TEXTS = {"zero_shot": answer_wrong, "base": answer_right}
ARMS = {"base": {}, "rag": {}, "qlora": {}, "hybrid": {}}
RUN = Run("r", "hiring-handbook", "ok", "2026-11-26T14:05:00+00:00", {}, {}, {})


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (
            {"title": "Hiring handbook", "input_label": "Question", "arms": ARMS, "items": ["x"] * 144},
            "Hiring handbook: four approaches, 144 questions, 26 Nov",
        ),
        ({"arms": {"base": {}, "rag": {}}, "items": ["x"]}, "Hiring handbook: Base model and RAG, 1 item, 26 Nov"),
        (
            {"arms": {"base": {}}, "items": [], "generator": {"model": "/models/Big-1B"}},
            "Hiring handbook: Base model, 0 items, Big-1B, 26 Nov",
        ),
        ({}, "Hiring handbook: no approach, 0 items, 26 Nov"),
    ],
)
def test_a_run_says_what_was_compared(config, name):
    run = replace(RUN, config=config)
    assert name_run(run) == name
    assert name_run(run, RunLabel(name="Before the rewrite")) == "Before the rewrite"


def test_runs_of_one_task_stand_together_and_tell_themselves_apart(settings, task):
    other = replace(task, name="other")
    for number, one in enumerate([task, other, task, task]):
        store_run(settings, one, f"2026112{number}-100000-{one.name}-{number}aaa", TEXTS)
    entries = list_entries(settings).whole
    assert [entry.task for entry in entries] == ["tiny", "tiny", "tiny", "other"]
    assert [entry.id[:8] for entry in entries] == ["20261123", "20261122", "20261120", "20261121"]
    assert len({entry.name for entry in entries[:3]}) == 3
    assert entries[-1].name == "Other: Base model, no examples and Base model, 2 items, fake, 26 Nov"
    assert [entry.task for entry in list_entries(settings, task="other").whole] == ["other"]
    assert list_entries(settings, task="none").whole == []


def test_names_notes_and_pins_stay_beside_the_run(settings, task):
    for name in "ab":
        store_run(settings, task, name, TEXTS)
    record = (settings.folder("runs") / "a" / "run.json").read_bytes()
    rename_run(settings, "a", "  Before\nthe rewrite ")
    note_run(settings, "a", "Looks odd.\nAsk Ada.")
    pin_run(settings, "a")
    second, first = list_entries(settings).whole
    assert (first.name, first.note, first.pinned, second.pinned) == ("Before the rewrite", "Looks odd.\nAsk Ada.", True, False)
    assert (settings.folder("runs") / "a" / "run.json").read_bytes() == record
    pin_run(settings, "b")
    assert find_pinned(settings, "tiny") == "b"
    unpin_run(settings, "tiny")
    assert find_pinned(settings, "tiny") is None
    rename_run(settings, "a", "")
    assert read_label(settings, "a") == RunLabel(note="Looks odd.\nAsk Ada.")


def test_what_cannot_be_a_name_or_a_pin_is_refused(settings, task):
    store_run(settings, task, "a", TEXTS)
    for name, change in ((rename_run, "x" * 121), (note_run, "x" * 20_001)):
        with pytest.raises(LabError, match="has .* characters"):
            name(settings, "a", change)
    for change in (lambda: rename_run(settings, "gone", "x"), lambda: pin_run(settings, "../a")):
        with pytest.raises(LabError, match="There is no run"):
            change()
    folder = settings.folder("runs") / "stopped"
    store_run(settings, task, "stopped", TEXTS)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "status": "cancelled"}))
    with pytest.raises(LabError, match="is damaged"):
        pin_run(settings, "stopped")


def test_damage_is_named_and_hides_nothing_else(settings, task):
    for name in "abc":
        store_run(settings, task, name, TEXTS)
    (settings.folder("runs") / "b" / "predictions.jsonl").write_text("gone")
    for folder, name in ((LABELS, "a"), (PINS, "tiny")):
        settings.folder(folder).mkdir()
        (settings.folder(folder) / f"{name}.json").write_text("{")
    listing = list_entries(settings)
    assert [entry.id for entry in listing.whole] == ["c", "a"]
    assert [sentence.split(":")[0].rsplit("/", 1)[-1] for sentence in listing.damaged] == [
        "b", "tiny.json is damaged", "a.json is damaged",
    ]  # fmt: skip

"""A gate between stored runs: whose marks count, and which approaches decide."""

from dataclasses import replace

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.comparison.runs import RECORD
from core.errors import LabError
from core.evaluation.summary import stamp_leaks, stamp_misfits
from core.storage import write_json, write_manifest
from core.tasks.loading import load_task
from lab.lab import Lab
from lab.run_gate import diff_runs, gate_run
from tests.conftest import row, write_task

N = 80
LEAKS = {"items": [], "adapters": ["a-1"], "unknown": [], "near": []}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(N + 1)]
    return load_task(write_task(tmp_path_factory.mktemp("tasks") / "bonuses", train=rows[:1], test=rows[1:]))


def stamp(settings, run, change):
    """Change a stored run's summary, as a comparison would have stamped it."""
    summary = dict(run.summary)
    change(summary)
    folder = settings.folder("runs") / run.id
    write_json(folder / RECORD, replace(run, summary=summary).as_json())
    write_manifest(folder)


def test_a_control_decides_only_where_it_is_named(settings, asked):
    store_run(settings, asked, "old", {"base": answer_right, "oracle": answer_right, "wrong_passage": answer_right})
    store_run(settings, asked, "new", {"base": answer_right, "oracle": answer_wrong})
    gate = gate_run(Lab(settings), "new", baseline="old", margin=0.05)
    assert (gate.state, [arm.arm for arm in gate.arms]) == ("ok", ["base"])
    assert gate_run(Lab(settings), "new", baseline="old", margin=0.05, arms=("oracle",)).state == "regression"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda summary: stamp_leaks(summary, {**LEAKS, "items": ["q-1"]}, N), "LEAKED: 1 of 80 test items were seen by a-1"),
        (lambda summary: stamp_misfits(summary, ["a-1 learned without passages."]), "MISFIT: a-1 learned without passages"),
    ],
)
def test_a_run_whose_marks_do_not_count_is_no_gate_and_no_baseline(settings, asked, change, word):
    store_run(settings, asked, "sound", {"base": answer_right})
    stamp(settings, store_run(settings, asked, "spoilt", {"base": answer_right}), change)
    for run, baseline in (("spoilt", "sound"), ("sound", "spoilt")):
        with pytest.raises(LabError, match=f"The marks of the run spoilt do not count: {word}"):
            gate_run(Lab(settings), run, baseline=baseline)


def test_what_is_only_not_known_stays_a_note(settings, asked):
    """One approach alone has no verdict, and its marks count all the same."""
    store_run(settings, asked, "sound", {"base": answer_right})
    run = store_run(settings, asked, "doubtful", {"base": answer_right})
    stamp(settings, run, lambda summary: stamp_leaks(summary, {**LEAKS, "unknown": ["a-1"]}, N))
    gate = gate_run(Lab(settings), "doubtful", baseline="sound")
    assert gate.state == "ok"
    assert any("doubtful: Leakage unknown" in note for note in gate.notes)


def test_a_mark_that_left_the_schema_is_refused_by_the_gate_and_said_by_the_difference(settings, asked):
    fields = {name: field for name, field in asked.schema["properties"].items() if name != "answer"}
    changed = replace(asked, schema={**asked.schema, "properties": fields, "required": ["area", "sure"]})
    store_run(settings, asked, "old", {"base": answer_right})
    store_run(settings, changed, "new", {"base": answer_right})
    with pytest.raises(LabError, match="There is no metric 'answer'"):
        gate_run(Lab(settings), "new", baseline="old")
    found = diff_runs(Lab(settings), "old", "new")
    assert found.arms[0].contrast is None
    assert any("'answer', so there is no difference in it" in note for note in found.notes)

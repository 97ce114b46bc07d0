"""`ragft runs`: stored comparisons listed, shown, named, put side by side, asked again, exported and gated."""

import csv
import json
from xml.etree import ElementTree

import pytest
from run_files import answer_right, answer_wrong, store_run

from core.settings import read_settings
from core.tasks.loading import load_task
from tests.conftest import row, write_task
from tests.ui.cli.test_cli import ragft  # noqa: F401

ITEMS = 200


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(10 + ITEMS)]
    return load_task(write_task(tmp_path_factory.mktemp("tasks") / "bonuses", train=rows[:10], test=rows[10:]))


def answer_right_but(share, *, start=0):
    """Return a writer that is wrong on a share of the items."""
    return lambda item: (answer_wrong if (int(item.id[2:]) + start) % 100 < 100 * share else answer_right)(item)


def store(task, name, share, *, arm="base", start=0, items=None, **more):
    return store_run(read_settings(), task, name, {arm: answer_right_but(share, start=start)}, items=items, **more)


@pytest.mark.parametrize(
    ("share", "start", "items", "code", "words"),
    [
        (0.10, 0, ITEMS, 0, "all answers to 200 items are the same texts as before"),
        (0.11, 0, ITEMS, 0, "not worse by 0.05 or more"),
        (0.30, 0, ITEMS, 1, "worse, surely by more than the margin of 0.05. 40 items were right and are not any more"),
        (0.01, 90, 60, 3, "it may be worse by 0.05 or more. If nothing really changed, about "),
    ],
)
def test_the_gate_s_three_codes(ragft, task, share, start, items, code, words):  # noqa: F811
    for name, one, offset in (("old", 0.10, 0), ("new", share, start)):
        store(task, name, one, start=offset, items=task.test[:items])
    found, out, _ = ragft("runs", "gate", "new", "--baseline", "old", "--margin", "0.05")
    assert (found, words in out) == (code, True), out
    found, out, _ = ragft("runs", "gate", "new", "--baseline", "old", "--margin", "0.05", "--arm", "base", "--json")
    assert (found, json.loads(out)["exit_code"]) == (code, code)


def test_the_gate_refuses_what_is_not_the_same_exam(ragft, task):  # noqa: F811
    store(task, "old", 0.1)
    store(task, "short", 0.1, items=task.test[:50])
    store(task, "rag", 0.1, arm="rag")
    refused = {
        ("short",): "did not ask the same items: 150 only in the baseline",
        ("rag",): "has no answers of base",
        ("old",): "is the baseline itself",
        ("gone",): "There is no run 'gone'",
        ("short", "--metric", "nonsense"): "There is no metric 'nonsense'",
        ("short", "--margin", "2"): "did not ask the same items",
    }
    for words, sentence in refused.items():
        code, _, error = ragft("runs", "gate", *words, "--baseline", "old")
        assert (code, sentence in " ".join(error.split())) == (2, True), error
    assert "No run of bonuses is pinned" in " ".join(ragft("runs", "gate", "short")[2].split())
    assert ragft("runs", "pin", "old")[0] == 0
    store(task, "again", 0.1)
    assert ragft("runs", "gate", "again")[0] == 0
    assert ragft("runs", "gate", "again", "--metric", "schema_valid")[0] == 0


def test_a_run_is_listed_shown_named_noted_and_pinned(ragft, task):  # noqa: F811
    assert "No run yet" in ragft("runs")[1]
    store(task, "r1", 0.1)
    for words in (("runs",), ("runs", "list"), ("runs", "list", "--task", "bonuses")):
        assert "r1  Bonuses: Base model, 200 items, fake, 26 Nov" in ragft(*words)[1]
    assert "No run of 'other'" in ragft("runs", "list", "--task", "other")[1]
    assert ragft("runs", "name", "r1", "Before the rewrite")[0] == 0
    assert ragft("runs", "note", "r1", "Looks odd [/b].")[0] == 0
    assert ragft("runs", "pin", "r1")[0] == 0
    (entry,) = json.loads(ragft("runs", "--json")[1])
    assert (entry["run"], entry["name"], entry["note"], entry["pinned"]) == (
        "r1",
        "Before the rewrite",
        "Looks odd [/b].",
        True,
    )
    assert "Looks odd [/b]." in ragft("runs", "note", "r1")[1]
    for words in (("runs", "r1"), ("runs", "show", "r1")):
        out = ragft(*words)[1]
        assert "Run: Before the rewrite (pinned)" in out
        assert "report.html" in out
    for words in (("runs", "r1", "--json"), ("runs", "--json", "r1"), ("runs", "show", "r1", "--json")):
        assert json.loads(ragft(*words)[1])["id"] == "r1"
    assert ragft("runs", "pin", "r1", "--remove")[0] == 0
    assert ragft("runs", "pin", "r1", "--remove")[0] == 2
    assert ragft("runs", "lsit")[0] == 2
    assert ragft("runs", "--forget-answers")[0] == 0
    assert json.loads(ragft("runs", "--forget-answers", "--json")[1]) == {"forgotten_bytes": 0}


def test_two_runs_side_by_side(ragft, task):  # noqa: F811
    store(task, "old", 0.1)
    store(task, "new", 0.2, seed=7)
    out = ragft("runs", "diff", "old", "new")[1]
    assert "seed" in out
    assert "Base model. Right before, not now: x-1" in out
    found = json.loads(ragft("runs", "diff", "old", "new", "--json")[1])
    assert found["settings"] == [{"name": "seed", "before": "0", "after": "7"}]
    assert (len(found["arms"][0]["lost"]), found["arms"][0]["won"]) == (20, [])
    assert "No setting differs." in ragft("runs", "diff", "old", "old")[1]


def test_a_run_is_exported_and_nothing_is_overwritten(ragft, task, tmp_path):  # noqa: F811
    store(task, "r1", 0.1)
    for name in ("r.html", "r.json", "r.csv", "r.md", "r.xml"):
        assert ragft("runs", "export", "r1", str(tmp_path / name))[0] == 0
    suites = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert [(suite.get("tests"), suite.get("failures")) for suite in suites] == [("200", "20")]
    assert len(list(csv.DictReader((tmp_path / "r.csv").open()))) == ITEMS
    assert len(json.loads((tmp_path / "r.json").read_text())["items"]) == ITEMS
    before = (tmp_path / "r.csv").read_text()
    for words, sentence in (
        ((str(tmp_path / "r.csv"),), "exists already"),
        ((str(tmp_path),), "says no form"),
        ((str(tmp_path), "--format", "csv"), "is a folder"),
        ((str(tmp_path / "r.txt"),), "says no form"),
        ((str(tmp_path / "r.txt"), "--format", "pdf"), "There is no form 'pdf'"),
    ):
        code, _, error = ragft("runs", "export", "r1", *words)
        assert (code, sentence in " ".join(error.split())) == (2, True), error
    assert (tmp_path / "r.csv").read_text() == before
    assert ragft("runs", "export", "r1", str(tmp_path / "r.csv"), "--format", "md", "--force")[0] == 0
    assert (tmp_path / "r.csv").read_text() != before


def test_a_comparison_is_asked_again_by_its_id(ragft, task_folder):  # noqa: F811
    out = ragft("compare", str(task_folder), "--arms", "base,zero_shot")[1]
    (name,) = (path.name for path in read_settings().folder("runs").iterdir())
    assert f"Kept: `ragft runs show {name}`" in out
    code, out, _ = ragft("runs", "rerun", name, "--json")
    assert (code, json.loads(out)["sentence"]) == (0, "All 4 answers are the same, to the letter.")

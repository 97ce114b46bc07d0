"""The exam paper of a run: what was asked, as it was."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from core.comparison.arms import ARMS, fit_arm
from core.comparison.exam import ExamPaper, dump_paper, read_paper, write_paper
from core.comparison.prompts import build_prompt, choose_shots
from core.errors import LabError
from core.values import Evidence, Example

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
ITEMS = st.lists(
    st.builds(
        Example,
        id=TEXT,
        input=TEXT,
        output=st.none() | st.dictionaries(TEXT, VALUES, max_size=3),
        group=st.none() | TEXT,
        slice=st.none() | TEXT,
        evidence=st.lists(st.builds(Evidence, TEXT, TEXT), max_size=2).map(tuple),
        accept=st.dictionaries(TEXT, st.lists(VALUES, max_size=2), max_size=2),
    ),
    max_size=4,
    unique_by=lambda item: item.id,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("papers") / "exam.json"


@limits(deadline=None)  # The first reading makes the reader.
@given(items=ITEMS)
def test_a_paper_comes_back_as_it_was(path, items):
    schema = {"properties": {"z": {}, "a": {}}}
    paper = ExamPaper("t", "T", "Do.", "Question", "score", schema, tuple(items), margins={"score": 0.1})
    path.write_text(dump_paper(paper), encoding="utf-8")
    back = read_paper(path, remedy="Delete it.")
    assert back == paper
    assert list(back.schema["properties"]) == ["z", "a"]


@pytest.mark.parametrize("draws", [(None,), (0, 1)])
def test_a_restored_task_asks_what_the_task_asked(task, path, draws):
    arm = fit_arm(ARMS["base"], task)
    path.write_text(dump_paper(write_paper(task, task.test, [replace(arm, shot_draw=draw) for draw in draws])))
    paper = read_paper(path, remedy="")
    restored = paper.restore_task(task.folder)
    for draw in draws:
        shots = choose_shots(task, arm.shots, draw=draw)
        assert list(paper.find_shots(arm.shots, draw=draw)) == shots
        asked = build_prompt(task, "Why?", shots=shots)
        assert build_prompt(restored, "Why?", shots=paper.find_shots(arm.shots, draw=draw)) == asked
    assert restored.test == task.test
    assert restored.primary_metric == task.primary_metric


def damage(change):
    def make(task):
        values = json.loads(dump_paper(write_paper(task, task.test, [])))
        change(values)
        return json.dumps(values)

    return make


@pytest.mark.parametrize(
    "make",
    [
        lambda task: "{",
        lambda task: "[]",
        damage(lambda values: values.pop("schema")),
        damage(lambda values: values.update(items=[{"id": 1, "input": "q"}])),
        damage(lambda values: values["items"].append(values["items"][0])),
        damage(lambda values: values.update(margins="none")),
    ],
)
def test_a_damaged_paper_is_a_sentence(task, path, make):
    path.write_text(make(task))
    with pytest.raises(LabError, match=r"exam.json is damaged: .*\. Delete it\."):
        read_paper(path, remedy="Delete it.")

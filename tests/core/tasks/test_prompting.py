"""What prompts show, as task.toml says it: read, refused with file and key, applied to arms in one place."""

from dataclasses import replace

import pytest

from core.comparison.arms import ARMS, draw_shots, fit_arm
from core.comparison.prompts import build_prompt, choose_shots
from core.errors import LabError
from core.tasks.loading import load_task
from core.tasks.prompting import Prompting
from core.values import Hit, Passage


def load_with(task_folder, toml):
    file = task_folder / "task.toml"
    file.write_text(file.read_text() + toml)
    return load_task(task_folder)


def test_a_task_that_says_nothing_has_the_usual_prompts(task):
    assert task.prompting == Prompting(passages=2, passage_order="best_last", shots=3, shot_draw=0, abstain_below=None)
    assert all(fit_arm(arm, task) == arm for arm in ARMS.values())


def test_every_key_is_read(task_folder):
    text = 'passages = 4\npassage_order = "best_first"\nshots = 2\nshot_draw = 7\nabstain_below = 0.25\npassage_tokens = 64\n'
    task = load_with(task_folder, text)
    assert task.prompting == Prompting(4, "best_first", 2, 7, 0.25)
    assert task.describe_prompting() == {
        "passages": 4, "passage_order": "best_first", "shots": 2, "shot_draw": 7, "abstain_below": 0.25, "passage_tokens": 64,
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "passages = 0", "passages = 11", "passages = true", "passages = 2.0", 'passages = "2"',
        'passage_order = "best"', "passage_order = [1]", "shots = 0", "shots = -1", "shots = true", 'shots = "x-1"', "shots = [1]",
        "shot_draw = -1", "shot_draw = 0.5", "abstain_below = 1.5", "abstain_below = -0.1", "abstain_below = nan",
        "abstain_below = true", 'abstain_below = "0.5"',
    ],
)  # fmt: skip
def test_what_a_key_cannot_be_is_refused_by_file_and_key(task_folder, line):
    with pytest.raises(LabError) as caught:
        load_with(task_folder, line + "\n")
    assert f"{task_folder / 'task.toml'}: {line.split()[0]} is" in caught.value.happened
    assert caught.value.remedy.startswith("It must be")


def test_an_arm_keeps_what_it_is_and_takes_what_the_task_shows(task):
    task = replace(task, prompting=Prompting(passages=5, shots=1))
    assert (fit_arm(ARMS["rag"], task).top_k, fit_arm(ARMS["rag"], task).shots) == (5, 1)
    assert (fit_arm(ARMS["base"], task).top_k, fit_arm(ARMS["zero_shot"], task).shots) == (0, 0)
    assert fit_arm(ARMS["hybrid"], task).top_k == 5
    assert fit_arm(fit_arm(ARMS["rag"], task), task) == fit_arm(ARMS["rag"], task)


def test_all_examples_that_a_task_names_are_shown_and_no_others(task):
    named = replace(task, shots=("x-2", "x-1"))
    assert [shot.id for shot in choose_shots(named, fit_arm(ARMS["base"], named).shots)] == ["x-2", "x-1"]


def test_the_draw_is_the_tasks_own_unless_an_arm_has_another(task):
    ids = lambda task, draw=None: [shot.id for shot in choose_shots(task, 2, draw=draw)]  # noqa: E731
    drawn = [ids(replace(task, prompting=Prompting(shot_draw=seed))) for seed in range(6)]
    assert drawn == [ids(task, seed) for seed in range(6)]
    assert len({tuple(each) for each in drawn}) > 1
    named = replace(task, shots=("x-3", "x-1"))
    assert ids(named) == ["x-3", "x-1"]
    assert ids(named, 0) == ids(task, 0)


def test_several_draws_are_one_arm_several_times(task):
    task = replace(task, prompting=Prompting(shot_draw=4))
    drawn = draw_shots(ARMS["rag"], task, 3)
    assert [arm.shot_draw for arm in drawn] == [4, 5, 6]
    assert {arm.name for arm in drawn} == {"rag"}
    assert [arm.shot_draw for arm in draw_shots(ARMS["rag"], replace(task, shots=("x-1",)), 3)] == [4, 5, 6]
    for arm in (ARMS["zero_shot"], ARMS["rag_examples"], ARMS["hybrid"]):
        assert draw_shots(arm, task, 3) == [arm]
    assert draw_shots(ARMS["rag"], task, 1) == [ARMS["rag"]]


def test_the_best_passage_stands_where_the_task_wants_it(task):
    hits = [Hit(Passage(name, "", 0, 4, f"text {name}"), 1.0) for name in ("best", "second")]
    first = replace(task, prompting=Prompting(passage_order="best_first"))
    last = build_prompt(task, "What?", hits=hits)[-1].content
    assert last.index("second") < last.index("best")
    assert (text := build_prompt(first, "What?", hits=hits)[-1].content).index("best") < text.index("second")
    assert sorted(text) == sorted(last)

"""How a comparison stands while it runs, as the page reads it from a job's events."""

from core.values import Generation, Prediction
from lab.partial import PartialArm, mark_part, read_partials, write_partial

ANSWER = Generation("", 1, 1, 0.1, 0.1, "stop")


def test_the_newest_of_each_approach_is_read_and_what_is_damaged_left_out():
    events = [
        {"kind": "step", "step": 1},
        write_partial(4, PartialArm("base", 4, 8, 0.25)),
        write_partial(8, PartialArm("rag", 4, 8, 0.5)),
        write_partial(12, PartialArm("base", 8, 8, 0.5)),
        {"kind": "partial", "step": 13, "arm": "qlora"},
    ]
    assert read_partials(events) == [PartialArm("base", 8, 8, 0.5), PartialArm("rag", 4, 8, 0.5)]


def test_the_mark_so_far_is_that_of_the_answers_so_far(task):
    right, wrong = ({"answer": text, "area": "pay", "sure": True} for text in ("40 euros", "nothing at all"))
    answers = {
        (0, 0): Prediction("base", "x-9", (), ANSWER, right, (), "strict"),
        (1, 0): Prediction("base", "x-9", (), ANSWER, wrong, (), "strict"),
    }
    assert mark_part(task, task.test, {}) is None
    assert mark_part(task, task.test, answers) == 0.5

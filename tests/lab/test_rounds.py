"""Arms answer in rounds, so that a machine that slows down slows all of them alike."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.comparison.answers import ROUNDS
from core.comparison.arms import find_title
from core.comparison.runs import list_runs, load_predictions
from core.errors import Cancelled, LabError
from core.generation.fake import FakeGenerator
from lab.comparison import compare_arms
from lab.kept_answers import open_answers
from lab.lab import Lab
from lab.plan import plan_comparison
from lab.requests import CompareRequest
from lab.rounds import MOST_ROUNDS, STAGE, Answers, answer_in_rounds, cut_answers, order_arms, split_rounds
from tests.conftest import HashingEmbedder, row, write_task

ARMS = ("base", "zero_shot", "rag_examples")
ITEMS = 4 * ROUNDS  # With a batch of one: four rounds.


class Drifting(FakeGenerator):
    """A machine that takes a little longer for every answer, and fails an arm where it is told to."""

    asked = 0
    fail_at = None

    def generate(self, prompts, **others):
        for index, answer in super().generate(prompts, **others):
            Drifting.asked += 1
            if Drifting.asked == Drifting.fail_at:
                raise LabError("The model is gone.")
            yield index, replace(answer, seconds=0.01 * Drifting.asked)


class Watching:
    """Keeps what it is told, and stops after so many reports."""

    def __init__(self, reports=10**9):
        self.left, self.steps, self.events = reports, [], []

    def __call__(self, stage, step, total, note=""):
        self.steps.append((stage, step, total, note))
        self.left -= 1
        if self.left < 0:
            raise Cancelled

    def record(self, event):
        self.events.append(event)

    def say(self, text):
        pass


@pytest.fixture
def lab(settings):
    Drifting.asked, Drifting.fail_at = 0, None
    return Lab(settings, generator=Drifting(), embedder=HashingEmbedder())


@pytest.fixture
def task(tmp_path):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(10 + ITEMS)]
    return write_task(tmp_path / "tasks" / "bonuses", train=rows[:10], test=rows[10:])


def compare(lab, task, watcher=None):
    return compare_arms(lab, CompareRequest(str(task), arms=ARMS, batch_size=1), watcher or Watching()).run


@given(st.integers(1, 3000), st.integers(1, 64), st.integers(0, 5))
def test_every_item_is_in_one_round_and_rounds_are_large_enough(count, batch_size, seed):
    rounds = split_rounds(count, batch_size=batch_size, seed=seed)
    assert sorted(index for places in rounds for index in places) == list(range(count))
    assert len(rounds) <= MOST_ROUNDS
    assert max(map(len, rounds)) - min(map(len, rounds)) <= 1
    assert len(rounds) == 1 or min(map(len, rounds)) >= ROUNDS * batch_size
    assert all(places == sorted(places) for places in rounds)


@given(st.integers(1, 7), st.integers(0, 9))
def test_each_arm_comes_first_once_in_as_many_rounds_as_arms(count, seed):
    names = [str(number) for number in range(count)]
    orders = [order_arms(names, turn=turn, seed=seed) for turn in range(count)]
    for place in range(count):
        assert sorted(order[place] for order in orders) == sorted(names)


def test_a_machine_that_slows_down_slows_all_arms_alike(lab, task):
    watcher = Watching()
    arms = compare(lab, task, watcher).summary["arms"]
    means = [arms[name]["cost"]["seconds"]["mean"] for name in ARMS]
    drift = 0.01 * len(ARMS) * ITEMS
    assert max(means) - min(means) < drift / 4, "asked arm after arm they differ by two thirds of the drift"
    assert watcher.steps[0] == (STAGE, 0, len(ARMS) * ITEMS, "")
    assert watcher.steps[-1][1] == len(ARMS) * ITEMS
    assert [event["answered"] for event in watcher.events if event["arm"] == "base"] == [3, 6, 9, 12]


def test_answers_and_arms_stand_in_their_own_order(lab, task):
    run = compare(lab, task)
    predictions = load_predictions(lab.settings, run.id)
    assert [item.arm for item in predictions] == [name for name in ARMS for _ in range(ITEMS)]
    assert [item.example for item in predictions] == run.config["items"] * len(ARMS)
    assert [name for name in run.summary["arms"] if name in ARMS] == list(ARMS)
    assert run.config["from_store"] == dict.fromkeys(ARMS, 0)


def test_stopped_between_rounds_the_items_that_all_answered_are_stored(lab, task):
    with pytest.raises(Cancelled):
        compare(lab, task, Watching(2 * ROUNDS * len(ARMS) + 3))
    (run,) = list_runs(lab.settings).whole
    assert run.status == "cancelled"
    assert len(run.config["items"]) == 2 * ROUNDS
    assert len(load_predictions(lab.settings, run.id)) == 2 * ROUNDS * len(ARMS)
    assert f"Stopped: {2 * ROUNDS} of {ITEMS} items" in " ".join(run.summary["notes"])
    whole = compare(lab, task)
    assert Drifting.asked == len(ARMS) * ITEMS, "nothing is asked twice"
    assert whole.status == "ok"


def cut(lab, task, reports):
    """Answer a comparison until it is stopped; returns the plan, all that is known, and what of it is judged."""
    plan = plan_comparison(lab, CompareRequest(str(task), arms=ARMS, batch_size=1))
    answers = Answers(missing=dict(plan.missing))
    with pytest.raises(Cancelled):
        answer_in_rounds(lab, plan, open_answers(lab, fresh=False), answers, Watching(reports))
    return plan, answers, *cut_answers(plan, answers)


def test_finished_arms_do_not_push_out_one_that_lacks_its_last_round(lab, task):
    _, answers, plan, kept = cut(lab, task, (4 * len(ARMS) - 1) * ROUNDS + 1)
    assert len(answers.predictions) == 2, "two arms had finished"
    assert list(kept.predictions) == list(ARMS)
    assert {len(items) for items in kept.predictions.values()} == {len(plan.items)} == {3 * ROUNDS}


def test_without_a_shared_round_the_finished_arms_are_judged_and_the_others_named(lab, task):
    plan = plan_comparison(lab, CompareRequest(str(task), arms=ARMS, batch_size=ITEMS))
    answers = Answers(missing=dict(plan.missing))
    with pytest.raises(Cancelled):
        answer_in_rounds(lab, plan, open_answers(lab, fresh=False), answers, Watching(2 * ITEMS + 1))
    part, kept = cut_answers(plan, answers)
    (lacking,) = set(ARMS) - set(kept.predictions)
    assert len(part.items) == ITEMS
    assert find_title(lacking) in part.notes[-1]
    assert set(kept.served) == set(kept.predictions), "of an arm that is not judged nothing is counted"


def test_search_and_known_answers_of_a_stopped_run_are_of_the_rounds_it_keeps(lab, task):
    cut(lab, task, 3 * ROUNDS * len(ARMS) - 1)
    _, answers, plan, kept = cut(lab, task, 3 * ROUNDS * len(ARMS) - 1)
    assert len(plan.items) == 2 * ROUNDS
    assert kept.served == dict.fromkeys(ARMS, 2 * ROUNDS), "all of these were known from the first try"
    assert max(answers.served.values()) == 3 * ROUNDS
    shared = [place for places in split_rounds(ITEMS, batch_size=1, seed=0)[:2] for place in places]
    searched = [turn.searching for turn in answers.turns["rag_examples"] if set(turn.places) <= set(shared)]
    assert len(searched) == 2
    assert kept.searching["rag_examples"] == pytest.approx(sum(searched))
    assert 0 < sum(searched) < answers.searching["rag_examples"], "the round that is not kept counts for nothing"


def test_a_round_that_is_stopped_by_its_last_answer_is_counted_whole(lab, task):
    cut(lab, task, 2 * ROUNDS * len(ARMS))
    _, _, plan, kept = cut(lab, task, 2 * ROUNDS * len(ARMS))
    assert len(plan.items) == 2 * ROUNDS
    assert kept.served == dict.fromkeys(ARMS, 2 * ROUNDS)


def test_an_arm_that_fails_in_a_later_round_is_missing_and_the_others_go_on(lab, task):
    Drifting.fail_at = ROUNDS * len(ARMS) + 1
    arms = compare(lab, task).summary["arms"]
    missing = [name for name in ARMS if arms[name]["status"] == "missing"]
    assert len(missing) == 1
    assert "The model is gone" in arms[missing[0]]["reason"]
    assert [arms[name]["n"] for name in ARMS if name not in missing] == [ITEMS] * 2

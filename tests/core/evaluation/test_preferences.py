"""What blind votes say."""

import random

import pytest

from core.evaluation import preferences
from core.evaluation.preferences import ENOUGH, Vote, judge_votes

ARMS = ("base", "rag", "qlora")
MARKS = {(f"x-{n}", arm, None): mark for n in range(100) for arm, mark in zip(ARMS, (0.0, 0.5, 1.0), strict=True)}
GROUPS = {f"x-{n}": f"g{n}" for n in range(100)}


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    """A fit takes milliseconds; what is tested here shows with few of them."""
    monkeypatch.setattr(preferences, "RESAMPLES", 12)


def vote(number, left, right, choice, **more):
    return Vote(f"x-{number % 100}", left, right, choice, "2026-11-26T10:00:00+00:00", **more)


def simulate(count, chances, *, seed=0, arms=ARMS):
    """Return votes of people who prefer an answer as its approach's strength says."""
    draw = random.Random(seed)
    votes = []
    for number in range(count):
        left, right = draw.sample(arms, 2)
        first = draw.random() < chances[left] / (chances[left] + chances[right])
        votes.append(vote(number, left, right, "left" if first else "right"))
    return votes


def judge(votes, **more):
    return judge_votes(votes, MARKS, GROUPS, **more)


def test_agreement_counts_votes_that_name_an_answer_where_marks_differ():
    votes = [
        vote(1, "base", "rag", "right"), vote(2, "qlora", "base", "left"), vote(3, "qlora", "rag", "right"),
        vote(4, "base", "rag", "tie"), vote(5, "base", "rag", "both bad"),
    ]  # fmt: skip
    found = judge(votes)
    assert (found.agreement.votes, found.agreement.agreeing) == (3, 2)
    assert found.agreement.share.low < 2 / 3 < found.agreement.share.high
    assert found.counts == {"left": 1, "right": 2, "tie": 1, "both bad": 1}
    assert "1 found both bad, which counts for nobody" in found.sentences[0]
    same = {**MARKS, ("x-1", "base", None): 0.5}
    assert judge_votes(votes[:1], same, GROUPS).agreement.share is None


def test_the_side_makes_no_difference():
    votes = simulate(60, {"base": 1, "rag": 2, "qlora": 4})
    other = {"left": "right", "right": "left"}
    turned = [vote(int(one.item[2:]), one.right, one.left, other[one.choice]) for one in votes]
    one, two = judge(votes), judge(turned)
    assert one.agreement == two.agreement
    for first, second in zip(one.strengths, two.strengths, strict=True):
        assert first.arm == second.arm
        assert first.share.mean == pytest.approx(second.share.mean, abs=1e-4)


def test_strengths_are_those_that_were_put_in_and_begin_with_thirty_votes():
    chances = {"base": 1.0, "rag": 2.0, "qlora": 4.0}
    true = {arm: sum(chances[arm] / (chances[arm] + chances[other]) for other in ARMS if other != arm) / 2 for arm in ARMS}
    found = judge(simulate(400, chances))
    assert [item.arm for item in found.strengths] == ["qlora", "rag", "base"]
    for item in found.strengths:
        assert item.share.mean == pytest.approx(true[item.arm], abs=0.08)
        assert item.share.low < true[item.arm] < item.share.high
    assert sum(item.share.mean for item in found.strengths) == pytest.approx(len(ARMS) / 2)
    few = judge(simulate(ENOUGH - 1, chances))
    assert few.strengths == ()
    assert f"from {ENOUGH} votes on" in few.sentences[-1]
    assert judge(simulate(ENOUGH, chances)).strengths


def test_both_bad_counts_in_nobodys_favour():
    votes = simulate(ENOUGH, {"base": 1, "rag": 2, "qlora": 4})
    bad = [vote(n, "base", "qlora", "both bad") for n in range(50)]
    assert judge([*votes, *bad]).strengths == judge(votes).strengths
    assert judge([*votes[:-1], *bad]).strengths == (), "nor does it count among the thirty"


def test_who_won_or_lost_everything_is_not_sure_to_do_so_for_ever():
    votes = [vote(n, *(("qlora", "base") if n % 2 else ("base", "qlora")), "left" if n % 2 else "right") for n in range(ENOUGH)]
    best, worst = judge(votes).strengths
    assert (best.arm, worst.arm) == ("qlora", "base")
    assert 0.95 < best.share.mean < 1
    assert best.share.low < 0.93
    assert worst.share.high > 0.07
    assert best.share.low <= best.share.mean <= best.share.high


def test_ties_make_equal():
    one, two = judge([vote(n, "rag", "base", "tie") for n in range(ENOUGH)]).strengths
    assert one.share.mean == pytest.approx(0.5)
    assert two.share.low <= 0.5 <= two.share.high


def test_votes_that_do_not_link_all_approaches_give_no_strengths():
    marks = {**MARKS, **{(f"x-{n}", "hybrid", None): 1.0 for n in range(100)}}
    votes = [vote(n, "base", "rag", "left") for n in range(20)] + [vote(n, "qlora", "hybrid", "left") for n in range(20)]
    found = judge_votes(votes, marks, GROUPS)
    assert found.strengths == ()
    assert "do not lead from every approach" in found.sentences[-1]


def test_votes_on_the_same_item_are_not_independent():
    spread = judge(simulate(200, {"base": 1, "rag": 2, "qlora": 4}), fit=False).agreement.share
    same = [Vote("x-1", one.left, one.right, one.choice, one.time) for one in simulate(200, {"base": 1, "rag": 2, "qlora": 4})]
    share = judge(same, fit=False).agreement.share
    assert share.high - share.low > 3 * (spread.high - spread.low)


def test_no_votes_and_votes_on_other_answers_are_sentences():
    assert judge([]).sentences == ("There is no vote on this run yet.",)
    assert judge([vote(1, "gone", "rag", "left")]).sentences == ("1 votes are on answers that are not there.",)
    assert judge([]).as_json()["agreement"] == {"votes": 0, "agreeing": 0, "share": None}

"""The gate's rule, and what it says where it cannot tell."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.evaluation.gate import EXIT_CODES, count_needed, find_state, judge_gate
from core.evaluation.run_difference import ArmChange, RunDifference
from core.evaluation.statistics import Contrast, Sample, contrast

BOUND = st.floats(-1, 1)
MARGIN = st.floats(0.001, 0.5)
BASE = Contrast("rag", "rag", "answer", "all", 100, 100, -0.02, -0.04, 0.0, 0.05, error=0.01, freedom=99.0, informative=20)


def bounded(low, mean, high):
    return replace(BASE, difference=mean, ci_low=low, ci_high=high)


def measure(marks, groups=None):
    """Return the paired difference of marks and none."""
    clusters = [str(n if groups is None else n % groups) for n in range(len(marks))]
    return contrast(
        Sample("rag", marks), Sample("rag", [0.0] * len(marks)), metric="answer", slice_name="all", clusters=clusters
    )


def judge(*contrasts, margin=0.05, arms=()):
    changes = tuple(ArmChange(name, ("i1",), (), one) for name, one in zip(("rag", "base"), contrasts, strict=False))
    return judge_changes(changes, margin=margin, arms=arms)


def judge_changes(changes, *, margin=0.05, arms=()):
    return judge_gate(RunDifference("a", "b", "answer", (), 100, (), (), (), changes), margin=margin, arms=arms)


@given(st.tuples(BOUND, BOUND, BOUND), MARGIN)
def test_the_rule(bounds, margin):
    low, mean, high = sorted(bounds)
    state = find_state(bounded(low, mean, high), margin)
    assert (state == "ok") == (low > -margin)
    if state == "regression":
        assert high < 0
        assert mean <= -margin + 1e-9
    if high < -margin:
        assert state == "regression"


@given(st.tuples(BOUND, BOUND, BOUND), MARGIN, MARGIN)
def test_a_wider_margin_never_fails_what_a_narrow_one_passes(bounds, one, other):
    low, mean, high = sorted(bounds)
    order = ["ok", "inconclusive", "regression"]
    narrow, wide = (order.index(find_state(bounded(low, mean, high), margin)) for margin in sorted((one, other)))
    assert wide <= narrow


def test_as_many_items_as_it_names_settle_a_run_that_is_level():
    assert count_needed(measure([0.0] * 10), 0.05) == 73
    assert [find_state(measure([0.0] * count), 0.05) for count in (73, 72)] == ["ok", "inconclusive"]
    random = Random(0)
    draw = lambda count: [random.choice((-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)) for _ in range(count)]  # noqa: E731
    needed = count_needed(measure(draw(2000)), 0.15)
    passed = sum(find_state(measure(draw(needed)), 0.15) == "ok" for _ in range(100))
    assert 70 <= passed <= 90


def test_states_of_approaches_make_the_run_s():
    ok, worse, open_ = bounded(-0.01, 0, 0.01), bounded(-0.3, -0.2, -0.1), bounded(-0.3, -0.1, 0.1)
    assert [judge(*some).exit_code for some in ([ok, ok], [ok, open_], [open_, worse], [ok, worse])] == [0, 3, 1, 1]
    assert judge(ok, worse, arms=["rag"]).state == "ok"
    assert EXIT_CODES == {"ok": 0, "regression": 1, "inconclusive": 3}


def test_a_control_counts_only_where_it_is_named():
    good, bad = bounded(-0.01, 0, 0.01), bounded(-0.3, -0.2, -0.1)
    changes = (ArmChange("rag", (), (), good), ArmChange("oracle", (), (), bad))
    assert [arm.arm for arm in judge_changes(changes).arms] == ["rag"]
    assert judge_changes(changes).state == "ok"
    assert judge_changes(changes, arms=["oracle"]).state == "regression"
    with pytest.raises(LabError, match="Only controls answered in both runs: oracle"):
        judge_changes(changes[1:])


def test_a_loss_of_the_margin_is_one_however_it_was_rounded():
    lost = 0.30 - 0.35
    assert lost > -0.05
    assert find_state(bounded(-0.08, lost, -0.01), 0.05) == "regression"
    assert find_state(bounded(-0.08, -0.0499, -0.01), 0.05) == "inconclusive"


@pytest.mark.parametrize(
    ("contrast", "sentence"),
    [
        (bounded(-0.01, 0.0, 0.01), "RAG: +0.000 (95 % -0.010 to +0.010, 100 items): not worse by 0.05 or more."),
        (bounded(-0.04, -0.02, -0.01), "It is surely worse, by less than the margin."),
        (
            bounded(-0.3, -0.2, -0.1),
            "worse, surely by more than the margin of 0.05. 1 items were right and are not any more: i1.",
        ),
        (bounded(-0.11, -0.06, -0.01), "worse, as measured by more than the margin of 0.05."),
        (
            replace(BASE, ci_low=-0.1, ci_high=0.06, error=0.04),
            "If nothing really changed, about 502 items show it in 4 of 5 runs.",
        ),
        (
            replace(BASE, ci_low=-0.06, ci_high=0.01, error=0.0175),
            "97 items would show it in 4 of 5 runs, and there are 100: look",
        ),
        (replace(BASE, ci_low=None, ci_high=None, clusters=3), "100 items in 3 groups are too few to tell."),
    ],
)
def test_it_says_what_it_found(contrast, sentence):
    (arm,) = judge(contrast).arms
    assert sentence in arm.sentence


def test_what_is_no_margin_or_no_approach_is_refused():
    for margin in (0, 1, -0.1, float("nan")):
        with pytest.raises(LabError, match="The margin is"):
            judge(BASE, margin=margin)
    with pytest.raises(LabError, match="'qlora' did not answer in both runs. Those that did: rag"):
        judge(BASE, arms=["qlora"])
    with pytest.raises(LabError, match="No approach answered in both runs"):
        judge()
    with pytest.raises(LabError, match="no item with an answer in both"):
        judge(None)

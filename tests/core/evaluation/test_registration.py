"""What is written down before the first answer."""

from dataclasses import replace

import pytest

from core.evaluation.registration import ASSUMED_SPREAD, register
from core.evaluation.sampling import find_clusters
from core.values import Evidence, Example

ARMS = ("base", "rag", "qlora", "hybrid")


def items(count, **more):
    return [Example(f"x-{number}", f"Question number {number}?", {}, **more) for number in range(count)]


def test_what_is_written_down(task):
    found = register(task, items(150), ARMS, seed=3)
    assert (found.metric, found.margin, found.items, found.clusters, found.seed) == ("answer", 0.05, 150, 150, 3)
    assert found.spread == ASSUMED_SPREAD
    assert f"lead of {found.smallest_lead:.2f}" in found.sentence
    assert "compared" not in found.sentence


def test_a_declared_margin_is_said(task):
    found = register(replace(task, margins={"answer": 0.02}), items(150), ARMS)
    assert found.margin == 0.02
    assert "less than 0.02" in found.sentence


def test_items_in_groups_see_less_than_items_alone(task):
    alone = register(task, items(60), ARMS).smallest_lead
    grouped = [replace(item, group=str(number // 6)) for number, item in enumerate(items(60))]
    found = register(task, grouped, ARMS)
    assert found.clusters == 10
    assert found.smallest_lead > alone
    assert "in 10 independent groups" in found.sentence


def test_too_few_items_say_that_they_see_nothing(task):
    assert "too few to see any lead" in register(task, items(4), ARMS).sentence


def test_earlier_looks_and_what_they_showed_are_used(task):
    found = register(task, items(150), ARMS, looks=3, earlier=(0.2, "run-1"))
    assert found.smallest_lead == pytest.approx(register(task, items(150), ARMS).smallest_lead * 0.4, rel=0.05)
    assert "as run run-1 spread" in found.sentence
    assert "compared 3 times before" in found.sentence


def test_units_are_the_group_else_the_evidence_else_the_wording():
    named = Example("a", "One?", {}, group="g", evidence=(Evidence("d", "q"),))
    proven = Example("b", "Two?", {}, evidence=(Evidence("d", "q"),))
    also = Example("c", "Three?", {}, evidence=(Evidence("d", "other"),))
    first, copy = Example("d", "What is it?", {}), Example("e", "  what IS it ", {})
    clusters = find_clusters([named, proven, also, first, copy])
    assert clusters[1] == clusters[2]
    assert clusters[3] == clusters[4], "the same question twice is one question"
    assert len(set(clusters)) == 3


def test_one_approach_alone_is_no_comparison(task):
    assert "nothing to compare" in register(task, items(150), ["base", "base"]).sentence


def test_the_baselines_are_to_be_beaten_too(task):
    without = register(replace(task, train=()), items(150), ARMS[:2]).smallest_lead
    assert register(task, items(150), ARMS[:2]).smallest_lead > 1.1 * without

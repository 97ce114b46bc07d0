"""What the exam's report counts, on exams whose numbers are known."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.evaluation.exam_report import AUDIT, measure_effective, measure_overlap, report_exam
from core.values import Evidence, Example


@given(st.lists(st.integers(1, 50), min_size=1))
def test_effective_units_lie_between_one_and_the_groups(sizes):
    assert 1 <= measure_effective(sizes) <= len(sizes) + 1e-9


def test_equal_groups_are_worth_their_number():
    assert measure_effective([5] * 12) == pytest.approx(12)
    assert measure_effective([]) == 0


def test_overlap_counts_content_words_in_the_evidence_or_the_documents_name():
    items = [
        Example("1", "How long is the firmware interview?", {}, slice="plain", evidence=(Evidence("interviews", "firmware: 2 hours"),)),
        Example("2", "What about pay?", {}, slice="indirect", evidence=(Evidence("bonus", "40 euros"),)),
        Example("3", "No evidence here", {}, slice="plain"),
    ]  # fmt: skip
    assert measure_overlap(items) == {"indirect": 0.0, "plain": pytest.approx(2 / 3)}


def test_a_report_knows_groups_baselines_and_audit(task, tmp_path):
    asked = tuple(
        Example(f"t{n}", f"question number {n} of group {n % 4}", {"answer": "40 euros"}, group=str(n % 4)) for n in range(12)
    )
    task = replace(task, test=asked, folder=tmp_path)
    report = report_exam(task)
    assert (report["items"], report["independent_units"], report["effective_units"]) == (12, 4, pytest.approx(4))
    assert report["without_model"]["majority"] == 1.0
    assert report["detectable"][2] is None or report["detectable"][2] <= report["detectable"][4]
    assert report["audit"] is None
    (tmp_path / AUDIT).write_text("".join(json.dumps({"id": f"t{n}", "agrees": n != 3}) + "\n" for n in range(10)))
    audit = report_exam(task)["audit"]
    assert (audit["items"], audit["agree"]) == (10, 0.9)
    assert audit["interval"]["low"] < 0.9 < audit["interval"]["high"]


@pytest.mark.parametrize("line", ["{", '{"id": "nobody", "agrees": true}', '{"id": "t1"}', "[]"])
def test_a_damaged_audit_is_named(task, tmp_path, line):
    (tmp_path / AUDIT).write_text(line + "\n")
    task = replace(task, test=(Example("t1", "q", {"answer": "x"}),), folder=tmp_path)
    with pytest.raises(LabError, match=r"audit\.jsonl:1"):
        report_exam(task)

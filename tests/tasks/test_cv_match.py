"""Jobs and CVs: made again byte for byte out of parts of one split each, and every answer follows from the written rules."""

import json
import re
from collections import Counter

import pytest

from benchmarks.tasks import cv_match
from core.evaluation.scoring import score_answer
from core.settings import BUNDLED_TASKS

FOLDER = BUNDLED_TASKS / "cv-match"


def read(split):
    return [json.loads(line) for line in (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]


ROWS = {split: read(split) for split in ("train", "test")}
BOTH = ROWS["train"] + ROWS["test"]


def list_sentences(parts):
    items = [item for block in (*parts.jobs.values(), *parts.topics.values()) for item in block]
    return [text for item in items for ways in item.said.values() for text in ways] + parts.fillers


def test_the_seed_gives_these_bytes():
    for split, rows in ROWS.items():
        assert cv_match.make_rows(split) == rows


def test_the_parts_of_the_splits_have_nothing_in_common():
    train, test = (cv_match.read_parts(split) for split in ("train", "test"))
    assert not set(train.jobs) & set(test.jobs)
    assert not set(list_sentences(train)) & set(list_sentences(test))
    for one, other in ((train.jobs, test.jobs), (train.topics, test.topics)):
        needs = [{item.need for items in block.values() for item in items} for block in (one, other)]
        assert not needs[0] & needs[1]
    for parts in (train, test):
        sentences = list_sentences(parts)
        assert len(sentences) == len(set(sentences))
        assert all(re.fullmatch(r"[A-Z].*[^.]\.", text) for text in sentences)
        assert all(len(items) == 2 for items in parts.jobs.values())
        assert all(
            item.said["met"] and item.said["partly"]
            for block in (parts.jobs, parts.topics)
            for items in block.values()
            for item in items
        )


def test_evidence_stands_once_in_the_cv_and_is_null_for_what_is_not_met():
    for row in BOTH:
        cv = row["input"].split("\n\nCV:\n")[1]
        for item in row["output"]["requirements"]:
            assert (item["evidence"] is None) == (item["status"] == "not"), row["id"]
            assert item["evidence"] is None or cv.count(item["evidence"]) == 1, row["id"]


def test_the_cv_says_nothing_else_of_what_is_asked():
    for split, rows in ROWS.items():
        parts = cv_match.read_parts(split)
        said = {item.need: item.said for block in (parts.jobs, parts.topics) for items in block.values() for item in items}
        for row in rows:
            for item in row["output"]["requirements"]:
                found = {
                    status: [text for text in ways if text in row["input"]]
                    for status, ways in said[item["requirement"]].items()
                }
                others = [text for status, texts in found.items() if status != item["status"] for text in texts]
                assert others == [], row["id"]
                assert found[item["status"]] == [item["evidence"]] or item["status"] == "not", row["id"]


def test_the_recommendation_follows_from_the_job_and_the_statuses():
    for row in BOTH:
        lines = row["input"].split("\n\nCV:\n")[0].splitlines()[1:]
        marks = [line.split(": ", 1) for line in lines]
        items = row["output"]["requirements"]
        assert [need for _, need in marks] == [item["requirement"] for item in items]
        musts = [item["status"] for (mark, _), item in zip(marks, items, strict=True) if mark == "must"]
        pluses = [item["status"] for (mark, _), item in zip(marks, items, strict=True) if mark == "plus"]
        assert len(musts) >= 2
        assert pluses
        if "not" in musts:
            right = "decline"
        elif all(status == "met" for status in musts) and any(status != "not" for status in pluses):
            right = "invite"
        else:
            right = "hold"
        assert row["output"]["recommendation"] == right, row["id"]


@pytest.mark.parametrize(
    ("statuses", "musts", "right"),
    [
        (["partly", "met", "met"], 2, "hold"),
        (["met", "not"], 1, "hold"),
        (["not", "met", "met"], 2, "decline"),
        (["met", "partly", "not"], 1, "invite"),
        (["partly", "not", "met"], 2, "decline"),
    ],
)
def test_the_worked_cases_of_the_documents(statuses, musts, right):
    assert cv_match.recommend(statuses, musts) == right


def test_sizes_lengths_and_units():
    assert len(ROWS["train"]) >= 120
    assert len(ROWS["test"]) >= 60
    for row in BOTH:
        assert 80 <= len(row["input"].split("\n\nCV:\n")[1].split()) <= 160, row["id"]
        assert 3 <= len(row["output"]["requirements"]) <= 5
    groups = Counter(row["group"] for row in ROWS["test"])
    assert len(ROWS["test"]) ** 2 / sum(count**2 for count in groups.values()) >= 40
    assert not groups.keys() & {row["group"] for row in ROWS["train"]}
    shares = Counter(row["output"]["recommendation"] for row in ROWS["test"])
    assert max(shares.values()) < 0.4 * len(ROWS["test"])


def test_copying_the_requirements_earns_nothing_and_a_status_counts_by_place():
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    right = {
        "requirements": [
            {"requirement": "a", "status": "met", "evidence": "I do a."},
            {"requirement": "b", "status": "not", "evidence": None},
            {"requirement": "c", "status": "partly", "evidence": "Some c."},
        ],
        "recommendation": "hold",
    }
    copied = {
        "requirements": [{"requirement": name, "status": "met", "evidence": "Nothing."} for name in "abc"],
        "recommendation": "invite",
    }
    renamed = {**right, "requirements": [{**item, "requirement": "?"} for item in right["requirements"]]}
    turned = {**right, "requirements": right["requirements"][::-1]}
    assert score_answer(renamed, right, schema).metric("score") == 1.0
    assert score_answer(copied, right, schema).metric("score") < 0.2
    assert score_answer(turned, right, schema).metric("score") < 0.7


def test_the_second_reading_is_whole_and_the_readme_says_what_it_found():
    audit = read("audit")
    assert [line["id"] for line in audit] == [row["id"] for row in ROWS["test"]]
    apart = [line for line in audit if not line["agrees"]]
    assert all(line["reason"] and line["first"] != line["second"] for line in apart)
    assert f"{len(audit) - len(apart)} of {len(audit)}" in (FOLDER / "README.md").read_text(encoding="utf-8")

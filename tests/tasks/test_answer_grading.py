"""Answer grading: the marks follow from the labels by the written table, and neither length nor a shared text gives them away."""

import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tasks import answer_grading
from benchmarks.tasks.answer_grading import FOLDER, RULES, SPLITS, grade, read_questions, score_points, write_rows, write_rubric

CODES = ("TERN", "PLOVER", "DUNLIN", "KNOT", "SKUA")
SLACK = 0.05  # By which counting words may do better than always saying the most frequent mark.


def read(name):
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


ROWS = {split: read(f"{split}.jsonl") for split in SPLITS}
QUESTIONS = {split: read_questions(split) for split in SPLITS}
ALL = [question for split in SPLITS for question in QUESTIONS[split]]


def said(row):
    return row["input"].split("\n\nCandidate: ", 1)[1]


def list_sentences(text):
    return [re.sub(r"\W+", " ", part).strip().casefold() for part in re.split(r"(?<=[.!?])\s+", text)]


def count_lengths(row):
    text = said(row)
    return [len(text), len(text.split()), len(re.findall(r"[.!?](?:\s|$)", text)), text.count(",")]


def test_the_program_gives_these_files():
    for split in SPLITS:
        assert write_rows(split, QUESTIONS[split]) == ROWS[split]
    documents = {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / "documents").glob("*.md")}
    assert documents.pop(RULES)
    assert documents == {question["id"]: write_rubric(question) for question in ALL}


def test_there_are_enough_questions_and_none_is_on_both_sides():
    groups = {split: Counter(row["group"] for row in ROWS[split]) for split in SPLITS}
    assert not groups["train"].keys() & groups["test"].keys()
    assert min(len(groups["train"]), len(groups["test"])) >= 60
    assert (len(ROWS["train"]) >= 400, len(ROWS["test"]) >= 240) == (True, True)
    assert len(ROWS["test"]) ** 2 / sum(size**2 for size in groups["test"].values()) >= 55


@pytest.mark.parametrize("question", ALL, ids=lambda question: question["id"])
def test_a_rubric_is_whole_and_its_labels_fit_it(question):
    names = [point["name"] for point in question["points"]]
    assert 3 <= len(names) == len(set(names)) <= 4
    assert all(
        point["weight"] in (1, 2, 3) and point["say"] and point["follow_up"].endswith("?") for point in question["points"]
    )
    assert question["misconceptions"]
    for wrong in question["misconceptions"]:
        assert set(wrong["denies"]) <= set(names)
        assert wrong["follow_up"].endswith("?")
    for answer in question["answers"]:
        assert set(answer["covered"]) <= set(names)
        if answer["misconception"] is not None:
            assert not set(answer["covered"]) & set(question["misconceptions"][answer["misconception"]]["denies"]), answer[
                "text"
            ]


@pytest.mark.parametrize(
    ("weights", "covered", "score"),
    [
        ((3, 2, 2, 1), (0, 1, 2, 3), 4),
        ((3, 2, 2, 1), (0, 1, 2), 3),
        ((3, 2, 1), (0, 2), 3),  # Two thirds to the point.
        ((3, 3, 3), (1,), 2),  # One third to the point.
        ((3, 2, 2, 1), (1,), 1),
        ((3, 2, 2, 1), (), 0),
    ],
)
def test_the_score_is_that_of_the_written_table(weights, covered, score):
    points = [{"name": str(place), "weight": weight} for place, weight in enumerate(weights)]
    assert score_points(points, [str(place) for place in covered]) == score


@given(st.lists(st.integers(1, 3), min_size=3, max_size=4), st.data())
def test_saying_more_never_costs_and_a_misconception_costs_one(weights, data):
    points = [{"name": str(place), "weight": weight, "follow_up": f"{place}?"} for place, weight in enumerate(weights)]
    question = {"points": points, "next": "next?", "misconceptions": [{"denies": [], "follow_up": "wrong?"}]}
    names = data.draw(st.sets(st.sampled_from([point["name"] for point in points])))
    more = names | data.draw(st.sets(st.sampled_from([point["name"] for point in points])))
    right, longer, wrong = (
        grade(question, {"covered": covered, "misconception": which})
        for covered, which in ((names, None), (more, None), (names, 0))
    )
    assert right["score"] <= longer["score"]
    assert wrong["score"] == max(0, right["score"] - 1)
    assert (wrong["verdict"], wrong["follow_up"]) == ("KNOT", "wrong?")
    assert right["covered"] == [point["name"] for point in points if point["name"] in names]
    missing = [point for point in points if point["name"] not in names]
    heaviest = max((point["weight"] for point in missing), default=0)
    first = next((point["follow_up"] for point in missing if point["weight"] == heaviest), "next?")
    assert right["follow_up"] == first


def test_no_sentence_is_on_both_sides_and_no_shrug_is_repeated():
    sentences = {split: {sentence for row in ROWS[split] for sentence in list_sentences(said(row))} for split in SPLITS}
    assert not sentences["train"] & sentences["test"]
    shrugs = [
        sentence for row in ROWS["train"] + ROWS["test"] if row["slice"] == "unknown" for sentence in list_sentences(said(row))
    ]
    assert len(shrugs) == len(set(shrugs))


@pytest.mark.parametrize("field", ["score", "verdict"])
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_length_does_not_give_the_mark_away(field, depth):
    from sklearn.tree import DecisionTreeClassifier

    marks = {split: [str(row["output"][field]) for row in ROWS[split]] for split in SPLITS}
    usual = Counter(marks["train"]).most_common(1)[0][0]
    tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=8, random_state=0)
    tree.fit([count_lengths(row) for row in ROWS["train"]], marks["train"])
    guessed = tree.predict([count_lengths(row) for row in ROWS["test"]])
    right = sum(guess == mark for guess, mark in zip(guessed, marks["test"], strict=True))
    assert right / len(guessed) <= marks["test"].count(usual) / len(guessed) + SLACK


def test_every_score_is_reached_by_short_and_by_long_answers():
    for split in SPLITS:
        for score in range(5):
            words = [len(said(row).split()) for row in ROWS[split] if row["output"]["score"] == score]
            assert (min(words) <= 25, max(words) >= 60) == (True, True), (split, score)


def test_a_misconception_stands_beside_few_points_and_beside_many():
    for split in SPLITS:
        covered = Counter(len(row["output"]["covered"]) for row in ROWS[split] if row["output"]["verdict"] == "KNOT")
        assert set(covered) == {0, 1, 2, 3}


def test_inputs_are_short_and_the_codes_stand_in_none_of_them():
    for row in ROWS["train"] + ROWS["test"]:
        assert 15 <= len(row["input"].split()) <= 121, row["id"]  # One of them is "Candidate:".
        assert not any(code in row["input"] for code in CODES)
    texts = [path.read_text(encoding="utf-8") for path in (FOLDER / "documents").glob("*.md")]
    assert not any(code in text for text in texts for code in CODES)


def test_kinds_of_answers_are_alike_on_both_sides():
    shares = {split: Counter(row["slice"] for row in ROWS[split]) for split in SPLITS}
    assert shares["train"].keys() == shares["test"].keys()
    for kind in shares["train"]:
        assert abs(shares["train"][kind] / len(ROWS["train"]) - shares["test"][kind] / len(ROWS["test"])) < 0.1, kind


def test_the_second_reading_is_whole_and_the_readme_says_what_it_found():
    audit = read("audit.jsonl")
    ids = {row["id"] for row in ROWS["test"]}
    assert len(audit) >= 100
    assert len({line["id"] for line in audit} & ids) == len(audit)
    apart = [line for line in audit if not line["agrees"]]
    assert all(line["reason"] and line["first"] != line["second"] and line["corrected"] for line in apart)
    assert f"{len(audit) - len(apart)} of {len(audit)}" in (answer_grading.FOLDER / "README.md").read_text(encoding="utf-8")

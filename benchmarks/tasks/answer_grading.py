"""Write `tasks/answer-grading` out of its hand-written questions, rubrics and answers.

`python -m benchmarks.tasks.answer_grading` writes the rubric documents and both splits anew, the same bytes every time.
`source/train/` and `source/test/` hold the questions by topic: weighted points, misconceptions with the points that they
deny, and whole answers, each with what it covers and which misconception it states. All of it is written by hand. The
program only computes the marks from these labels by the table in `documents/marking-rules.md`, so they cannot disagree
with one another, and it shuffles the rows, so that the first hundred are a fair sample.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "tasks" / "answer-grading"
SEED = 20261126
SPLITS = ("train", "test")
FULL, GOOD, WEAK, WRONG, EMPTY = "TERN", "PLOVER", "DUNLIN", "KNOT", "SKUA"
RULES = "marking-rules"  # The one document that is written by hand.

Question = dict[str, Any]
Answer = dict[str, Any]


def main() -> None:
    """Write documents and splits."""
    for path in (FOLDER / "documents").glob("*.md"):
        if path.stem != RULES:
            path.unlink()
    for split in SPLITS:
        questions = read_questions(split)
        for question in questions:
            (FOLDER / "documents" / f"{question['id']}.md").write_text(write_rubric(question), encoding="utf-8")
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in write_rows(split, questions))
        (FOLDER / f"{split}.jsonl").write_text(text, encoding="utf-8")


def read_questions(split: str) -> list[Question]:
    """Return a split's questions in the order of their files."""
    paths = sorted((FOLDER / "source" / split).glob("*.json"))
    return [question for path in paths for question in json.loads(path.read_text(encoding="utf-8"))]


def write_rubric(question: Question) -> str:
    """Return the document that retrieval reads: what to ask next, what has to be said, what is wrong."""
    said = "".join(f"- {point['name']}: {point['say']}\n" for point in question["points"])
    return (
        f"# Rubric: {question['question']}\n\n{write_points(question)}\nNothing missing, ask: {question['next']}\n"
        f"\n## What has to be said\n\n{said}"
        f"\n## Misconceptions\n\n{''.join(write_misconception(wrong) for wrong in question['misconceptions'])}"
    )


def write_points(question: Question) -> str:
    """Return the points, a line each: name, weight and the question to ask when it is missing."""
    return "".join(
        f"- {point['name']} (weight {point['weight']}): if missing, ask: {point['follow_up']}\n" for point in question["points"]
    )


def write_misconception(wrong: dict[str, Any]) -> str:
    """Return a misconception's line: what is said, what it denies, what to ask."""
    denied = f" Denies: {', '.join(wrong['denies'])}." if wrong["denies"] else ""
    return f"- {wrong['statement']}{denied} If said, ask: {wrong['follow_up']}\n"


def write_rows(split: str, questions: Iterable[Question]) -> list[dict[str, Any]]:
    """Return a split's rows, shuffled with a fixed seed and numbered."""
    rows = [write_row(question, answer) for question in questions for answer in question["answers"]]
    Random(SEED).shuffle(rows)
    return [{"id": f"ag-{split}-{number:03d}", **row} for number, row in enumerate(rows, start=1)]


def write_row(question: Question, answer: Answer) -> dict[str, Any]:
    """Return a question with one answer and its marks."""
    quotes = [write_points(question).strip()]
    if answer["misconception"] is not None:
        quotes.append(write_misconception(question["misconceptions"][answer["misconception"]]).strip())
    return {
        "input": f"{question['question']}\n\nCandidate: {answer['text']}",
        "output": grade(question, answer),
        "group": question["id"],
        "slice": answer["kind"],
        "evidence": [{"document": question["id"], "quote": quote} for quote in quotes],
    }


def grade(question: Question, answer: Answer) -> dict[str, Any]:
    """Return the marks of an answer by what it covers and the misconception that it states."""
    points = question["points"]
    missing = [point for point in points if point["name"] not in answer["covered"]]
    wrong = None if answer["misconception"] is None else question["misconceptions"][answer["misconception"]]
    score = score_points(points, answer["covered"])
    if wrong is not None:
        score, follow_up = max(0, score - 1), wrong["follow_up"]
    elif missing:
        follow_up = max(missing, key=lambda point: point["weight"])["follow_up"]  # The first of the heaviest.
    else:
        follow_up = question["next"]
    return {
        "score": score,
        "verdict": WRONG if wrong is not None else choose_code(score),
        "covered": [point["name"] for point in points if point["name"] in answer["covered"]],
        "missing": [point["name"] for point in missing],
        "follow_up": follow_up,
    }


def score_points(points: list[dict[str, Any]], covered: Iterable[str]) -> int:
    """Return the score from the covered share of the weight: all 4, two thirds 3, one third 2, less 1, nothing 0."""
    names = set(covered)
    total = sum(point["weight"] for point in points)
    reached = sum(point["weight"] for point in points if point["name"] in names)
    if reached == total:
        return 4
    if 3 * reached >= 2 * total:
        return 3
    if 3 * reached >= total:
        return 2
    return 1 if reached else 0


def choose_code(score: int) -> str:
    """Return the house code of a score without a misconception."""
    return (EMPTY, WEAK, GOOD, GOOD, FULL)[score]


if __name__ == "__main__":
    main()

"""Write `tasks/answer-grading` out of its hand-written bank of interview questions.

`python -m benchmarks.tasks.answer_grading` writes the rubric documents and both splits anew, the same bytes for the
same seed. `source/bank.json` holds for each question four points (what has to be said, three spoken wordings, the
question to ask when it is missing), two misconceptions, an answer of fluent nonsense and a harder question; all of it
is hand-written. The program only chooses which of them an answer says, in which order, and how it begins and ends, so
what an answer covers is known and not judged. Every third question with all its answers belongs to the test split.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "tasks" / "answer-grading"
SEED = 20261124
FULL, GOOD, WEAK, WRONG, EMPTY = "TERN", "PLOVER", "DUNLIN", "KNOT", "SKUA"

# What an answer is made of: how many of the four points, said at length or tersely, with a misconception or not.
KINDS = (
    {"points": 4}, {"points": 4, "terse": True}, {"points": 3}, {"points": 3, "terse": True}, {"points": 2}, {"points": 2},
    {"points": 1}, {"points": 1, "terse": True}, {"points": 2, "wrong": True}, {"points": 1, "wrong": True},
    {"points": 0, "wrong": True}, {"points": 0, "instead": "nonsense"}, {"points": 0, "instead": "other"},
    {"points": 0, "instead": "nothing"},
)  # fmt: skip
PER_QUESTION = 12
OPENERS = (
    "", "", "", "Sure.", "Okay, so let me think.", "Good question.", "I would put it like this.", "We had this at work last year.",
    "From what I remember:", "Right, the way I see it:", "I read about this recently.", "Let me start simple.",
)  # fmt: skip
CLOSERS = (
    "", "", "", "That's how I would explain it.", "I think that's the main thing.", "Does that answer it?", "More or less.",
    "I could draw it on the board.", "At least that was our experience.",
)  # fmt: skip
NOTHING = (
    "Honestly, I don't know. I have never worked with that.", "I would have to look that up, sorry.",
    "No idea, we always had somebody else for this.", "I have heard the term but I can't explain it.",
    "It depends on the project, really. There are many ways to do it.", "Can we skip this one?",
    "I would ask a colleague, and then test what works best.", "That was before my time in the team.",
)  # fmt: skip


def main() -> None:
    """Write documents and splits."""
    bank = json.loads((FOLDER / "source" / "bank.json").read_text(encoding="utf-8"))
    random = Random(SEED)
    for path in (FOLDER / "documents").glob("*.md"):
        path.unlink()
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
    for number, question in enumerate(bank):
        (FOLDER / "documents" / f"{question['id']}.md").write_text(write_rubric(question), encoding="utf-8")
        split = "test" if number % 3 == 2 else "train"
        others = [other for index, other in enumerate(bank) if index != number and (index % 3 == 2) == (split == "test")]
        rows[split] += grade_answers(random, question, others)
    for split, found in rows.items():
        for number, row in enumerate(found, start=1):
            row["id"] = f"ag-{split}-{number:03d}"
        text = "".join(json.dumps({"id": row["id"], **row}, ensure_ascii=False) + "\n" for row in found)
        (FOLDER / f"{split}.jsonl").write_text(text, encoding="utf-8")


def write_rubric(question: dict[str, Any]) -> str:
    """Write the document that retrieval reads: the question, what to look for, what to ask."""
    wanted = "".join(f"- {point['name']}: {point['rubric']}\n" for point in question["points"])
    return (
        f"# Rubric: {question['question']}\n\n{write_points(question)}\nAll four covered, ask: {question['stretch']}\n"
        f"\n## What to listen for\n\n{wanted}"
    )


def write_points(question: dict[str, Any]) -> str:
    """Write the four points, a line each; the evidence of every answer to the question."""
    return "".join(f"- {point['name']}: if missing, ask: {point['follow_up']}\n" for point in question["points"])


def grade_answers(random: Random, question: dict[str, Any], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return answers of all kinds to a question, each with its grade."""
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    kinds = random.sample(KINDS, PER_QUESTION)
    for kind in kinds:
        text, covered = write_answer(random, question, others, kind)
        if text in seen:
            continue
        seen.add(text)
        rows.append(
            {
                "input": f"{question['question']}\n\nCandidate: {text}",
                "output": grade(question, covered, wrong=bool(kind.get("wrong")), empty="instead" in kind),
                "group": question["id"],
                "slice": str(
                    kind.get("instead")
                    or ("misconception" if kind.get("wrong") else "terse" if kind.get("terse") else "spoken")
                ),
                "evidence": [{"document": question["id"], "quote": write_points(question).strip()}],
            }
        )
    return rows


def write_answer(
    random: Random, question: dict[str, Any], others: list[dict[str, Any]], kind: dict[str, Any]
) -> tuple[str, list[str]]:
    """Return an answer's text and the names of the points that it covers."""
    instead = kind.get("instead")
    if instead == "nonsense":
        return question["nonsense"], []
    if instead == "nothing":
        return random.choice(NOTHING), []
    if instead == "other":
        asked = random.choice([other for other in others if other["topic"] != question["topic"]] or others)
        parts = [random.choice(point["said"][:2]) for point in random.sample(asked["points"], 2)]
        return frame(random, parts), []
    points = random.sample(question["points"], kind["points"])
    parts = [point["said"][2] if kind.get("terse") else random.choice(point["said"][:2]) for point in points]
    if kind.get("wrong"):
        parts.insert(random.randint(0, len(parts)), random.choice(question["misconceptions"]))
    if kind.get("terse"):
        return " ".join(parts), [point["name"] for point in points]
    return frame(random, parts), [point["name"] for point in points]


def frame(random: Random, parts: list[str]) -> str:
    """Put a beginning and an end around what is said."""
    return " ".join(part for part in (random.choice(OPENERS), *parts, random.choice(CLOSERS)) if part)


def grade(question: dict[str, Any], covered: list[str], *, wrong: bool, empty: bool) -> dict[str, Any]:
    """Return the grade under the house rules (tasks/README.md)."""
    names = [point["name"] for point in question["points"]]
    missing = [point for point in question["points"] if point["name"] not in covered]
    score = max(0, len(covered) - wrong)
    code = EMPTY if empty else WRONG if wrong else FULL if not missing else GOOD if len(covered) >= 2 else WEAK
    return {
        "score": score,
        "verdict": code,
        "covered": [name for name in names if name in covered],
        "missing": [point["name"] for point in missing],
        "follow_up": missing[0]["follow_up"] if missing else question["stretch"],
    }


if __name__ == "__main__":
    main()

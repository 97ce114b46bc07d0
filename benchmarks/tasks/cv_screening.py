"""Write the rows of `tasks/cv-screening`: generated CVs in 74 layouts, and the test CVs that were written by hand.

`python -m benchmarks.tasks.cv_screening` writes train.jsonl, test.jsonl and the tables of skills and languages in
`documents/` anew, the same bytes for the same seed. Layouts, their parts, and the words of people and trades are of one
split each (`cv_layouts.py`, `cv_trades.py`, `cv_words.py`); the house list's spellings too, but for the house names.

The answer is computed from the person (`cv_people.py`), never read back from the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.tasks.cv_layouts import Layout, list_layouts
from benchmarks.tasks.cv_people import Person, label, make_person
from benchmarks.tasks.cv_skills import SKILLS
from benchmarks.tasks.cv_words import LANGUAGES
from benchmarks.tasks.cv_writing import names_months, write_cv

FOLDER = Path(__file__).resolve().parents[2] / "tasks" / "cv-screening"
SEED = 20261126
LAYOUTS = {"train": (44, 15), "test": (30, 3)}  # Of each split how many, and how many CVs in each.
SLICES = {"train": "seen_layout", "test": "new_layout"}


def main() -> None:
    """Write both splits and the tables of the documents."""
    hand = [{**row, "group": row["id"], "slice": "hand_written"} for row in read_rows(FOLDER / "source" / "hand_written.jsonl")]
    for split, rows in (("train", make_rows("train")), ("test", make_rows("test") + hand)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (FOLDER / f"{split}.jsonl").write_text(text, encoding="utf-8")
    for name, text in write_tables().items():
        (FOLDER / "documents" / name).write_text(text, encoding="utf-8")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def make_rows(split: str) -> list[dict[str, Any]]:
    """Return the generated rows of a split."""
    return [
        {
            "id": f"cv-{split}-{number:03d}",
            "input": text,
            "output": label(person, months=names_months(layout, split)),
            "group": layout.name,
            "slice": SLICES[split],
        }
        for number, (person, layout, text) in enumerate(draw_people(split), start=1)
    ]


def draw_people(split: str) -> Iterator[tuple[Person, Layout, str]]:
    """Yield invented people with the layout and the text of their CV."""
    random = Random(f"{SEED} {split}")
    count, each = LAYOUTS[split]
    for layout in list_layouts(random, split, count=count):
        for _ in range(each):
            person = make_person(random, split)
            yield person, layout, write_cv(random, person, layout, split)


def write_tables() -> dict[str, str]:
    """Return the documents that list every spelling the generator knows, by file name."""
    files = {}
    for name, (title, skills, note) in TABLES.items():
        rows = "".join(f"| {skill} | {', '.join((*SKILLS[skill][0], *SKILLS[skill][1]))} |\n" for skill in skills)
        files[name] = (
            f"# House names of skills: {title}\n\n{RULE}\n\n| House name | Also written as |\n|---|---|\n{rows}\n{note}\n"
        )
    rows = "".join(f"| {code} | {english}, {own} |\n" for code, (english, own) in sorted(LANGUAGES.items()))
    files["languages.md"] = f"# Languages\n\n{SPOKEN}\n\n| Code | Language |\n|---|---|\n{rows}"
    return files


RULE = (
    "Write a skill under its house name, however the CV spells it; versions and product editions of the same thing count too. "
    "Letters great or small make no difference, except in Go, R and abbreviations."
)
SPOKEN = (
    "The record holds the two-letter code of every human language that the CV names as spoken, read or written, at whatever level: "
    "a little Italian counts as much as a mother tongue. Codes stand in alphabetical order, each once. How well somebody speaks is not "
    "kept. A language that is not in the table is left out, and so is one that is only a place, a customer or a school subject taught. "
    "The language in which the CV is written is not a statement. Where no language is named, the list is empty."
)
# File: title, skills, what to mind.
TABLES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "skills-programming.md": (
        "programming",
        ("C#", "C++", "CSS", "Django", "Go", "Java", "JavaScript", "Node.js", "Python", "R", "React", "Rust", "TypeScript"),
        "JavaScript and TypeScript are two skills, and neither follows from React or Node.js. Django alone does not mean Python, and "
        "Python alone does not mean Data Analysis. Java is not JavaScript.",
    ),
    "skills-platform.md": (
        "platform and operations",
        ("AWS", "Azure", "CI/CD", "Docker", "Git", "Google Cloud", "Kubernetes", "Linux", "Security", "Terraform"),
        "Penetration testing is Security, not Testing. Guarding doors and safety at work are not Security. Containers on ships are not "
        "Docker.",
    ),
    "skills-data.md": (
        "data and learning machines",
        ("Airflow", "Data Analysis", "Deep Learning", "Excel", "Machine Learning", "NLP", "Power BI", "PyTorch", "SQL", "Spark",
         "Statistics", "Tableau"),
        "A database product such as Postgres counts as SQL; its own name is not on the list. Deep Learning, Machine Learning and PyTorch "
        "are three skills: none follows from another.",
    ),
    "skills-methods.md": (
        "methods and design",
        ("Figma", "Project Management", "Scrum", "Testing", "UX Design"),
        "What is on none of the four lists is left out of the record, however well somebody knows it: Photoshop, SAP, COBOL, WordPress, "
        "first aid, bookkeeping, welding, Jira, Kafka.",
    ),
}  # fmt: skip

if __name__ == "__main__":
    main()

"""The CVs: generated again byte for byte, nothing of the test in train, every answer by the written rules, and readable as files."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.tasks import cv_screening, cv_words
from benchmarks.tasks.cv_layouts import PARTS
from benchmarks.tasks.cv_people import Position, count_years
from benchmarks.tasks.cv_skills import SKILLS, find_skills
from benchmarks.tasks.cv_trades import TRADES
from core.settings import BUNDLED_TASKS
from retrieval.documents import read_documents

FOLDER = BUNDLED_TASKS / "cv-screening"
CODES = ("Z4", "Q7", "L2", "H9", "V1")


@pytest.fixture(scope="module")
def splits():
    return {split: cv_screening.read_rows(FOLDER / f"{split}.jsonl") for split in ("train", "test")}


@pytest.fixture(scope="module")
def people():
    return {split: list(cv_screening.draw_people(split)) for split in ("train", "test")}


def test_the_seed_gives_these_bytes(splits):
    for split, rows in splits.items():
        made = cv_screening.make_rows(split)
        assert made == rows[: len(made)]
        assert {row["slice"] for row in rows[len(made) :]} == ({"hand_written"} if split == "test" else set())
    assert cv_screening.make_rows("test") == cv_screening.make_rows("test")


def test_the_documents_list_every_spelling():
    for name, text in cv_screening.write_tables().items():
        assert (FOLDER / "documents" / name).read_text(encoding="utf-8") == text
    listed = [skill for _, skills, _ in cv_screening.TABLES.values() for skill in skills]
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))["properties"]
    assert sorted(listed) == sorted(SKILLS) == sorted(schema["skills"]["items"]["enum"])
    assert sorted(cv_words.LANGUAGES) == schema["languages"]["items"]["enum"]


def test_no_part_of_a_layout_is_in_both_splits(people):
    for part, styles in PARTS.items():
        used = {split: {getattr(layout, part) for _, layout, _ in drawn} for split, drawn in people.items()}
        assert used["train"] <= set(styles["train"])
        assert used["test"] <= set(styles["test"])
        assert not set(styles["train"]) & set(styles["test"]), part
        if isinstance(styles["train"], dict):
            forms = {split: {str(form) for form in styles[split].values()} for split in styles}
            assert not forms["train"] & forms["test"], part
    headings = {
        split: {title for heads in PARTS["headings"][split].values() for title in heads.sections.values()} for split in people
    }
    assert not headings["train"] & headings["test"]
    orders = {split: {layout.order for _, layout, _ in drawn} for split, drawn in people.items()}
    assert not orders["train"] & orders["test"]
    assert sum(len({layout.name for _, layout, _ in drawn}) for drawn in people.values()) >= 40


def test_words_of_people_and_trades_are_of_one_split():
    split_tables = [
        value for value in vars(cv_words).values() if isinstance(value, dict) and set(value) == {"train", "test"}
    ] + [value for table in (cv_words.NOTICE, cv_words.REMOTE) for value in table.values()]
    assert len(split_tables) > 20
    for table in split_tables:
        assert not set(table["train"]) & set(table["test"])
    for field in ("titles", "areas", "duties"):
        train, test = (
            {text for trade in TRADES.values() for text in getattr(getattr(trade, split), field)} for split in ("train", "test")
        )
        assert not train & test


def test_titles_names_and_spellings_of_the_test_are_new(splits):
    train, test = ([row["output"] for row in splits[split]] for split in ("train", "test"))
    titles = {str(output["current_title"]) for output in train} - {"None"}
    told = [str(output["current_title"]) for output in test if output["current_title"]]
    assert sum(title in titles for title in told) / len(told) < 0.04
    assert not {output["name"] for output in train} & {output["name"] for output in test}
    assert not {row["group"] for row in splits["train"]} & {row["group"] for row in splits["test"]}


def test_jobs_chain_and_grades_fit_the_years(people):
    for person, _, text in people["train"] + people["test"]:
        oldest = list(reversed(person.positions))
        for earlier, later in pairwise(oldest):
            assert earlier.end is not None, text
            assert earlier.start <= earlier.end < later.start, text
        paid = [position for position in oldest if position.paid]
        for position in paid:
            before = position.start - paid[0].start
            assert not position.title.startswith("Junior") or before < 12, text
            assert not position.title.startswith("Senior") or before >= 60, text
        if person.leads:
            assert person.positions[0].end is None, text


def test_the_answer_names_the_skills_that_the_text_names(people):
    for person, _, text in people["train"] + people["test"]:
        plain = text
        for degree in (*person.degrees, person.unfinished or ""):
            plain = plain.replace(degree, "") if degree else plain
        assert find_skills(plain) - set(person.unknown) == set(person.skills), text
        assert not find_skills(" ".join(person.listed)) & set(person.unknown)


def test_no_code_stands_in_a_cv_a_document_or_the_prompt(splits):
    texts = [row["input"] for rows in splits.values() for row in rows]
    texts += [document.text for document in read_documents(FOLDER / "documents").documents]
    texts.append((FOLDER / "task.toml").read_text(encoding="utf-8"))
    assert not [text for text in texts if re.search(rf"\b({'|'.join(CODES)})\b", text)]
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(code in readme for code in CODES)


def test_house_rules_hold_in_every_answer(splits):
    for row in splits["train"] + splits["test"]:
        output = row["output"]
        years = output["years_experience"]
        code = "Z4" if years < 2 else "Q7" if years < 5 else "L2" if years < 9 else "H9"
        assert output["seniority"] in (code, "V1"), row["id"]
        for field in ("skills", "languages"):
            assert output[field] == sorted(set(output[field])), row["id"]
        first, last = output["name"].split()[0], output["name"].split()[-1]
        assert first.lower() in row["input"].lower(), row["id"]
        assert last.lower() in row["input"].lower(), row["id"]
        for field in ("current_title", "location"):
            assert output[field] is None or output[field].lower() in row["input"].lower(), row["id"]


@pytest.mark.parametrize(
    ("spans", "months", "years"),
    [
        ([], True, 0),
        ([(2019 * 12 + 8, None)], True, 7),  # Still in it: 2026 - 2019, whatever the month.
        ([(2014 * 12 + 2, 2021 * 12)], True, 6),  # 82 months.
        ([(2014 * 12 + 2, 2021 * 12)], False, 7),
        ([(2010 * 12, 2012 * 12), (2020 * 12, 2022 * 12)], False, 12),  # Gaps are not subtracted.
    ],
)
def test_years_are_counted_by_the_written_rule(spans, months, years):
    unpaid = Position("Intern (unpaid)", "Somewhere", 1999 * 12, 2000 * 12, paid=False)
    positions = [Position("Clerk", "House", *span) for span in reversed(spans)]
    assert count_years([*positions, unpaid], months=months) == years


def test_texts_are_as_long_as_cvs_and_many_units_are_independent(splits):
    assert len(splits["train"]) >= 600
    made = [len(row["input"].split()) for row in splits["train"] + splits["test"] if row["slice"] != "hand_written"]
    assert min(made) >= 100
    assert max(made) <= 350
    assert 150 <= sum(made) / len(made) <= 260
    train, test = (Counter(row["group"] for row in splits[split]) for split in ("train", "test"))
    assert set(train.values()) <= set(range(12, 21))
    assert len(splits["test"]) ** 2 / sum(count**2 for count in test.values()) >= 90
    assert sum(row["slice"] == "hand_written" for row in splits["test"]) >= 120


def test_the_samples_are_read_with_their_names(splits):
    reading = read_documents(FOLDER / "samples")
    kinds = Counter(document.origin.rsplit(".", 1)[-1] for document in reading.documents)
    assert kinds["pdf"] >= 6
    assert kinds["docx"] >= 6
    by_id = {row["id"]: row for row in splits["test"]}
    for document in reading.documents:
        name = by_id[document.id]["output"]["name"]
        assert name.split()[-1].lower() in document.text.lower(), document.id
    assert sum(path.stat().st_size for path in (FOLDER / "samples").iterdir()) < 300_000

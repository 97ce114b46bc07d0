"""The collected rows of other people beside the repository, each read as the findings say."""

import json
from pathlib import Path

import pytest

from core.tasks.draft import draft_task
from core.tasks.records import read_records
from core.tasks.writing import TaskTexts, write_task

CASES = Path(__file__).resolve().parents[5] / "shared" / "cases" / "rows"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the collected cases are not beside the repository")

# By file: the fields of the answer, and words of a note.
EXPECTED = {
    "alpaca.json": ({"team"}, "Recognised: instructions (instruction, input, output)"),
    "alpaca_mixed_instructions.json": ({"output"}, "3 instructions, so each stands before its input"),
    "columns_orient.json": ({"team"}, "2 columns ('text', 'team') of 60 cells"),
    "decimal_comma.csv": ({"team", "amount", "share"}, "amount: numbers with a decimal comma"),
    "mixed_types.jsonl": ({"team", "floor", "rooms"}, ""),
    "multi_label.jsonl": ({"labels"}, ""),
    "openai.jsonl": ({"team"}, "Recognised: chat (messages)"),
    "optional.jsonl": ({"team", "order"}, ""),
    "pandas_index.csv": ({"team"}, "numbers the rows; it is left out"),
    "price.jsonl": ({"price"}, ""),
    "pydantic.csv": ({"team", "note", "items", "ok", "zip"}, ""),
    "pydantic.jsonl": ({"team", "note", "items", "ok", "zip"}, ""),
    "sharegpt.json": ({"team"}, "Recognised: chat (conversations)"),
    "special_tokens.jsonl": ({"team", "note"}, ""),
    "split_dev.csv": ({"team"}, "the 12 rows marked as validation are the exam"),
    "title_row.csv": ({"team", "prio"}, "1 row above the header skipped (first: 'Export of 25.11.2026')"),
    "trailing.csv": ({"team"}, "2 columns without name and content are left out"),
    "yesno.csv": ({"ok"}, "no and yes are read as true and false"),
}


def draft_case(name):
    schema = json.loads((CASES / "pydantic_schema.json").read_text()) if name.startswith("pydantic") else None
    return draft_task(read_records(CASES / name), schema=schema)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_row_of_a_case_is_read(name):
    fields, words = EXPECTED[name]
    draft = draft_case(name)
    assert draft.problems == ()
    assert set().union(*(item.output for item in draft.train)) == fields
    assert any(words in note for note in draft.notes) or not words
    rows = len(read_records(CASES / name).rows)
    assert len(draft.train) + len(draft.test) >= rows - 2  # Two are too like a row of the exam.
    assert len(draft.test) == rows // 5


def test_no_case_is_forgotten():
    assert {path.name for path in CASES.iterdir()} - {"pydantic_schema.json"} <= set(EXPECTED)


def test_numbers_texts_and_absent_fields_are_what_they_were(tmp_path):
    amounts = {item.input: item.output for item in draft_case("decimal_comma.csv").train}
    assert next(value for text, value in amounts.items() if text.endswith("Case 1037.")) == {
        "team": "shipping",
        "amount": 1.1,
        "share": 1,
    }
    for name in ("pydantic.csv", "pydantic.jsonl"):
        draft = draft_case(name)
        first = next(item for item in draft.train if item.input.endswith("Case 1037."))
        assert (first.output["ok"], first.output["zip"]) == ("no", "1001")
        write_task(draft, tmp_path, TaskTexts("t", "i"), name=name.replace(".", "-"))
    assert any("order" not in item.output for item in draft_case("optional.jsonl").train)
    assert draft_case("alpaca.json").instruction == "Classify the ticket."
    assert draft_case("openai.jsonl").instruction == "Sort it."

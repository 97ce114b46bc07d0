"""Columns by content: numbers, lists, booleans, sides of the split, what a person's schema wants; every choice is told."""

import pytest

from core.tasks.columns import Columns, choose_kinds, guess_columns
from core.tasks.draft import draft_task
from core.tasks.records import Records


def make(rows, *, typed=False):
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Records("rows.csv", columns, tuple(enumerate(rows, start=2)), (), (), typed)


def rows(count=40, **cells):
    """Rows with a text each, and cells by a function of the row's number."""
    return [
        {"text": f"request number {n} of a customer", **{name: make(n) for name, make in cells.items()}} for n in range(count)
    ]


def outputs(draft):
    return {item.input: item.output for item in (*draft.train, *draft.test)}


def test_numbers_in_any_writing_are_numbers_and_are_told():
    draft = draft_task(make(rows(price=lambda n: f"{n},50", amount=lambda n: f"{n + 1}.000", share=lambda n: f"{n} %")))
    assert outputs(draft)["request number 3 of a customer"] == {"price": 3.5, "amount": 4000, "share": 3}
    assert [note.split(":")[0] for note in draft.notes if "numbers with" in note] == ["price", "amount", "share"]
    draft = draft_task(make(rows(amount=lambda n: f"{n + 1},{n:03}")))
    assert any("'1,000' can be a thousand or a fraction" in note for note in draft.notes)
    assert outputs(draft)["request number 3 of a customer"] == {"amount": "4,003"}


def test_several_labels_in_a_cell_are_a_list():
    names = ["billing", "shipping", "account"]
    draft = draft_task(make(rows(labels=lambda n: "; ".join(names[n % 3 :] if n % 2 else names[: n % 3 + 1]))))
    assert outputs(draft)["request number 1 of a customer"] == {"labels": ["shipping", "account"]}
    assert any("labels: lists of labels between ';'" in note for note in draft.notes)
    kept = draft_task(make(rows(note=lambda n: f"well, it is {n}, or so")))
    assert outputs(kept)["request number 1 of a customer"] == {"note": "well, it is 1, or so"}


def test_a_schema_says_what_cells_are():
    schema = {
        "$defs": {"Word": {"type": "string"}},
        "type": "object",
        "properties": {
            "ok": {"anyOf": [{"enum": ["yes", "no"]}, {"type": "null"}]},
            "zip": {"$ref": "#/$defs/Word"},
            "sure": {"type": "boolean"},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/Word"}},
            "note": {"type": "string"},
            "n": {"type": ["number", "null"]},
        },
        "required": ["ok", "zip"],
    }
    made = rows(
        ok=lambda n: "yes" if n % 2 else "", zip=str, sure=lambda n: "true", tags=lambda n: f"a, b{n}",
        note=lambda n: "" if n % 2 else "x", n=lambda n: f"{n},5", source=lambda n: "web",
    )  # fmt: skip
    draft = draft_task(make(made), schema=schema)
    assert draft.problems == ()
    assert outputs(draft)["request number 3 of a customer"] == {
        "ok": "yes",
        "zip": "3",
        "sure": True,
        "tags": ["a", "b3"],
        "n": 3.5,
    }
    assert outputs(draft)["request number 4 of a customer"]["ok"] is None
    assert any("Columns not used: source" in note for note in draft.notes)


def test_an_absent_field_is_absent_and_an_empty_cell_is_null():
    draft = draft_task(
        make([{"text": f"t {n} of all", "team": "ab"[n % 2], **({"order": n} if n % 2 else {})} for n in range(30)], typed=True)
    )
    assert outputs(draft)["t 2 of all"] == {"team": "a"}
    assert draft.schema["required"] == ["team"]
    draft = draft_task(make(rows(team=lambda n: "ab"[n % 2], order=lambda n: str(n) if n % 2 else "")))
    assert outputs(draft)["request number 2 of a customer"] == {"team": "a", "order": None}
    assert any("order: 20 empty cells are read as null" in note for note in draft.notes)


def test_words_for_nothing_in_a_column_of_numbers_are_null_and_told():
    draft = draft_task(make(rows(floor=lambda n: "n/a" if n % 4 == 0 else str(n), name=lambda n: ["None", "Ann"][n % 2])))
    assert outputs(draft)["request number 4 of a customer"] == {"floor": None, "name": "None"}
    assert any("floor: 10 cells such as 'n/a' are read as null" in note for note in draft.notes)


def test_an_input_that_is_an_object_is_shown_as_json():
    draft = draft_task(
        make([{"input": {"subject": f"word {n}", "n": n}, "output": "ab"[n % 2]} for n in range(30)], typed=True)
    )
    assert '{"subject": "word 3", "n": 3}' in outputs(draft)
    assert any("30 inputs are objects or lists" in note for note in draft.notes)


@pytest.mark.parametrize(
    ("column", "words", "sides"),
    [
        ("split", ["train", "validation", "test"], (14, 13)),
        ("Split", [" Train", "DEV", "Hold-Out "], (14, 13)),
        ("set", ["training", "val", "testing"], (14, 13)),
        ("phase of work", ["fit", "eval", "holdout"], (14, 13)),
        ("split", ["train", "dev", "train"], (27, 13)),
        ("is_test", ["0", "1", "0"], (27, 13)),
        ("holdout", ["False", "True", ""], (27, 13)),
    ],
)
def test_sides_by_any_name(column, words, sides):
    draft = draft_task(make(rows(team=lambda n: "ab"[n % 2], **{column: lambda n: words[n % 3]})))
    assert (len(draft.train), len(draft.test)) == sides
    assert draft.columns == Columns("text", ("team",), split=column)
    if sides == (14, 13):
        assert "13 rows marked 'validation' are used on neither side" in draft.notes
    elif words[1] == "dev":
        assert any("the 13 rows marked as validation are the exam" in note for note in draft.notes)


def test_a_split_of_unknown_words_is_told_and_made_here():
    draft = draft_task(make(rows(team=lambda n: "ab"[n % 2], split=lambda n: "xy"[n % 2])))
    assert len(draft.test) == 8
    assert any("marks no row as test ('x' (20), 'y' (20))" in note for note in draft.notes)
    draft = draft_task(make(rows(team=lambda n: "ab"[n % 2], split=lambda n: ["train", "test", "", "gold"][n % 4])))
    assert (len(draft.train), len(draft.test)) == (20, 10)
    assert "10 rows marked 'gold' are used on neither side" in draft.notes
    assert "10 rows without a mark are used to learn from" in draft.notes
    # A label that is a word for a side is a label.
    assert guess_columns(make(rows(team=lambda n: ["train", "plane", "bus"][n % 3]))).split is None


def test_rows_that_repeat_are_told():
    made = [*rows(20, team=lambda n: "ab"[n % 2]), *rows(5, team=lambda n: "b")]
    draft = draft_task(make(made))
    assert any(
        "5 rows repeat the input of another" in note and "3 inputs have more than one answer" in note for note in draft.notes
    )
    assert not {item.input for item in draft.train} & {item.input for item in draft.test}


def test_counting_columns_and_repeated_ids_are_no_answers():
    made = rows(team=lambda n: "ab"[n % 2], index=str, id=lambda n: f"customer {n % 7}")
    draft = draft_task(make(made))
    assert draft.columns == Columns("text", ("team", "id")) or draft.columns == Columns("text", ("team",))
    assert any("Columns not used: index" in note for note in draft.notes)


def test_yes_and_no_are_told_to_be_booleans():
    notes: list[str] = []
    kinds = choose_kinds(make(rows(ok=lambda n: "yes" if n % 2 else "No")), Columns("text", ("ok",)), None, notes)
    assert kinds["ok"].name == "boolean"
    assert notes == ["ok: No and yes are read as true and false"]

"""JSON in the layouts that people have: whichever it is, the same rows come out, and what is no JSON is named by row."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.tasks.records import read_records
from core.tasks.rows.json_text import StrictDecoder, find_slip, read_literal

ROWS = [{"text": f"message number {number} of a customer", "label": "ab"[number % 2]} for number in range(12)]
COLUMNS = {name: [row[name] for row in ROWS] for name in ("text", "label")}
CELLS = [[row["text"], row["label"]] for row in ROWS]
LAYOUTS = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "lines with commas": ",\n".join(map(json.dumps, ROWS)) + ",\n",
    "lines and blank ones": "\n\n".join(map(json.dumps, ROWS)) + "\n \n",
    "list": json.dumps(ROWS),
    "pretty list": json.dumps(ROWS, indent=2),
    "list, an object a line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]",
    "list with a comma at its end": "[" + ",".join(map(json.dumps, ROWS)) + ",]",
    "objects over several lines": "\n".join(json.dumps(row, indent=1) for row in ROWS),
    "list under a key": json.dumps({"version": 1, "data": ROWS}),
    "pretty list under a key": json.dumps({"data": ROWS}, indent=2),
    "list under a key, an object a line": '{"data": [\n' + ",\n".join(map(json.dumps, ROWS)) + "\n]}",
    "list under two keys": json.dumps({"rows": ROWS, "errors": []}),
    "columns": json.dumps(COLUMNS),
    "columns by number": json.dumps(
        {name: {str(place): cell for place, cell in enumerate(cells)} for name, cells in COLUMNS.items()}
    ),
    "names and cells": json.dumps({"columns": ["text", "label"], "index": list(range(12)), "data": CELLS}),
    "table": json.dumps({"schema": {"fields": [{"name": "text"}]}, "data": ROWS}),
    "lists of cells": json.dumps([["text", "label"], *CELLS]),
    "a list of cells a line": "\n".join(map(json.dumps, [["text", "label"], *CELLS])),
    "Python lines": "\n".join(map(repr, ROWS)),
    "Python list": repr(ROWS),
    "Python object": repr({"data": ROWS}),
}


def read(tmp_path, text, name="rows.json"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_records(path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_rows(tmp_path, layout):
    found = read(tmp_path, LAYOUTS[layout])
    assert [row for _, row in found.rows] == ROWS
    assert found.problems == ()


def test_rows_under_an_id_and_texts_with_answers(tmp_path):
    assert read(tmp_path, json.dumps({f"r{place}": row for place, row in enumerate(ROWS)})).rows[3][1] == {
        "id": "r3",
        **ROWS[3],
    }
    found = read(tmp_path, json.dumps({row["text"]: row["label"] for row in ROWS}))
    assert found.rows[1][1] == {"input": ROWS[1]["text"], "output": "b"}


@pytest.mark.parametrize("inner", [ROWS, COLUMNS], ids=["rows", "columns"])
def test_sides_as_keys_become_a_column(tmp_path, inner):
    for document in ({"train": inner, "Test ": inner}, {"data": {"train": inner, "Test ": inner}}):
        found = read(tmp_path, json.dumps(document))
        assert [row["split"] for _, row in found.rows] == ["train"] * 12 + ["Test "] * 12


def test_what_other_lists_hold_is_named(tmp_path):
    found = read(tmp_path, json.dumps({"data": ROWS, "errors": [{"a": 1}], "version": 2}))
    assert any("not used: 'errors', 'version'" in note for note in found.notes)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"text": "a", "label": NaN}', "NaN is not a JSON number"),
        ('{"text": "a", "label": -Infinity}', "-Infinity is not a JSON number"),
        ('{"text": "a", "label": 1e400}', "1e400 is larger than a number can be"),
        ('{"text": "a", "label": {"x": [1e400]}}', "1e400"),
        ('{"text": "a", "text": "b", "label": "x"}', "the key 'text' stands twice"),
        ('{"text": "a", "label": ' + "9" * 5000 + "}", "5,000 digits"),
        ('{"text": "\\ud800", "label": "x"}', "half a character"),
        ('{"text": "a", "label": ' + "[" * 200 + "]" * 200 + "}", "more than 100 levels deep"),
        ('["a"]', "not an object"),
        ('"a"', "not an object"),
    ],
)
def test_what_json_does_not_have_is_named_by_row_in_every_layout(tmp_path, row, words):
    rows = [*map(json.dumps, ROWS[:2]), row, *map(json.dumps, ROWS[2:])]
    for text in ("\n".join(rows), f"[{','.join(rows)}]", f'{{"data": [{",".join(rows)}]}}'):
        found = read(tmp_path, text)
        assert [problem[:6] for problem in found.problems] == ["row 3:"]
        assert words in found.problems[0]
        assert len(found.rows) == 12


def test_a_line_end_of_unicode_inside_a_text_ends_no_row(tmp_path):
    rows = [{**row, "text": row["text"] + "\u2028next\u0085and\u2029more"} for row in ROWS]
    found = read(tmp_path, "\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "rows.jsonl")
    assert [row for _, row in found.rows] == rows


def test_a_list_that_breaks_off_keeps_what_stands_before(tmp_path):
    found = read(tmp_path, json.dumps(ROWS)[:-20])
    assert len(found.rows) == 11
    assert "all after it are left out" in found.problems[0]
    found = read(tmp_path, json.dumps(ROWS)[:-1])
    assert (len(found.rows), found.problems) == (12, ("row 13: the file ends before the list does",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"data": [{"text": 3', "begins like JSON but is none"),
        ("[]", "has no usable row"),
        ('["a", "b"]', "not an object but"),
        ('{"a": {"b": {"c": []}}}', "no list of rows was found"),
        ("[" * 5000, "begins like a JSON list but is none"),
        ('{"a":' * 5000, "begins like JSON but is none"),
    ],
)
def test_json_without_rows_is_refused_in_words(tmp_path, text, words):
    with pytest.raises(LabError, match=words):
        read(tmp_path, text)


def test_one_object_of_too_many_parts_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("core.tasks.rows.json_text.MAX_MARKS", 5)
    monkeypatch.setattr("core.tasks.rows.json_rows.MAX_LITERAL", 5)
    with pytest.raises(LabError, match="more than 5 parts"):
        read(tmp_path, json.dumps({"data": ROWS}))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_the_strict_decoder_reads_all_json_as_json_does(value):
    text = json.dumps(value)
    assert StrictDecoder().read(text) == (value, len(text), "")
    assert find_slip(value) == ""


@given(JSON)
def test_what_python_writes_is_read_as_json(value):
    assert read_literal(repr(value)) == value


@pytest.mark.parametrize("text", ["{1, 2}", "b'a'", "1e999", "__import__('os')", "{'a': x}", "(" * 500, "1+2j", "f()"])
def test_a_literal_is_data_and_nothing_else(text):
    with pytest.raises(ValueError):  # noqa: PT011
        read_literal(text)

"""A run in other forms: what a text holds is data there too, never a formula, an element or a table's edge."""

import csv
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_files import predict

from core.comparison.runs import Run
from core.evaluation.board import build_board
from core.evaluation.exports.document import write_document
from core.evaluation.exports.junit import write_junit
from core.evaluation.exports.markdown import escape, write_markdown
from core.evaluation.exports.spreadsheet import COLUMNS, neutralise, write_csv
from core.evaluation.report import render_report
from core.values import Example

RUN = Run("r<1>", "tiny", "ok", "2026-11-26T10:00:00+00:00", {"generator": {"model": "m|n"}}, {}, {})
EVIL = '=cmd|"x"!A1\n</failure><script>alert(1)</script> ]]> & \x00\x1b \ud7ff'


@pytest.fixture
def board(task):
    items = [
        Example("+1", EVIL, {"answer": "40", "area": "pay", "sure": True}),
        Example("b", "q", {"answer": "1", "area": "pay", "sure": True}),
    ]
    predictions = [predict(task, "base", items[0], EVIL, shot_draw=draw) for draw in (0, 1)]
    predictions += [predict(task, "base", items[1], json.dumps(items[1].output), shot_draw=draw) for draw in (0, 1)]
    return build_board(task, items, {"base": predictions, "rag": [predict(task, "rag", items[0], "@SUM(1)")]})


def test_csv_has_a_row_an_answer_and_no_formula(board):
    rows = list(csv.reader(io.StringIO(write_csv(board))))
    assert rows[0] == [*COLUMNS, "mark of answer", "mark of area", "mark of sure"]
    assert len(rows) == 1 + 5
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    first = dict(zip(rows[0], rows[1], strict=True))
    assert (first["item"], first["answer"], first["draw"], first["mark"]) == ("'+1", f"'{EVIL}", "examples 0", "0.0")


@given(st.text() | st.floats(allow_nan=False) | st.integers())
def test_neutral_cells_are_numbers_or_no_formula(value):
    neutral = neutralise(value)
    assert neutral == value or neutral == f"'{value}"
    assert not isinstance(value, str) or not neutral.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_junit_is_xml_with_a_case_an_answer(board):
    root = ElementTree.fromstring(write_junit(RUN, board))
    base, rag = root
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("skipped")) for suite in root] == [
        ("Base model", "4", "2", "0"), ("RAG", "2", "1", "1"),
    ]  # fmt: skip
    failure = base[0].find("failure")
    assert failure.get("type") == "not JSON"
    assert failure.get("message").startswith("not JSON: no object in it (mark 0.00)")
    assert "Expected: " in failure.text
    assert "</failure><script>alert(1)</script>" in failure.text
    assert "\x00" not in failure.text
    assert rag[1].find("skipped") is not None
    assert [case.get("name") for case in base] == ["+1 (examples 0)", "+1 (examples 1)", "b (examples 0)", "b (examples 1)"]


@given(st.text())
def test_no_text_leaves_its_cell_of_a_markdown_table(text):
    line = escape(text)
    assert "\n" not in line
    assert line.replace("\\\\", "").replace("\\|", "").count("|") == 0


def test_markdown_says_that_a_run_was_stopped(board):
    text = write_markdown(RUN, name="A | name", note="Ask\nAda")
    assert text.startswith("# A \\| name\n")
    assert "> This run was stopped before any arm had finished." in text
    assert "Note: Ask Ada" in text


def test_json_has_everything_also_without_items(board):
    document = json.loads(json.dumps(write_document(RUN, board, [], name="n")))
    assert [len(item["answers"]) for item in document["items"]] == [3, 2]
    assert document["items"][0]["answers"][0]["state"] == "invalid"
    assert document["task"]["schema"] == board.task.schema
    answers = [cell.prediction for row in board.rows for cells in row.cells.values() for cell in cells]
    without = write_document(RUN, None, answers, name="n")
    assert without["items"] is None
    assert len(without["answers"]) == 5


def test_the_report_shows_every_answer_as_text_and_fetches_nothing(board):
    text = render_report(replace(RUN, id="r"), board, name=EVIL, note="<b>")
    assert "<script>alert(1)" not in text
    assert "&lt;b&gt;" in text
    assert text.count('<details class="item"') == 2
    assert text.count('<div class="answer">') == 5
    assert 'data-marks="base|invalid|not-JSON base|invalid|not-JSON rag|invalid|not-JSON"' in text
    assert not any(word in text for word in ("http://", "https://", "src=", "@import", "<link"))
    assert "No answers are kept with this report." in render_report(RUN)

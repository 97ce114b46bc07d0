"""The tab Your task: what its form makes of files, before anything is written."""

import json

import pytest

from lab.lab import Lab
from ui.page.task.tab import _judge, _look, _open_files, _open_sheet


def make_csv(path, count=30, *, start=0):
    rows = "".join(f"message number {n} of a customer,{'ab'[n % 2]}\n" for n in range(start, start + count))
    path.write_text(f"text,label\n{rows}")
    return str(path)


@pytest.fixture
def book(tmp_path):
    from openpyxl import Workbook

    made = Workbook()
    for sheet, name in ((made.active, "text"), (made.create_sheet("Second"), "message")):
        sheet.append([name, "label"])
        for number in range(30):
            sheet.append([f"{name} number {number} <b>", "ab"[number % 2]])
    made.save(tmp_path / "book.xlsx")
    return str(tmp_path / "book.xlsx")


def test_a_workbook_offers_its_sheets_and_another_sheet_other_columns(book):
    sheet, source, outputs, group, name = _open_files([book])
    assert sheet.visible is True
    assert [value for _, value in sheet.choices] == ["", "Sheet", "Second"]
    assert (source.value, outputs.value, group.value, name) == ("text", ["label"], "", "book")
    assert _open_sheet([book], "Second")[0].value == "message"


def test_the_report_previews_rows_and_a_prompt(settings, book):
    report, schema, told = _look(Lab(settings), "", [book], "Second", "message", ["label"], "", 0)
    assert "Rows as they were understood" in report
    assert "message number" in report
    assert "<b>" not in report.replace("<b></b>", "")
    assert json.loads(schema)["properties"]["label"] == {"enum": ["a", "b"]}
    assert told.placeholder == "Read the message and answer with its record."
    assert "Sort it twice." in _look(Lab(settings), "Sort it twice.", [book], "Second", "message", ["label"], "", 0)[0]


def test_several_files_are_read_together_and_judged_under_a_schema(settings, tmp_path):
    files = [make_csv(tmp_path / "train.csv"), make_csv(tmp_path / "test.csv", 6, start=60)]
    sheet, source, outputs, *_ = _open_files(files)
    assert (sheet.visible, source.value, outputs.value) == (False, "text", ["label"])
    report, schema, _ = _look(Lab(settings), "", files, "", "text", ["label"], "", 0)
    assert "train.csv (train), test.csv (test)" in report
    assert "OK: a schema under which 36 examples are usable" in _judge(schema, files, "", "text", ["label"], "", 0)
    assert "FAIL" in _judge("{", files, "", "text", ["label"], "", 0)


def test_what_is_no_rows_is_a_sentence_in_the_report(settings, tmp_path):
    (tmp_path / "rows.csv").write_text("text\na\n")
    report = _look(Lab(settings), "", [str(tmp_path / "rows.csv")], "", None, [], "", 0)[0]
    assert "Not usable yet. rows.csv has one column" in report
    assert "once there is a file" in _look(Lab(settings), "", None, "", None, [], "", 0)[0]
    assert _open_files(None)[0].visible is False

"""The tab Your task: what its walk makes of files before anything is written, and what becomes of tasks afterwards."""

import json
from functools import partial

import gradio as gr
import pytest

from core.settings import BUNDLED_TASKS
from core.tasks.archive import export_task
from core.tasks.loading import load_task
from lab.lab import Lab
from tests.conftest import row, write_task
from ui.page.task.form import SAMPLE, draft, propose_name
from ui.page.task.shelf_panel import ask_first, put_back, rename, show_task, take_in, throw
from ui.page.task.walk import check, look, look_at_documents, make, open_files, open_sheet

WHERE = ("", "text", ["label"], "", 0)  # Sheet, input, answer, group, test rows.


def make_csv(path, count=30, *, start=0, bad=False):
    rows = "".join(f"message number {n} of a customer,{'ab'[n % 2]}\n" for n in range(start, start + count))
    path.write_text(f"text,label\n{rows}{'broken row' if bad else ''}")
    return str(path)


@pytest.fixture
def lab(settings):
    return Lab(settings)


@pytest.fixture
def own(settings):
    train = [row(1, "q", "a", "pay")]
    write_task(settings.folder("tasks") / "mine", train=train, test=[row(2, "r", "a", "pay")])
    return "mine"


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


def test_a_workbook_offers_its_sheets_and_another_sheet_other_columns(lab, book):
    sheet, source, outputs, group, name = open_files(lab, [book])
    assert sheet.visible is True
    assert [value for _, value in sheet.choices] == ["", "Sheet", "Second"]
    assert (source.value, outputs.value, group.value, name) == ("text", ["label"], "", "book")
    assert open_sheet([book], "Second")[0].value == "message"


def test_rows_and_a_prompt_are_shown_before_anything_is_written(lab, book):
    second = ([book], "Second", "message", ["label"], "", 0)
    rows, schema, told, report, skip, steps, rest = look(lab, "", *second)
    assert "Rows as they were understood" in rows
    assert "message number" in rows
    assert "<b>m" not in rows.replace("<b></b>", "")
    assert json.loads(schema)["properties"]["label"] == {"enum": ["a", "b"]}
    assert told.placeholder == "Read the message and answer with its record."
    assert "Sort it twice." in look(lab, "Sort it twice.", *second)[3]
    assert "One prompt" in report
    assert (skip.visible, rest.visible) == (False, True)
    assert steps.count('data-state="done"') == 2


def test_several_files_are_read_together_and_judged_under_a_schema(lab, tmp_path):
    files = [make_csv(tmp_path / "train.csv"), make_csv(tmp_path / "test.csv", 6, start=60)]
    rows, schema, *_ = look(lab, "", files, *WHERE)
    assert "train.csv (train), test.csv (test)" in rows
    verdict, missing, _ = check(lab, schema, False, "bookings", [], files, *WHERE)
    assert "OK: a schema under which 36 examples are usable" in verdict
    assert "nothing is missing" in missing
    verdict, missing, steps = check(lab, "{", False, "bookings", [], files, *WHERE)
    assert "FAIL" in verdict
    assert "1 to mend" in missing
    assert 'data-state="failed"' in steps


def test_what_is_no_rows_is_said_where_the_rows_would_stand(lab, tmp_path):
    (tmp_path / "rows.csv").write_text("text\na\n")
    files = [str(tmp_path / "rows.csv")]
    rows, *_, steps, rest = look(lab, "", files, "", None, [], "", 0)
    assert "rows.csv has one column" in rows
    assert 'data-state="failed"' in steps
    assert rest.visible is False
    assert "once there is a file" in look(lab, "", None, *WHERE)[0]
    assert open_files(lab, None)[0].visible is False
    (tmp_path / "broken.xlsx").write_bytes(b"no workbook")
    assert open_files(lab, [str(tmp_path / "broken.xlsx")])[1].value is None
    assert "not usable yet" in look(lab, "", [str(tmp_path / "broken.xlsx")], *WHERE)[0]
    assert "not on the server" in look(lab, "", [str(tmp_path / "gone.csv")], *WHERE)[0]


def test_what_is_missing_is_said_and_refused_and_then_made(lab, settings, tmp_path):
    files = [make_csv(tmp_path / "rows.csv", 40, bad=True)]
    missing = partial(check, lab, "")
    assert "1 row is unusable" in missing(False, "", [], files, *WHERE)[1]
    assert "no name yet" in missing(True, "", [], files, *WHERE)[1]
    assert "There is a task" in missing(True, "ml-interview", [], files, *WHERE)[1]
    assert "nothing can be looked up" in missing(True, "mine", [], files, *WHERE)[1]
    with pytest.raises(gr.Error, match="1 rows are unusable"):
        make(lab, "", False, "mine", "", "", [], files, *WHERE)
    task, name, box, sentence, steps = make(lab, "", True, "mine", "My <own>", "", [], files, *WHERE)
    assert (task.value, name, box.visible) == ("mine", "mine", True)
    assert "My &lt;own&gt;" in sentence
    assert steps.count('data-state="done"') == 3
    assert load_task(settings.folder("tasks") / "mine").title == "My <own>"
    assert propose_name(settings, "/x/Mine.csv") == "mine-2"


def test_documents_are_shown_as_they_were_read_and_what_cannot_be_is_named(tmp_path):
    (tmp_path / "rules.md").write_text("# Rules\n\nThe walrus bonus is 40 euros.\n")
    (tmp_path / "broken.pdf").write_bytes(b"no")
    html = look_at_documents([str(tmp_path / "rules.md"), str(tmp_path / "broken.pdf")])
    assert "walrus bonus" in html
    assert "broken.pdf" in html
    assert "none can be read" in look_at_documents([str(tmp_path / "broken.pdf")])
    assert "No document yet" in look_at_documents(None)


def test_the_sample_is_a_task_without_a_doubt():
    made = draft([str(SAMPLE)], None, None, [], None, 0)
    assert (len(made.train), len(made.test), made.problems) == (32, 8, ())
    assert made.schema["properties"]["category"] == {"enum": ["account", "billing", "delivery", "product"]}
    assert made.schema["properties"]["refund_asked"] == {"type": "boolean"}


def test_a_bundled_task_is_not_renamed_and_not_deleted(lab, own):
    about, title, renaming, deleting, *_ = show_task(lab, "ml-interview")
    assert "comes with the lab" in about
    assert [part.interactive for part in (title, renaming, deleting)] == [False] * 3
    with pytest.raises(gr.Error, match="comes with the lab"):
        rename(lab, "ml-interview", "Mine", own)
    with pytest.raises(gr.Error, match="comes with the lab"):
        throw(lab, "ml-interview", own)
    assert all(part.interactive for part in show_task(lab, own)[1:4])


def test_a_deleted_task_leaves_the_lists_and_comes_back(lab, own):
    box, told = ask_first(lab, own)
    assert box.visible
    assert "2 examples" in told
    task, chosen, rubbish, deleted = throw(lab, own, own)
    assert own not in [value for _, value in task.choices]
    assert task.value != own
    assert (chosen.value, rubbish.visible) == (None, True)
    task, chosen, rubbish, _ = put_back(lab, deleted.value)
    assert (task.value, chosen.value, rubbish.visible) == (own, own, False)
    assert rename(lab, own, "Better", own)[0].choices[-1] == ("Better", own)


def test_a_bundled_task_is_taken_in_under_another_name(lab, tmp_path):
    zipped = str(export_task(BUNDLED_TASKS / "ml-interview", tmp_path / "ml-interview.zip"))
    with pytest.raises(gr.Error, match="There is a task 'ml-interview' already"):
        take_in(lab, zipped, "")
    task, _ = take_in(lab, zipped, " my-interview ")
    assert task.value == "my-interview"
    assert show_task(lab, "my-interview")[3].interactive

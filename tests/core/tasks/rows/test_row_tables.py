"""Tables as people export them: titles, missing names, odd quotes; each silent choice is told."""

import datetime

import pytest

from core.errors import LabError
from core.tasks.records import find_sheets, read_records

LINES = [(f"message number {number} of a customer", "ab"[number % 2], str(number)) for number in range(9)]


def read(tmp_path, text, name="rows.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return read_records(path)


def table(header, *, mark=",", before="", end=""):
    return before + header + "\n" + "".join(mark.join(line) + end + "\n" for line in LINES)


def told(found, words):
    return any(words in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        (
            table("text;label;n", mark=";", before="Export of 25.11.2026;;\n;;\n"),
            ("text", "label", "n"),
            "1 row above the header",
        ),
        (table("text,label,n", before="Report\nWritten by,Ann\n\n"), ("text", "label", "n"), "2 rows above the header"),
        (table("text,label,n", before="# made by a tool\n"), ("text", "label", "n"), "1 row above"),
        (
            table("text,label,n", before="Exported by our desk on Monday,see the wiki,1\n"),
            ("text", "label", "n"),
            "1 row above",
        ),
        (table("text;label;n;;", mark=";", end=";;"), ("text", "label", "n"), "2 columns without name and content"),
        (table("sep=;\ntext;label;n", mark=";"), ("text", "label", "n"), "';'"),
        (table("text,,n"), ("text", "column 2", "n"), "column 2 has no name and is called"),
        (table("text,label,label"), ("text", "label", "label (2)"), "names 'label' twice"),
        (table(",".join(LINES[0])), ("column 1", "column 2", "column 3"), "has no header"),
        (table("text,label,n") + "text,label,n\nlast of all,a,3\n", ("text", "label", "n"), "the header stands again in 1"),
    ],
)
def test_the_header_is_found_and_what_was_assumed_is_told(tmp_path, text, columns, words):
    found = read(tmp_path, text)
    assert found.columns == columns
    assert told(found, words)
    assert (len(found.rows) - 9 in (0, 1), found.problems) == (True, ())


def test_a_column_that_numbers_the_rows_without_a_name_is_left_out(tmp_path):
    for name in ("", "Unnamed: 0"):
        lines = "".join(f"{number},{text},{label}\n" for number, (text, label, _) in enumerate(LINES))
        found = read(tmp_path, f"{name},text,label\n{lines}")
        assert found.columns == ("text", "label")
        assert told(found, "numbers the rows")


def test_a_question_as_the_name_of_a_column_is_a_name(tmp_path):
    rows = "".join(f"2026-11-{number + 10},{label},{text}\n" for number, (text, label, _) in enumerate(LINES))
    found = read(tmp_path, f"Timestamp,Team,How satisfied are you with all of our service so far?\n{rows}")
    assert found.columns[2].startswith("How satisfied")
    years = "".join(f"{label} {number},{number}1,{number}2\n" for number, (_, label, _) in enumerate(LINES))
    assert read(tmp_path, f"name,2019,2020\n{years}").columns == ("name", "2019", "2020")


def test_columns_that_are_empty_throughout_are_left_out_and_told(tmp_path):
    found = read(tmp_path, "text,label,remark\n" + "".join(f"{text},{label},\n" for text, label, _ in LINES))
    assert found.columns == ("text", "label")
    assert told(found, "Columns without content are left out: remark")
    late = read(tmp_path, "text,label,\n" + "".join(f"{text},{label},\n" for text, label, _ in LINES * 7) + "x y,a,late\n")
    assert told(late, "1 rows have something in a column without a name")


def test_lines_with_labels_in_front_are_read(tmp_path):
    lines = "".join(f"__label__{label} __label__x {text}\n" for text, label, _ in LINES)
    found = read(tmp_path, lines + "__label__a\n", "rows.txt")
    assert found.rows[1] == (2, {"text": LINES[1][0], "label": "b; x"})
    assert found.problems == ("row 10: no label, or no text",)


def test_a_quote_after_a_space_is_a_quote(tmp_path):
    assert read(tmp_path, 'text, label\n"one, two", "a"\n"three", "b"\n').rows[0][1] == {"text": "one, two", "label": "a"}


def test_quotes_are_read_as_the_file_writes_them(tmp_path):
    escaped = "text,label\n" + "".join(f'"he said \\"{text}\\", twice",{label}\n' for text, label, _ in LINES)
    assert read(tmp_path, escaped).rows[0][1]["text"] == 'he said "message number 0 of a customer", twice'
    letters = "text\tlabel\n" + "".join(f'"Great" {text}\t{label}\n' for text, label, _ in LINES)
    found = read(tmp_path, letters, "rows.tsv")
    assert found.rows[0][1]["text"] == '"Great" message number 0 of a customer'
    assert told(found, "quotes as letters")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_line_ends_and_marks_of_encodings_change_nothing(tmp_path, end, encoding):
    text = 'text,label\n"größer,\nzwei Zeilen 日本",a\nmehr,b\n'.replace("\n", end)
    rows = [row for _, row in read(tmp_path, text, encoding=encoding).rows]
    assert [row["label"] for row in rows] == ["a", "b"]
    assert rows[0]["text"] == f"größer,{end}zwei Zeilen 日本"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "L'été où tout a cassé, déjà payé – 5 €"),
        ("latin-1", "Die Tür fällt nicht zu, bitte prüfen"),
        ("cp1250", "Źle dostarczona przesyłka, proszę o zwrot środków ąęć"),
        ("cp1251", "Посылка пришла сломанной, прошу вернуть деньги за заказ"),
    ],
)
def test_texts_in_older_encodings_are_read_and_the_guess_is_told(tmp_path, encoding, text):
    lines = "".join(f'"{text}, number {number}",a\n' for number in range(9))
    found = read(tmp_path, f"text,label\n{lines}", encoding=encoding)
    assert found.rows[0][1]["text"] == f"{text}, number 0"
    assert told(found, "is not UTF-8")


def make_book(path, sheets):
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_gives_the_sheet_that_is_meant(tmp_path):
    day = datetime.datetime.fromisoformat("2026-11-25")
    rows = [["text", "label", "n", "sure", "day"], *([text, label, float(n), True, day] for text, label, n in LINES)]
    path = make_book(tmp_path / "book.xlsx", {"Cover": [], "Rows": [["Export"], [], *rows], "Old": rows[:3]})
    found = read_records(path)
    assert found.rows[0] == (4, {"text": LINES[0][0], "label": "a", "n": 0, "sure": True, "day": "2026-11-25"})
    assert told(found, "the sheet 'Rows' is read, the first with content; others: 'Cover', 'Old'")
    assert len(read_records(path, sheet="Old").rows) == 2
    assert find_sheets([path]) == ["Cover", "Rows", "Old"]
    with pytest.raises(LabError, match="no sheet 'Other'.*Cover, Rows, Old"):
        read_records(path, sheet="Other")
    with pytest.raises(LabError, match="no sheet with content"):
        read_records(make_book(tmp_path / "empty.xlsx", {"One": []}))


def test_a_broken_workbook_and_one_that_unpacks_without_end_are_sentences(tmp_path, monkeypatch):
    path = make_book(tmp_path / "book.xlsx", {"Rows": [["text", "label"], ["a " * 5000, "x"]] * 99})
    data = bytearray(path.read_bytes())
    data[200:400] = b"\x00" * 200
    (tmp_path / "broken.xlsx").write_bytes(data)
    with pytest.raises(LabError, match="broken.xlsx"):
        read_records(tmp_path / "broken.xlsx")
    monkeypatch.setattr("core.tasks.rows.sources.MAX_BYTES", 2**10)
    with pytest.raises(LabError, match="unpacks to"):
        read_records(path)


def test_short_rows_of_a_sheet_have_empty_cells(tmp_path):
    path = make_book(
        tmp_path / "book.xlsx",
        {"Rows": [["text", "label", "note"], *([text, label] for text, label, _ in LINES[:8]), list(LINES[8])]},
    )
    found = read_records(path)
    assert (len(found.rows), found.problems, found.columns) == (9, (), ("text", "label", "note"))


def test_parquet_is_read_where_pyarrow_is(tmp_path):
    pytest.importorskip("pyarrow")
    from pyarrow import Table
    from pyarrow.parquet import write_table

    rows = [
        {"text": text, "label": label, "n": int(n), "day": datetime.date(2026, 1, 1), "tags": ["x"]} for text, label, n in LINES
    ]
    write_table(Table.from_pylist(rows), tmp_path / "rows.parquet")
    found = read_records(tmp_path / "rows.parquet")
    assert found.rows[1] == (2, {"text": LINES[1][0], "label": "b", "n": 1, "day": "2026-01-01", "tags": ["x"]})

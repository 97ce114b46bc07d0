"""Files, packed files and folders of rows: what is in them is read, what cannot be is a sentence, and nothing fills the memory."""

import bz2
import gzip
import json
import tracemalloc
import zipfile

import pytest

from core.errors import LabError
from core.tasks.records import find_sheets, read_records

ROWS = [{"text": f"message {number} of a customer", "label": "ab"[number % 2]} for number in range(12)]
LINES = "\n".join(map(json.dumps, ROWS))


def put(folder, name, data):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def csv(rows):
    return "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.jsonl.gz", gzip.compress(LINES.encode())),
        ("rows.json.gz", gzip.compress(json.dumps(ROWS).encode())),
        ("rows.gz", gzip.compress(csv(ROWS).encode())),
        ("rows.ndjson", LINES.encode()),
        ("rows", csv(ROWS).encode()),
    ],
)
def test_packed_rows_are_read_whatever_the_name_says(tmp_path, name, data):
    assert [row for _, row in read_records(put(tmp_path, name, data)).rows] == ROWS


def test_the_files_of_a_zip_and_of_a_folder_are_read_and_the_rest_is_named(tmp_path):
    put(tmp_path, "in/a/train.csv", csv(ROWS[:8]))
    put(tmp_path, "in/a/test.csv", csv(ROWS[8:]))
    put(tmp_path, "in/.hidden/more.csv", csv(ROWS))
    put(tmp_path, "in/README.md", "# Data")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in sorted((tmp_path / "in").rglob("*.*")):
            if path.is_file():
                archive.write(path, path.relative_to(tmp_path))
        archive.writestr("__MACOSX/in/a/._train.csv", b"\x00\x05\x16")
    for place in (tmp_path / "in", tmp_path / "in.zip"):
        found = read_records(place)
        assert len(found.rows) == 12
        assert sorted(row["split"] for _, row in found.rows) == ["test"] * 4 + ["train"] * 8
        assert any("Passed over" in note and "README.md" in note for note in found.notes)
        assert found.origin == "2 files"


def test_a_folder_of_a_side_says_the_side(tmp_path):
    for number, place in enumerate(("test_data/train/rows.csv", "test_data/Hold-Out/rows.csv", "test_data/val/rows.csv")):
        put(tmp_path, place, csv(ROWS[number * 4 : number * 4 + 4]))
    found = read_records(tmp_path / "test_data")
    assert [row["split"] for _, row in found.rows] == ["test"] * 4 + ["train"] * 4 + ["validation"] * 4
    one = read_records(tmp_path / "test_data" / "train")
    assert not any("split" in row for _, row in one.rows)  # One side alone says nothing.


def test_rows_of_several_files_are_found_by_their_file(tmp_path):
    first = put(tmp_path, "one.csv", csv(ROWS) + "too,many,cells\n")
    second = put(tmp_path, "two.jsonl", LINES + "\n[1]")
    found = read_records([first, second])
    assert found.problems == ("one.csv row 14: 3 cells where the header has 2", "two.jsonl row 13: not an object but [1]")
    assert found.locate(found.rows[-1][0]) == "two.jsonl row 12"
    assert [found.locate(found.rows[place][0]) for place in (0, 11, 12)] == [
        "one.csv row 2",
        "one.csv row 13",
        "two.jsonl row 1",
    ]
    both = read_records([second, first])
    assert [both.locate(both.rows[place][0]) for place in (11, 12)] == ["two.jsonl row 12", "one.csv row 2"]
    ends = read_records([put(tmp_path, "three.csv", csv(ROWS)), second])
    assert [ends.locate(ends.rows[place][0]) for place in (11, 12)] == ["three.csv row 13", "two.jsonl row 1"]
    assert len({number for number, _ in found.rows}) == 24
    assert not any("split" in row for _, row in found.rows)  # Neither name says a side.


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("rows.xls", b"\xd0\xcf\x11\xe0rest", "old Excel file"),
        ("rows.bz2", bz2.compress(b"a,b\n"), "packed with bzip2"),
        ("rows.parquet", b"PAR1rest", "pyarrow|no Parquet file"),
        ("rows.csv.gz", gzip.compress(csv(ROWS).encode())[:-20], "Cannot read rows.csv.gz"),
        ("rows.zip", b"PK\x03\x04rest", "Cannot read rows.zip"),
    ],
)
def test_what_holds_no_rows_is_named_with_what_to_do(tmp_path, name, data, words):
    with pytest.raises(LabError, match=words):
        read_records(put(tmp_path, name, data))


def test_archives_of_other_things_are_named(tmp_path):
    for name, inside, words in [
        ("a.docx", "word/document.xml", "Word document"),
        ("b.ods", "content.xml", "OpenDocument"),
        ("c.zip", "notes.pdf", "no file of rows"),
    ]:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "x")
        with pytest.raises(LabError, match=words):
            read_records(tmp_path / name)
    assert find_sheets([put(tmp_path, "rows.csv", csv(ROWS))]) == []


@pytest.mark.parametrize("unit", [b'{"a":1}\n', b"a", b"[],", b'"'], ids=["rows", "line", "lists", "quotes"])
def test_a_bomb_takes_no_memory(tmp_path, monkeypatch, unit):
    monkeypatch.setattr("core.tasks.rows.sources.FREE_BYTES", 2**20)
    path = put(tmp_path, "rows.json.gz", gzip.compress((b"[" if unit == b"[]," else b"") + unit * (2**24 // len(unit))))
    tracemalloc.start()
    try:
        with pytest.raises(LabError, match="unpacks to more than 200 times"):
            read_records(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_limits_are_named(tmp_path, monkeypatch):
    path = put(tmp_path, "rows.csv", csv(ROWS))
    monkeypatch.setattr("core.tasks.records.MAX_CELLS", 9)
    assert read_records(path).problems == ("row 6 and all after it: only the first 9 cells are used",)
    monkeypatch.setattr("core.tasks.records.MAX_CELLS", 999)
    monkeypatch.setattr("core.tasks.records.MAX_CHARACTERS", 50)
    assert "only the first 50 characters" in read_records(path).problems[0]
    monkeypatch.setattr("core.tasks.rows.sources.MAX_BYTES", 20)
    with pytest.raises(LabError, match="larger than 0 MiB"):
        read_records(path)
    monkeypatch.setattr("core.tasks.rows.tables.MAX_COLUMNS", 1)
    monkeypatch.setattr("core.tasks.rows.sources.MAX_BYTES", 2**20)
    with pytest.raises(LabError, match="has 2 columns; the limit is 1"):
        read_records(path)

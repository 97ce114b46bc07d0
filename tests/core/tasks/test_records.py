import gzip

import pytest

from core.errors import LabError
from core.tasks.records import read_records


def read(tmp_path, data, name="rows.csv"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_records(path)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, mark):
    found = read(tmp_path, f'text{mark}label\n"a{mark} ""b""\nc"{mark}x\nd{mark}y\n')
    assert found.columns == ("text", "label")
    assert [row for _, row in found.rows] == [{"text": f'a{mark} "b"\nc', "label": "x"}, {"text": "d", "label": "y"}]


def test_bad_rows_are_named_by_number_and_left_out(tmp_path):
    found = read(tmp_path, "text,label\na,x\nb\n\nc,y,z\nd,w\n")
    assert [number for number, _ in found.rows] == [2, 6]
    assert found.problems == (
        "row 3: 1 cells where the header has 2",
        "row 5: 3 cells where the header has 2",
    )
    found = read(tmp_path, '{"a": 1, "b": 2}\n[1]\n{bad\n{"a": 3}\n', "rows.jsonl")
    assert [number for number, _ in found.rows] == [1, 4]
    assert found.problems[0].startswith("row 2: not an object")
    assert found.problems[1].startswith("row 3: not JSON")


@pytest.mark.parametrize(("encoding", "noted"), [("utf-8-sig", False), ("utf-16", False), ("cp1252", True)])
def test_encodings_are_read_and_guesses_are_told(tmp_path, encoding, noted):
    text = "text,label\nGrüße aus München für alle Käufer,größer\nÜber die Brücke geführt,schön\n"
    found = read(tmp_path, text.encode(encoding))
    assert found.rows[0][1]["label"] == "größer"
    assert bool(found.notes) == noted


def test_gzip_and_arrays_are_read(tmp_path):
    found = read(tmp_path, gzip.compress(b'[{"a": 1}, 2, {"a": 3}]'), "rows.json.gz")
    assert [row for _, row in found.rows] == [{"a": 1}, {"a": 3}]
    assert found.problems == ("row 2: not an object but 2",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (b"text,label\n", "no usable row"),
        (b"text\na\n", "has one column"),
        (b"%PDF\x00\x01\x02", "is a PDF"),
        (b"\x00\x01\x02\x03", "not a text file"),
        (b"[{]", "begins like a JSON list"),
        (b"\x1f\x8bbroken", "Cannot read"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, data, words):
    with pytest.raises(LabError, match=words):
        read(tmp_path, data, "rows.csv.gz" if data.startswith(b"\x1f") else "rows.csv")


def test_only_so_many_rows_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("core.tasks.records.MAX_ROWS", 3)
    found = read(tmp_path, "text,label\n" + "a,b\n" * 9)
    assert len(found.rows) == 3
    assert found.problems == ("row 5 and all after it: only the first 3 rows are used",)


def test_nothing_after_an_open_quote_is_trusted(tmp_path):
    good = "".join(f"text {n},a\n" for n in range(5))
    found = read(tmp_path, f'text,label\n{good}"an open quote,b\n{good}he said "hi",b\n{good}')
    assert len(found.rows) == 5
    assert found.problems[0].startswith("row 7: ',' expected after '\"' (from line 7)")
    assert "all rows after it" in found.problems[0]


def test_a_few_broken_bytes_do_not_turn_a_file_into_another_encoding(tmp_path):
    with pytest.raises(LabError, match="UTF-8 but for 1 bytes, the first in line 3"):
        read(tmp_path, "text,label\nMüller größe,a\n".encode() + b"caf\xe9,b\n" + "schön,ü\n".encode())
    late = b"text,label\n" + b"plain words,a\n" * 100_000 + "Müller schön für,b\n".encode("latin-1")
    assert read(tmp_path, late).rows[-1][1]["text"] == "Müller schön für"


def test_what_is_no_strict_json_is_named_by_row(tmp_path):
    found = read(tmp_path, '{"a": "x", "b": NaN}\n{"a": "\\ud800", "b": 1}\n{"a": "y", "b": 2}\n', "rows.jsonl")
    assert [number for number, _ in found.rows] == [3]
    assert [problem[:5] for problem in found.problems] == ["row 1", "row 2"]

"""`ragft new-task` with the rows of people: several files, a sheet, a preview, a folder of documents."""

import json
import sys

import pytest

from core.settings import read_settings
from ui.cli.main import main


@pytest.fixture
def ragft(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        found = capsys.readouterr()
        return ended.value.code or 0, found.out, " ".join(found.err.split())

    return run


def make_csv(path, count, *, start=0):
    rows = "".join(f"message number {n} of a customer,{'ab'[n % 2]}\n" for n in range(start, start + count))
    path.write_text(f"text,label\n{rows}")
    return path


def test_the_preview_shows_rows_and_a_whole_prompt_and_writes_nothing(ragft, tmp_path):
    rows = make_csv(tmp_path / "rows.csv", 30)
    code, out, _ = ragft("new-task", "mine", "--examples", rows, "--preview", "--instruction", "Sort [/b] it.")
    assert code == 0
    assert "Rows as they were understood" in out
    assert "Sort [/b] it." in out
    assert "Text: message number" in out
    assert not (read_settings().folder("tasks") / "mine").exists()
    report = json.loads(ragft("new-task", "mine", "--examples", rows, "--preview", "--json")[1])
    assert len(report["rows"]) == 5
    assert {row["side"] for row in report["rows"]} == {"train", "test"}
    assert report["prompt"].rstrip().endswith('"}')


def test_several_files_are_one_task_with_the_sides_of_their_names(ragft, tmp_path):
    train, test = make_csv(tmp_path / "a-train.csv", 20), make_csv(tmp_path / "a_TEST.csv", 6, start=70)
    code, out, _ = ragft("new-task", "mine", "--examples", train, "--examples", test, "--json")
    report = json.loads(out)
    assert (code, report["train"], report["test"]) == (0, 20, 6)
    assert any("the files' names say" in note for note in report["notes"])
    assert (read_settings().folder("tasks") / "mine" / "test.jsonl").read_text().count("message number 7") == 6


def test_a_sheet_is_chosen_and_a_wrong_one_is_a_sentence(ragft, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    for sheet, word in ((book.active, "first"), (book.create_sheet("Second"), "second")):
        sheet.append(["text", "label"])
        for number in range(30):
            sheet.append([f"{word} message number {number}", "ab"[number % 2]])
    book.save(tmp_path / "book.xlsx")
    report = json.loads(
        ragft("new-task", "x", "--examples", tmp_path / "book.xlsx", "--sheet", "Second", "--preview", "--json")[1]
    )
    assert report["rows"][0]["input"].startswith("second")
    code, _, err = ragft("new-task", "x", "--examples", tmp_path / "book.xlsx", "--sheet", "[Third]")
    assert code == 2
    assert "no sheet '[Third]'" in err


def test_a_folder_of_documents_keeps_its_paths(ragft, tmp_path):
    for name in ("README.md", "a/README.md", "a/.DS_Store", ".DS_Store"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# Page\nText of {name}.")
    rows = make_csv(tmp_path / "rows.csv", 30)
    code, out, err = ragft("new-task", "mine", "--examples", rows, "--documents", tmp_path / "docs", "--json")
    assert code == 0, err
    documents = read_settings().folder("tasks") / "mine" / "documents"
    assert sorted(path.relative_to(documents).as_posix() for path in documents.rglob("*") if path.is_file()) == [
        "README.md",
        "a/README.md",
    ]


def test_the_instruction_of_the_rows_is_the_tasks(ragft, tmp_path):
    rows = [{"instruction": "Sort it.", "input": f"message number {n} of all", "output": "ab"[n % 2]} for n in range(30)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    assert ragft("new-task", "mine", "--examples", tmp_path / "rows.json")[0] == 0
    assert 'instruction = "Sort it."' in (read_settings().folder("tasks") / "mine" / "task.toml").read_text()


def test_the_report_is_a_table_and_no_dictionary(ragft, tmp_path):
    rows = make_csv(tmp_path / "rows.csv", 30)
    out = ragft("new-task", "mine", "--examples", rows)[1]
    assert "training examples" in out
    assert "{" not in out
    out = ragft("check", "mine")[1]
    assert "values of label" in out
    assert "{" not in out

"""A task's index through the lab and the command line: adding, syncing, what is open and what is not any more."""

import json
import sys

import pytest

import core.task
import ui.lab
import ui.library
from core.errors import LabError
from core.settings import read_settings
from core.task import load_task
from ui.cli import main
from ui.lab import Lab


@pytest.fixture
def lab(embedder):
    return Lab(read_settings(), embedder=embedder)


@pytest.fixture
def ragft(monkeypatch, capsys, embedder):
    """Run the command line; returns (exit code, stdout, stderr in one line)."""
    monkeypatch.setattr(ui.lab.Lab, "load_embedder", lambda self: embedder)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return run


@pytest.fixture
def bundled(task_folder, monkeypatch):
    """A task that stands where the bundled ones do."""
    monkeypatch.setattr(core.task, "BUNDLED_TASKS", task_folder.parent)
    monkeypatch.setattr(ui.library, "BUNDLED_TASKS", task_folder.parent)
    return task_folder


def find_all(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(lab, task):
    return sorted(lab.library.load_index(task).store.list_versions())


def test_indexing_syncs_the_folder_and_says_what_it_did(ragft, task_folder):
    code, out, _ = ragft("index", task_folder, "--json")
    report = json.loads(out)
    assert code == 0
    assert {
        "added": 2,
        "updated": 0,
        "skipped": 0,
        "deleted": 0,
        "problems": [],
        "documents": 2,
        "passages": 2,
    }.items() <= report.items()
    assert report["seconds"] > 0
    assert report["chunks_per_second"] > 0
    (task_folder / "documents" / "pay.md").unlink()
    (task_folder / "documents" / "bad.pdf").write_bytes(b"no")
    report = json.loads(ragft("index", task_folder, "--json")[1])
    assert (report["added"], report["skipped"], report["deleted"], report["documents"]) == (0, 1, 1, 1)
    assert report["problems"][0]["path"] == "bad.pdf"
    assert report["problems"][0]["reason"]
    code, out, err = ragft("index", task_folder)
    assert (code, "bad.pdf" in err, "problems: 1" in out) == (0, True, True)
    assert json.loads(ragft("index", task_folder, "--rebuild", "--json")[1])["updated"] == 1


def test_documents_are_added_to_a_task_of_ones_own(ragft, lab, task_folder, tmp_path):
    more = tmp_path / "more"
    (more / "sub").mkdir(parents=True)
    (more / "sub" / "gull.md").write_text("# Gulls\n\nGulls cry.")
    (more / "broken.docx").write_bytes(b"no")
    single = tmp_path / "tern.txt"
    single.write_text("Terns dive.")
    report = json.loads(ragft("index", task_folder, more, single, "--json")[1])
    assert (report["added"], report["documents"]) == (4, 4)
    assert [problem["path"] for problem in report["problems"]] == ["broken.docx"]
    assert (task_folder / "documents" / "sub" / "gull.md").is_file()
    assert not (task_folder / "documents" / "broken.docx").exists()
    assert names(lab, load_task(task_folder)) == ["pay", "sub/gull", "tern", "time"]
    report = json.loads(ragft("index", task_folder, more, "--json")[1])
    assert (report["built"], report["skipped"]) == (False, 4)
    single.write_text("Terns dive deep.")
    assert json.loads(ragft("index", task_folder, single, "--json")[1])["updated"] == 1


def test_documents_added_to_a_bundled_task_stay_out_of_it(ragft, lab, bundled, tmp_path):
    before = find_all(bundled)
    (tmp_path / "gull.md").write_text("# Gulls\n\nGulls cry.")
    (tmp_path / "pay.md").write_text("# Pay\n\nNothing is paid.")
    report = json.loads(ragft("index", "tiny", tmp_path / "gull.md", tmp_path / "pay.md", "--json")[1])
    assert report["documents"] == 3
    assert find_all(bundled) == before
    task = lab.task("tiny")
    assert names(lab, task) == ["gull", "pay", "time"]
    assert "Nothing" in lab.library.load_index(task).load_document("pay").text  # The person's own goes first.
    assert json.loads(ragft("index", "tiny", "--json")[1])["skipped"] == 3
    (read_settings().home / "documents" / "tiny" / "pay.md").unlink()
    assert json.loads(ragft("index", "tiny", "--json")[1])["updated"] == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ({}, "There is no"),
        ({"x/a.pdf": b"no", "x/b.docx": b"no"}, "a.pdf: "),
        ({"x/a.pdf": b"no", "x/b.docx": b"no"}, "b.docx: "),
        ({"x/a.xyz": b"?"}, "There is no document in"),
    ],
)
def test_what_cannot_be_added_is_said_and_changes_nothing(ragft, task_folder, tmp_path, make, words):
    before = find_all(task_folder)
    for name, data in make.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    code, out, err = ragft("index", task_folder, tmp_path / "x", "--json")
    assert (code, out) == (2, "")
    assert words in err
    assert find_all(task_folder) == before


def test_two_files_of_one_name_are_refused(lab, task, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.md").write_text(f"# {folder}\n\ntext")
    with pytest.raises(LabError, match=r"would both be same\.md"):
        lab.build_index(task, add=[tmp_path / "a", tmp_path / "b"])
    assert lab.build_index(task, add=[tmp_path / "a", tmp_path / "a" / "same.md"])["added"] == 3


def test_adding_what_is_there_already_keeps_it(lab, task):
    assert lab.build_index(task, add=[task.documents_folder])["added"] == 2
    assert (task.documents_folder / "pay.md").read_text().startswith("# Pay rules")


def test_a_task_without_documents_says_where_to_put_them(lab, task):
    for path in task.documents_folder.iterdir():
        path.unlink()
    with pytest.raises(LabError, match=r"has no documents.*documents"):
        lab.build_index(task)


def test_an_open_index_is_kept_until_it_changes(lab, task):
    with pytest.raises(LabError, match="There is no index of tiny"):
        lab.library.load_index(task)
    lab.build_index(task)
    first = lab.load_retriever(task)
    assert lab.load_retriever(task) is first
    assert lab.load_retriever(task, mode="bm25") is not first
    assert first.search(["walrus bonus"], top_k=1)[0][0].passage.document == "pay"
    (task.documents_folder / "pay.md").unlink()
    lab.build_index(task)
    for mode in ("hybrid", "dense", "bm25"):
        hits = lab.load_retriever(task, mode=mode).search(["walrus bonus"], top_k=9)[0]
        assert not any("walrus" in hit.passage.text for hit in hits)


def test_examples_are_indexed_once_and_follow_the_task(lab, task):
    found = lab.load_examples(task).search(["walrus bonus"], top_k=1)[0][0]
    assert found.passage.document == "x-1"
    folder = lab.settings.folder("indexes") / "tiny.examples"
    stamp = (folder / "CURRENT").read_text()
    assert lab.load_examples(task) is lab.load_examples(task)
    assert (folder / "CURRENT").read_text() == stamp

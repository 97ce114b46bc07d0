"""A task's index through the lab and the command line: adding, syncing, what is open and what is not any more."""

import json
import sys
from contextlib import contextmanager
from threading import Thread

import pytest

import core.tasks.folders
import retrieval.index.update
import retrieval.index.versions
from core.errors import LabError
from core.settings import read_settings
from core.tasks.loading import load_task
from lab.documents import list_holdings
from lab.lab import Lab
from lab.retrieval_quality import evaluate_beir
from lab.search import SearchOptions, search_task
from tests.conftest import row
from ui.cli.main import main


@pytest.fixture
def lab(embedder):
    return Lab(read_settings(), embedder=embedder)


@pytest.fixture
def ragft(monkeypatch, capsys, embedder):
    """Run the command line; returns (exit code, stdout, stderr in one line)."""
    monkeypatch.setattr(Lab, "load_embedder", lambda self: embedder)

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
    monkeypatch.setattr(core.tasks.folders, "BUNDLED_TASKS", task_folder.parent)
    monkeypatch.setattr("core.tasks.folders.BUNDLED_TASKS", task_folder.parent)
    return task_folder


def find_all(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(lab, task):
    return sorted(lab.library.load_index(task).list_documents())


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
        lab.library.update(task, add=[tmp_path / "a", tmp_path / "b"])
    assert lab.library.update(task, add=[tmp_path / "a", tmp_path / "a" / "same.md"])["added"] == 3


def test_adding_what_is_there_already_keeps_it(lab, task):
    assert lab.library.update(task, add=[task.documents_folder])["added"] == 2
    assert (task.documents_folder / "pay.md").read_text().startswith("# Pay rules")


def test_a_task_without_documents_says_where_to_put_them(lab, task):
    for path in task.documents_folder.iterdir():
        path.unlink()
    with pytest.raises(LabError, match=r"has no documents.*documents"):
        lab.library.update(task)


def test_an_open_index_is_kept_until_it_changes(lab, task):
    with pytest.raises(LabError, match="There is no index of tiny"):
        lab.library.load_index(task)
    lab.library.update(task)
    first = lab.library.load_retriever(task)
    assert lab.library.load_retriever(task) is first
    assert lab.library.load_retriever(task, mode="bm25") is not first
    assert first.search(["walrus bonus"], top_k=1)[0][0].passage.document == "pay"
    (task.documents_folder / "pay.md").unlink()
    lab.library.update(task)
    for mode in ("hybrid", "dense", "bm25"):
        hits = lab.library.load_retriever(task, mode=mode).search(["walrus bonus"], top_k=9)[0]
        assert not any("walrus" in hit.passage.text for hit in hits)


def test_examples_are_indexed_once_and_follow_the_task(lab, task):
    found = lab.library.load_examples(task).search(["walrus bonus"], top_k=1)[0][0]
    assert found.passage.document == "x-1"
    folder = lab.settings.folder("indexes") / "tiny.examples"
    stamp = (folder / "CURRENT").read_text()
    assert lab.library.load_examples(task) is lab.library.load_examples(task)
    assert (folder / "CURRENT").read_text() == stamp


def find(lab, task, query):
    return [hit.passage.text for hit in lab.library.load_retriever(task, mode="bm25").search([query], top_k=3)[0]]


@pytest.fixture
def canary(lab, task):
    """The task with one more document, indexed."""
    (task.documents_folder / "canary.md").write_text("# C\n\nThe zebrafish sings.")
    lab.library.update(task)
    return task


def test_a_deleted_document_stays_deleted_when_an_earlier_state_answers(lab, canary):
    (canary.documents_folder / "canary.md").unlink()
    generation = lab.library.update(canary)["generation"]
    (lab.library.index_folder(canary) / generation / "passages.sqlite").write_bytes(b"junk")
    lab = Lab(lab.settings, embedder=lab.load_embedder())
    assert lab.library.load_index(canary).removed == {"canary"}
    assert [item.id for item in list_holdings(lab, canary).documents] == ["pay", "time"]
    with pytest.raises(LabError, match="no document 'canary'"):
        search_task(lab, canary, "zebrafish", SearchOptions(documents=("canary",)))
    lab.library.remove(canary, ["time"])
    assert find(lab, canary, "zebrafish") == []
    assert names(lab, canary) == ["pay"]


def test_a_document_that_comes_in_before_a_deletion_holds_the_index_stays(lab, canary, monkeypatch):
    hold = retrieval.index.update.hold_base

    @contextmanager
    def late(*arguments):
        monkeypatch.setattr(retrieval.index.update, "hold_base", hold)
        (canary.documents_folder / "new.md").write_text("# New\n\nA gull cries.")
        lab.library.update(canary)
        with hold(*arguments) as base:
            yield base

    monkeypatch.setattr(retrieval.index.update, "hold_base", late)
    lab.library.remove(canary, ["canary"])
    assert names(lab, canary) == ["new", "pay", "time"]


def test_an_indexing_that_waits_for_a_deletion_does_not_bring_it_back(lab, canary, monkeypatch):
    from lab.library import _delete as delete

    threads = []

    def delete_beside_an_indexing(path):
        threads.append(Thread(target=lambda: lab.library.update(canary)))
        threads[0].start()
        threads[0].join(1)
        assert threads[0].is_alive()  # The index is held until the file is gone.
        delete(path)

    monkeypatch.setattr("lab.library._delete", delete_beside_an_indexing)
    lab.library.remove(canary, ["canary"])
    threads[0].join()
    assert find(lab, canary, "zebrafish") == []
    assert names(lab, canary) == ["pay", "time"]


def test_deleted_text_is_nowhere_on_the_disk(lab, canary, monkeypatch):
    folder = lab.library.index_folder(canary)
    with monkeypatch.context() as patch:  # Killed with the new generation current, the one before not removed yet.
        patch.setattr(retrieval.index.versions, "_tidy", lambda folder, keep: None)
        lab.library.remove(canary, ["canary"])
    assert any(b"zebrafish" in data for data in find_all(folder).values())
    lab.library.update(canary)
    assert not any(b"zebrafish" in data for data in find_all(folder).values())
    lab.library.remove(canary, ["time"])
    assert not any(b"Heron" in data for data in find_all(folder).values())
    assert [path.name for path in folder.glob("0*")] == ["000003"]


def test_deleting_needs_no_index(lab, task):
    lab.library.remove(task, ["pay"])
    assert not (task.documents_folder / "pay.md").exists()


def test_an_added_file_leaves_the_others_their_ids(ragft, lab, bundled, tmp_path):
    ragft("index", "tiny")
    (tmp_path / "pay.txt").write_text("Holidays.")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "time.htm").write_text("<p>Clocks.</p>")
    report = json.loads(ragft("index", "tiny", tmp_path / "pay.txt", tmp_path / "a", "--json")[1])
    assert (report["added"], report["updated"], report["deleted"]) == (2, 0, 0)
    task = lab.task("tiny")
    assert names(lab, task) == ["pay", "pay.txt", "time", "time.htm"]
    assert [item.id for item in list_holdings(lab, task).documents if item.own] == ["pay.txt", "time.htm"]
    assert list_holdings(lab, task).waiting == 0


def test_a_hidden_file_that_is_added_is_named(ragft, task_folder, tmp_path):
    for name in (".notes.md", "fine.md"):
        (tmp_path / name).write_text("zebrafish")
    report = json.loads(ragft("index", task_folder, tmp_path / ".notes.md", tmp_path / "fine.md", "--json")[1])
    assert report["added"] == 3
    assert [problem["path"] for problem in report["problems"]] == [".notes.md"]
    assert ragft("index", task_folder, tmp_path / ".notes.md")[0] == 2


def test_new_training_questions_set_the_threshold_anew(lab, task):
    for number in range(30):
        (task.documents_folder / f"d{number}.md").write_text(f"# T{number}\n\nItem number{number} weighs {number} kilos.")
    lab.library.update(task)
    stored = [row(n, f"How heavy is number{n}? \udce9", f"{n}", "pay") for n in range(30)]
    for item in stored:
        item["evidence"] = [{"document": f"d{item['output']['answer']}", "quote": f"{item['output']['answer']} kilos"}]
    (task.folder / "train.jsonl").write_text("".join(json.dumps(item) + "\n" for item in stored))
    task = load_task(task.folder)
    assert lab.library.update(task)["skipped"] == 32
    assert lab.library.load_index(task).calibration["words"]["source"] == "questions"
    assert not lab.library.update(task)["built"]


def test_a_benchmark_shares_no_index_with_a_task(lab, tmp_path):
    (tmp_path / "x" / "qrels").mkdir(parents=True)
    (tmp_path / "x" / "corpus.jsonl").write_text('{"_id": "c", "title": "\\ud83d", "text": "walrus \\udce9"}\n')
    (tmp_path / "x" / "queries.jsonl").write_text('{"_id": "q", "text": "walrus \\ud83d"}\n')
    (tmp_path / "x" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tc\t1\n")
    result = evaluate_beir(lab, tmp_path / "x", modes=["bm25"], notify=lambda stage, step, total: None)
    assert result["bm25"]["recall"]["1"]["mean"] == 1
    (name,) = (path.name for path in lab.settings.folder("indexes").iterdir())
    with pytest.raises(LabError, match="is no name for a task"):
        core.tasks.folders.place_task(tmp_path, name)

"""The Documents tab without a browser: what is listed, what may be deleted, what is found afterwards, the quality plot."""

import json

import pytest

import core.tasks.folders
import core.tasks.loading
from core.errors import LabError
from core.jobs import CONFIG, STATUS, JobStatus
from core.settings import read_settings
from core.storage import write_json
from lab.documents import check_idle, find_problems, list_holdings
from lab.lab import Lab
from lab.search import SearchOptions, search_all, search_task
from retrieval.embedding.embedder import Fingerprint
from ui.page.documents.quality_panel import draw_recall, render_quality
from ui.page.documents.view import list_rows, render_problems, render_state


@pytest.fixture
def lab(embedder):
    return Lab(read_settings(), embedder=embedder)


@pytest.fixture
def bundled(task_folder, monkeypatch):
    """A task that stands where the bundled ones do."""
    monkeypatch.setattr(core.tasks.folders, "BUNDLED_TASKS", task_folder.parent)
    return core.tasks.loading.load_task(task_folder)


def add(lab, task, folder, text="# Canary\n\nThe quokka sings."):
    (folder / "canary.md").write_text(text)
    lab.library.update(task, add=[folder / "canary.md"])


def find(lab, task, query):
    return [hit.passage.document for hits in search_all(lab, task, query, SearchOptions(k=9)).hits.values() for hit in hits]


def by_id(holdings):
    return {item.id: item for item in holdings.documents}


def test_documents_are_listed_with_counts_and_state(lab, task, tmp_path):
    before = list_holdings(lab, task)
    assert (before.indexed, before.waiting, before.count) == (False, 2, 2)
    assert "There is no index" in before.notes[0]
    assert {item.state for item in before.documents} == {"not in the index"}
    (task.documents_folder / "rows.csv").write_text("name,pay\nAnn,4\nBob,5\n")
    lab.library.update(task)
    (task.documents_folder / "pay.md").write_text("# Pay\n\nNew.")
    (task.documents_folder / "time.md").unlink()
    (task.documents_folder / "late.md").write_text("# Late\n\nCame later.")
    after = list_holdings(lab, task)
    states = {name: item.state for name, item in by_id(after).items()}
    assert states == {
        "late": "not in the index", "pay": "changed since", "rows": "in the index", "time": "its file is gone",
    }  # fmt: skip
    assert (after.indexed, after.waiting) == (True, 3)
    assert by_id(after)["rows"].parts == "2 rows"
    assert by_id(after)["time"].words == 15  # The marks of headings stand alone and count
    assert by_id(after)["time"].passages == 1
    assert "Behind" in render_state(after)
    assert len(list_rows(after)) == 4


def test_a_deleted_document_is_found_no_more_in_any_way(lab, bundled, tmp_path):
    add(lab, bundled, tmp_path)
    assert find(lab, bundled, "quokka").count("canary") == 3
    holdings = list_holdings(lab, bundled)
    assert holdings.own == ["canary"]
    assert [item.id for item in holdings.documents if item.own] == ["canary"]
    lab.library.remove(bundled, ["canary"])
    assert "canary" not in find(lab, bundled, "quokka")
    after = list_holdings(lab, bundled)
    assert (after.own, after.count, after.waiting) == ([], 2, 0)
    assert lab.library.load_index(bundled).load_document("canary") is None


def test_deleting_leaves_alone_what_waits_to_be_indexed(lab, task, tmp_path):
    add(lab, task, tmp_path)
    (task.documents_folder / "late.md").write_text("# Late\n\nCame later.")
    lab.library.remove(task, ["canary"])
    assert by_id(list_holdings(lab, task))["late"].state == "not in the index"
    assert not (task.documents_folder / "canary.md").exists()


def test_the_last_document_can_be_deleted(lab, task):
    lab.library.update(task)
    lab.library.remove(task, ["pay", "time"])
    assert list_holdings(lab, task).count == 0
    with pytest.raises(LabError, match="no index"):
        search_task(lab, task, "walrus", SearchOptions())


def test_a_tasks_own_documents_cannot_be_deleted(lab, bundled):
    lab.library.update(bundled)
    for names in (["pay"], ["../../secret"], ["nothing"]):
        with pytest.raises(LabError, match="cannot be deleted"):
            lab.library.remove(bundled, names)
    assert (bundled.documents_folder / "pay.md").exists()
    assert "pay" in find(lab, bundled, "walrus bonus")


def test_an_index_of_another_embedder_searches_words_and_says_so(lab, task, embedder):
    lab.library.update(task)
    embedder.fingerprint = Fingerprint("another", "none", 64, 256)
    other = Lab(read_settings(), embedder=embedder)
    holdings = list_holdings(other, task)
    assert holdings.stale
    assert "Words only" in render_state(holdings)
    found = search_all(other, task, "walrus bonus", SearchOptions())
    assert isinstance(found.hits["dense"], str)
    assert found.hits["bm25"][0].passage.document == found.hits["hybrid"][0].passage.document == "pay"
    with pytest.raises(LabError, match="Bring it up to date first"):
        other.library.remove(task, ["pay"])
    assert (task.documents_folder / "pay.md").exists()


def make_job(settings, task, state, problems=()):
    folder = settings.folder("jobs") / f"2026-{state}"
    write_json(folder / CONFIG, {"kind": "index", "task": task.name, "command": ["ragft"], "created": 0.0})
    result = {"problems": [{"path": path, "reason": reason} for path, reason in problems]}
    folder.joinpath(STATUS).write_text(json.dumps({"state": state, "heartbeat": 9e12, "result": result}))


def test_problems_of_the_last_indexing_are_said_and_escaped(lab, task):
    assert find_problems(lab.settings, task) == []
    make_job(lab.settings, task, "done", [("<bad>.pdf", "It is <no> PDF.")])
    holdings = list_holdings(lab, task)
    assert holdings.problems == [("<bad>.pdf", "It is <no> PDF.")]
    html = render_problems(holdings)
    assert "&lt;bad&gt;.pdf" in html
    assert "<no>" not in html


def test_nothing_is_deleted_while_a_job_indexes(lab, task, monkeypatch):
    check_idle(lab.settings, task)
    make_job(lab.settings, task, "running")
    monkeypatch.setattr("lab.documents.read_status", lambda folder: JobStatus("running"))
    with pytest.raises(LabError, match="just being indexed"):
        check_idle(lab.settings, task)


def test_the_tab_shows_refuses_and_deletes(lab, task, task_folder, tmp_path, monkeypatch):
    import gradio as gr

    from ui.page.documents.tab import _look, _remove, start_indexing

    monkeypatch.setattr(gr, "Info", lambda text: None)
    add(lab, task, tmp_path)
    name = str(task_folder)
    state, rows, own, problems, among = _look(lab, name)
    assert "Up to date" in state
    assert [row[0] for row in rows] == ["canary.md", "pay.md", "time.md"]
    assert [choice[1] for choice in own.choices] == [choice[1] for choice in among.choices] == ["canary", "pay", "time"]
    assert problems == ""
    with pytest.raises(gr.Error, match="No document is chosen"):
        _remove(lab, name, [])
    _remove(lab, name, ["canary"])
    assert [row[0] for row in _look(lab, name)[1]] == ["pay.md", "time.md"]
    assert "There is no task" in _look(lab, "nowhere")[0]
    with pytest.raises(gr.Error, match="There is no task"):
        start_indexing(lab, "nowhere")


def test_the_search_panel_gives_three_columns_and_its_mistakes(lab, task, task_folder):
    import gradio as gr

    from ui.page.documents.search_panel import _look, suggest_query

    lab.library.update(task)
    html = _look(lab, str(task_folder), "walrus <bonus>", "rrf", ["pay"], 2)
    assert [mode in html for mode in ('data-mode="dense"', 'data-mode="bm25"', 'data-mode="hybrid"')] == [True] * 3
    assert 'data-query="walrus &lt;bonus&gt;"' in html
    assert "Working time" not in html
    with pytest.raises(gr.Error, match="empty"):
        _look(lab, str(task_folder), " ", "convex", [], 2)
    assert suggest_query(lab, str(task_folder)) == ""  # No test question names its document.
    assert suggest_query(lab, "nowhere") == suggest_query(lab, None) == ""


def quality(mean):
    value = {"mean": mean, "low": mean - 0.1, "high": mean + 0.05}
    recall = {str(k): value for k in range(1, 11)}
    return {"questions": 7, "recall": recall, "mrr@10": value, "ndcg@10": value}


def test_quality_is_a_table_and_a_plot_with_intervals():
    result = {"dense": quality(0.6), "bm25": quality(0.5), "hybrid": quality(0.9)}
    html = render_quality(result)
    assert '0.900 <span class="quiet">0.80 to 0.95</span>' in html
    assert "7 questions" in html
    figure = draw_recall(result)
    assert [trace.name for trace in figure.data] == ["Dense", "BM25", "Hybrid"]
    assert all(len(trace.x) == 10 for trace in figure.data)
    assert list(figure.data[2].error_y.arrayminus) == pytest.approx([0.1] * 10)
    assert list(figure.data[2].error_y.array) == pytest.approx([0.05] * 10)

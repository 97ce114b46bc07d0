"""The public endpoints: only these, typed and documented, through the server as other programs call them."""

import json

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from core.generation.fake import FakeGenerator
from core.settings import Settings
from lab.lab import Lab
from lab.search import judge_hits
from tests.conftest import HashingEmbedder, row, write_task
from ui.page.api import PublicEndpoints
from ui.page.app import build_page

PUBLIC = {"ask", "compare", "search", "validate", "tasks", "runs"}
RIGHT = '{"answer": "40 euros", "area": "pay", "sure": true}'


def make_lab(home):
    rows = [row(1, "How high is the walrus bonus?", "40 euros", "pay"), row(2, "How long is a break?", "25 minutes", "time")]
    write_task(home / "tasks" / "tiny", train=rows, test=[row(9, "Tell me the walrus bonus.", "40 euros", "pay")])
    answers = {(None, f"Question: {text}"): RIGHT for text in ("Tell me the walrus bonus.", "Anything else?")}
    lab = Lab(Settings(home=home), FakeGenerator(answers, context_tokens=4096), HashingEmbedder())
    lab.library.update(lab.task("tiny"))
    return lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("api") / "home")


@pytest.fixture(scope="module")
def page(lab):
    page = build_page(lab)
    _, address, _ = page.queue().launch(prevent_thread_lock=True, ssr_mode=False, quiet=True, server_port=None)
    yield page, address
    page.close()


@pytest.fixture(scope="module")
def client(page):
    return Client(page[1], verbose=False)


def test_every_other_event_is_private(page):
    public = {handler.api_name for handler in page[0].fns.values() if handler.api_visibility != "private"}
    assert public == PUBLIC


def test_the_endpoints_are_typed_and_documented(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert {name.strip("/") for name in endpoints} == PUBLIC
    for name, endpoint in endpoints.items():
        assert endpoint["description"], name
        assert all(given["type"] for given in endpoint["parameters"]), name
        (result,) = endpoint["returns"]
        assert result["type"]["properties"], name
        assert "request" not in {given["parameter_name"] for given in endpoint["parameters"]}


def test_one_approach_answers_and_shows_what_it_saw(client, lab):
    answer = client.predict("tiny", "Tell me the walrus bonus.", approach="rag", api_name="/ask")
    assert (answer["approach"], answer["text"], answer["valid"]) == ("rag", RIGHT, True)
    assert answer["value"] == json.loads(RIGHT)
    best = answer["passages"][0]
    document = lab.library.load_index(lab.task("tiny")).load_document(best["document"])
    assert document.text[best["start"] : best["end"]] == best["text"]


def test_approaches_answer_side_by_side_and_say_what_they_lack(client):
    compared = client.predict("tiny", " Tell me the walrus bonus. ", ["qlora", "base", "rag"], api_name="/compare")
    assert compared["expected"] == json.loads(RIGHT)
    qlora, base, rag = compared["answers"]
    assert [one["approach"] for one in compared["answers"]] == ["qlora", "base", "rag"]
    assert "adapter" in qlora["missing"]
    assert qlora["value"] is None
    assert (base["missing"], base["passages"], rag["missing"]) == ("", [], "")
    other = client.predict("tiny", "Anything else?", ["base"], api_name="/compare")
    assert other["expected"] is None


def test_a_search_says_whether_it_found_anything(client, lab):
    found = client.predict("tiny", "walrus bonus euros", passages=1, api_name="/search")
    assert [one["document"] for one in found["passages"]] == ["pay"]
    only = client.predict("tiny", "walrus bonus", documents=["time"], mode="bm25", api_name="/search")
    assert {one["document"] for one in only["passages"]} <= {"time"}
    assert found["relevant"] is not None
    assert judge_hits(lab, lab.task("tiny"), "x", []) is None


@pytest.mark.parametrize(
    ("answer", "valid", "stage"),
    [
        (RIGHT, True, "strict"),
        (json.loads(RIGHT), True, "strict"),
        (f"Surely: {RIGHT}", False, "extracted"),
        ('{"answer": 4}', False, "strict"),
        ("no", False, "failed"),
    ],
)
def test_answers_of_others_are_validated(client, answer, valid, stage):
    result = client.predict("tiny", answer, api_name="/validate")
    assert (result["valid"], result["stage"]) == (valid, stage)
    assert valid or result["issues"] or stage == "extracted"


def test_tasks_and_bundled_runs_are_listed(client):
    tasks = {task["name"]: task for task in client.predict(api_name="/tasks")["tasks"]}
    assert tasks["tiny"]["index"] == "ready"
    assert tasks["tiny"]["answer_schema"]["required"] == ["answer", "area", "sure"]
    assert "rag" in tasks["tiny"]["approaches"]
    assert all("rag" in task["approaches"] or not task["documents"] for task in tasks.values())
    runs = client.predict("hiring-handbook", api_name="/runs")["runs"]
    assert [run["bundled"] for run in runs] == [True]
    assert runs[0]["card"]["sentence"]
    assert client.predict("tiny", api_name="/runs") == {"runs": [], "damaged": []}


@pytest.mark.parametrize(
    ("values", "endpoint", "sentence"),
    [
        (["nowhere", "x"], "ask", "There is no task 'nowhere'"),
        (["/etc", "x"], "ask", "no name of a task"),
        (["../tiny", "{}"], "validate", "no name of a task"),
        (["tiny", "  "], "ask", "There is no question"),
        (["tiny", "x" * 20_001], "compare", "20,001 characters"),
        (["tiny", "x", "best"], "ask", "There is no arm 'best'"),
        (["tiny", "x", "oracle"], "ask", "control"),
        (["tiny", "x", "qlora"], "ask", "adapter"),
        (["tiny", "x", "rag", "loud"], "ask", "decoding: Input should be 'free'"),
        ([5, "x"], "ask", "task: Input should be a valid string"),
        (["tiny", "x", 0], "search", "0 passages"),
        (["tiny", "x", "five"], "search", "passages: Input should be a valid integer"),
        (["tiny", "x", 3, "magic"], "search", "mode: Input should be 'hybrid'"),
        (["tiny", 7], "validate", "answer"),
        (["", 0], "runs", "0 runs"),
    ],
)
def test_errors_are_sentences(client, values, endpoint, sentence):
    with pytest.raises(AppError, match=sentence) as raised:
        client.predict(*values, api_name=f"/{endpoint}")
    assert "Traceback" not in str(raised.value)


def test_a_damaged_run_hides_no_other(tmp_path):
    lab = make_lab(tmp_path / "home")
    (tmp_path / "home" / "runs" / "broken").mkdir(parents=True)
    listed = PublicEndpoints(lab).list_runs()
    assert listed["runs"]
    assert "broken" in listed["damaged"][0]

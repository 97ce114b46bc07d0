"""What a visitor may take of a shared machine, and that one's own machine knows no limit."""

import math
from dataclasses import replace

import pytest

from core.errors import LabError
from core.jobs import JobStatus
from core.storage import write_json
from finetune.config import TrainConfig
from lab.limits import HOSTED, VisitorLimits, check_disk, check_folder, check_question, check_request, check_task, measure
from lab.requests import CompareRequest, IndexRequest, ProbeRequest, TrainRequest, TuneRequest
from tests.conftest import row, write_task

FAIR = TrainConfig(minutes=5)
ARMS = ("base", "rag")
TOO_MUCH = [
    TrainRequest("tiny", config=TrainConfig()),
    TrainRequest("tiny", config=TrainConfig(minutes=10_000)),
    TrainRequest("tiny", config=TrainConfig(minutes=5, epochs=1e9)),
    TrainRequest("tiny", config=TrainConfig(minutes=5, rank=128)),
    TrainRequest("tiny", config=TrainConfig(minutes=5, batch_size=4096)),
    TrainRequest("tiny", config=TrainConfig(minutes=5, evaluations=10**6)),
    TrainRequest("tiny", config=TrainConfig(minutes=5, holdout=10**6)),
    TrainRequest("tiny", model="/srv/another", config=FAIR),
    ProbeRequest("tiny", config=FAIR, rates=(1e-3,) * 50),
    CompareRequest("tiny", arms=ARMS, limit=None),
    CompareRequest("tiny", arms=ARMS, limit=10**6),
    CompareRequest("tiny", arms=ARMS, limit=100, shot_draws=50),
    CompareRequest("tiny", arms=ARMS, limit=100, adapters=("a",) * 50),
    CompareRequest("tiny", arms=ARMS, limit=10, batch_size=10**4),
    TuneRequest("tiny", minutes=10_000),
    TuneRequest("tiny", minutes=0),
    TuneRequest("tiny", minutes=math.nan),
]
ENOUGH = [
    TrainRequest("tiny", config=FAIR),
    ProbeRequest("tiny", config=FAIR),
    CompareRequest("tiny", arms=ARMS, limit=50),
    IndexRequest("tiny"),
    TuneRequest("tiny"),
]


@pytest.fixture
def visitor(settings):
    return replace(settings, hosted=True).for_visitor("cookie:a")


def start_fake(settings, name, state="queued"):
    status = JobStatus(state, heartbeat=2**40)  # Just being started, so it counts as alive.
    write_json(settings.folder("jobs") / name / "status.json", status.as_json())
    write_json(settings.folder("jobs") / name / "config.json", {"kind": "index", "task": "tiny"})


@pytest.mark.parametrize("request_", TOO_MUCH, ids=repr)
def test_too_much_is_a_sentence_for_a_visitor_and_fine_at_home(settings, visitor, request_):
    with pytest.raises(LabError, match="(?i)at most|give|this page"):
        check_request(visitor, request_)
    check_request(settings, request_)
    check_request(replace(settings, hosted=True), request_)


@pytest.mark.parametrize("request_", ENOUGH, ids=repr)
def test_what_is_usual_is_allowed(visitor, request_):
    check_request(visitor, request_)


def test_jobs_of_one_visitor_and_of_all_are_counted(settings, visitor):
    host = replace(settings, hosted=True)
    for number in range(HOSTED.queued):
        check_request(visitor, IndexRequest("tiny"))
        start_fake(visitor, f"2026010{number}-index-a")
    with pytest.raises(LabError, match="3 jobs of yours"):
        check_request(visitor, IndexRequest("tiny"))
    check_request(host.for_visitor("cookie:b"), IndexRequest("tiny"))
    for number in range(HOSTED.waiting):
        start_fake(host.for_visitor(f"cookie:{number}"), "20260101-index-a")
    with pytest.raises(LabError, match="jobs of all visitors"):
        check_request(host.for_visitor("cookie:new"), IndexRequest("tiny"))


def test_a_disk_that_is_full_takes_nothing_more(visitor):
    visitor.folder("tasks").mkdir(parents=True)
    (visitor.folder("tasks") / "rows").write_bytes(b"x" * 1000)
    assert measure(visitor.home) == 1000
    assert measure(visitor.home / "not there") == 0
    check_disk(visitor, limits=VisitorLimits(disk_bytes=1000))
    for more, limits in ((1, VisitorLimits(disk_bytes=1000)), (0, VisitorLimits(disk_bytes=999))):
        with pytest.raises(LabError, match="what a visitor may keep"):
            check_disk(visitor, more=more, limits=limits)


def test_tasks_and_questions_have_a_size(settings, visitor, tmp_path):
    rows = [row(number, f"Question {number}?", "a", "pay") for number in range(6)]
    folder = write_task(tmp_path / "ready", train=rows, test=rows[:1])
    check_folder(visitor, folder)
    for limits, said in (
        (VisitorLimits(rows=6), "rows"),
        (VisitorLimits(documents=1), "documents"),
        (VisitorLimits(task_bytes=100), "unpacks to"),
    ):
        with pytest.raises(LabError, match=said):
            check_folder(visitor, folder, limits)
        check_folder(settings, folder, limits)
    with pytest.raises(LabError, match="rows"):
        check_task(visitor, rows=HOSTED.rows + 1, documents=0)
    with pytest.raises(LabError, match="characters in a question"):
        check_question(visitor, "x" * (HOSTED.question + 1))
    check_question(settings, "x" * (HOSTED.question + 1))

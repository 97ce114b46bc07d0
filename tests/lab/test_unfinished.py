"""Comparisons without an end: each is named once, with what asks for it again, and gone when it is finished."""

import json
import time
from dataclasses import replace

import pytest

from core.errors import Cancelled
from core.generation.fake import FakeGenerator
from core.jobs import CONFIG, STATUS, JobConfig, JobStatus
from core.storage import write_json
from lab.comparison import compare_arms
from lab.judging import REGISTERED
from lab.lab import Lab
from lab.requests import CompareRequest
from lab.unfinished import list_unfinished
from tests.conftest import row, write_task

ARMS = ("zero_shot", "base")


class Watcher:
    """Stops after some reports."""

    def __init__(self, reports=10**9):
        self.left = reports

    def __call__(self, *_, **__):
        self.left -= 1
        if self.left < 0:
            raise Cancelled

    def check(self):
        pass

    def record(self, event):
        pass

    def say(self, text):
        pass


@pytest.fixture
def lab(settings, embedder):
    return Lab(settings, generator=FakeGenerator(), embedder=embedder)


@pytest.fixture
def request_(settings):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(16)]
    write_task(settings.folder("tasks") / "bonuses", train=rows[:8], test=rows[8:])
    return CompareRequest("bonuses", arms=ARMS)


def stop(lab, request, reports):
    with pytest.raises(Cancelled):
        compare_arms(lab, request, Watcher(reports))


def add_job(settings, request, state):
    folder = settings.folder("jobs") / f"20261126-100000-compare-{state}"
    write_json(folder / CONFIG, JobConfig("compare", "bonuses", time.time(), request.as_json()).as_json())
    write_json(folder / STATUS, JobStatus(state, heartbeat=time.time()).as_json())
    return folder.name


@pytest.mark.parametrize("reports", [1, 12])
def test_a_stopped_comparison_is_named_once_until_it_is_finished(lab, settings, request_, reports):
    assert list_unfinished(settings).whole == []
    stop(lab, request_, reports)
    (one,) = list_unfinished(settings).whole
    assert (one.task, one.arms, one.items, one.job) == ("bonuses", ARMS, 8, None)
    assert one.request == request_
    assert list_unfinished(settings, task="other").whole == []
    stop(lab, replace(request_, limit=4), 1)
    assert {other.request.limit for other in list_unfinished(settings).whole} == {None, 4}
    compare_arms(lab, one.request, Watcher())
    assert [other.request.limit for other in list_unfinished(settings).whole] == [4]


def test_of_a_job_the_job_is_named(lab, settings, request_):
    stop(lab, request_, 1)
    name = add_job(settings, replace(request_, fresh=True), "cancelled")
    (one,) = list_unfinished(settings).whole
    assert (one.job, one.state, one.items) == (name, "stopped", 8)
    add_job(settings, replace(request_, seed=7), "done")
    assert len(list_unfinished(settings).whole) == 1


def test_damage_and_older_records_are_named(lab, settings, request_):
    stop(lab, request_, 1)
    (file,) = settings.folder(REGISTERED).iterdir()
    older = json.loads(file.read_text())
    del older["request"]
    (settings.folder(REGISTERED) / "older.json").write_text(json.dumps(older))
    (settings.folder(REGISTERED) / "torn.json").write_text("{")
    (settings.folder(REGISTERED) / "odd.json").write_text('{"arms": 3}')
    listing = list_unfinished(settings)
    assert sorted((one.task, one.request is None) for one in listing.whole) == [("", True), ("bonuses", False)]
    assert [sentence.split(":")[0] for sentence in listing.damaged] == ["odd.json", "torn.json"]

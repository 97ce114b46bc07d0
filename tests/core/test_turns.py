"""Whose turn it is: no visitor's many jobs stand before another's first one."""

from dataclasses import replace

import pytest

from core.jobs import JobStatus
from core.storage import write_json
from core.turns import list_turns


@pytest.fixture
def host(settings):
    return replace(settings, hosted=True)


def start(settings, name, state="queued", **more):
    status = JobStatus(state, **{"heartbeat": 2**40, **more})  # Just being started, so it counts as alive.
    write_json(settings.folder("jobs") / name / "status.json", status.as_json())
    return settings.folder("jobs") / name


def test_visitors_take_turns(host):
    first, second, third = (host.for_visitor(key) for key in "abc")
    jobs = [start(first, name) for name in ("01", "02", "03")]
    late = [start(second, "11"), start(second, "12")]
    last = start(third, "21")
    assert list_turns(first) == [jobs[0], late[0], last, jobs[1], late[1], jobs[2]]
    assert list_turns(host) == list_turns(third)


def test_whoever_was_just_served_goes_last(host):
    first, second = host.for_visitor("a"), host.for_visitor("b")
    start(first, "01", state="done", heartbeat=100.0, step=5)
    waiting, other = start(first, "02"), start(second, "11")
    assert list_turns(host) == [other, waiting]
    start(second, "10", state="cancelled", heartbeat=200.0)  # It never had the device.
    assert list_turns(host) == [other, waiting]
    start(second, "10", state="cancelled", heartbeat=200.0, step=1)
    assert list_turns(host) == [waiting, other]


def test_the_host_waits_as_everybody(host):
    theirs, own = start(host.for_visitor("a"), "01"), start(host, "02")
    assert list_turns(host) == [theirs, own]

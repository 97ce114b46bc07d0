"""How often a panel looks at its job."""

import time
from dataclasses import asdict

import pytest

from core.jobs import STATUS, JobStatus
from core.storage import write_json
from ui.page.polling import BUSY_SECONDS, IDLE_SECONDS, choose_interval


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        ("queued", BUSY_SECONDS),
        ("running", BUSY_SECONDS),
        ("done", IDLE_SECONDS),
        ("failed", IDLE_SECONDS),
        ("cancelled", IDLE_SECONDS),
    ],
)
def test_only_an_active_job_is_looked_at_often(settings, state, seconds):
    folder = settings.folder("jobs") / "20260101-000000-train-1111"
    write_json(folder / STATUS, asdict(JobStatus(state, heartbeat=time.time())))
    assert choose_interval(settings, folder.name) == seconds


def test_no_job_and_a_job_that_is_gone_are_idle(settings):
    assert choose_interval(settings, None) == IDLE_SECONDS
    assert choose_interval(settings, "20990101-000000-train-0000") == IDLE_SECONDS

"""How a job stands, in words and colour."""

import pytest

from core.jobs import JobStatus
from ui.page.rendering import render_note, render_status


@pytest.mark.parametrize(("state", "kind"), [("done", "mark right"), ("failed", "mark wrong"), ("cancelled", "mark missing")])
def test_a_job_that_ended_has_its_colour_and_no_step(state, kind):
    html = render_status(JobStatus(state, step=0, total=10, message="It ended."), "job-1", ["ragft", "compare"])
    assert kind in html
    assert "step 0 of 10" not in html
    assert "progressbar" not in html


def test_a_job_that_runs_says_where_it_is():
    html = render_status(JobStatus("running", step=5, total=20, eta=30.0), "job-1", [])
    assert 'aria-valuenow="25"' in html
    assert "step 5 of 20 · about 30 s left" in html


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("Build it: `ragft index <t>`.", "Build it: <code>ragft index &lt;t&gt;</code>."),
        ("`a` and `b`", "<code>a</code> and <code>b</code>"),
        ("one ` alone <", "one ` alone &lt;"),
        ("`a` then ` alone", "<code>a</code> then ` alone"),
        ("none", "none"),
    ],
)
def test_commands_in_a_sentence_are_shown_as_code_and_the_rest_is_escaped(sentence, shown):
    assert shown in render_note(sentence)

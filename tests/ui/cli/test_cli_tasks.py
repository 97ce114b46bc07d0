"""The list of tasks on the command line and on the page, with damaged ones among them."""

import json
import sys

import pytest

from core.settings import BUNDLED_TASKS, read_settings
from tests.conftest import row, write_task
from ui.cli.main import main
from ui.page.choices import FIRST, list_choices


def test_a_damaged_task_stands_in_its_place_and_the_page_leaves_it_out(monkeypatch, capsys, caplog):
    mine = read_settings().folder("tasks")
    write_task(mine / "b-bad", train=[], test=[row(2, "r", "a", "pay")], schema={"type": 7})
    write_task(mine / "c-good", train=[row(1, "q", "a", "pay")], test=[row(2, "r", "a", "pay")])
    monkeypatch.setattr(sys, "argv", ["ragft", "tasks", "--json"])
    with pytest.raises(SystemExit, match="0"):
        main()
    rows = json.loads(capsys.readouterr().out)
    bad, good = rows[-2:]
    assert bad["name"] == "b-bad"
    assert bad["title"].startswith(f"unusable: {mine / 'b-bad' / 'schema.json'} is not a JSON Schema")
    assert (bad["train"], bad["test"]) == (0, 0)
    assert (good["name"], good["train"], good["test"]) == ("c-good", 1, 1)
    assert len(rows) == len(list(BUNDLED_TASKS.glob("*/task.toml"))) + 2
    names = [name for _, name in list_choices(read_settings())]
    assert names[0] == FIRST
    assert sorted(names) == sorted(item["name"] for item in rows if item["name"] != "b-bad")
    assert "Left out: b-bad" in caplog.text


def test_the_exams_report_is_words():
    from ui.cli.exam import list_exam

    exam = {
        "items": 310, "independent_units": 94, "effective_units": 60.7, "detectable": {2: 0.122, 4: None},
        "without_model": {"majority": 0.148}, "overlap": {"seen": 0.33},
        "audit": {"items": 100, "agree": 0.97, "interval": {"mean": 0.97, "low": 0.92, "high": 0.99}},
    }  # fmt: skip
    facts = dict(list_exam(exam))
    assert facts["independent units"] == "94 of 310 items, worth 61 of equal size"
    assert facts["lead that it can show"] == "0.12 among 2, none among 4 approaches"
    assert facts["labels read again"] == "97% of 100 agree (92% to 99%)"
    assert "nobody has checked" in dict(list_exam({**exam, "audit": None}))["labels read again"]

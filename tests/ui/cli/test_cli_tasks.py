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

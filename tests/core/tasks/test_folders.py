"""Which folder a task is: names and paths from outside, damaged tasks beside whole ones."""

import os

import pytest

from core.errors import LabError
from core.settings import BUNDLED_TASKS
from core.tasks.archive import export_task, import_task
from core.tasks.folders import find_task, list_tasks, load_tasks, place_task
from core.tasks.loading import load_task, read_title
from tests.conftest import row, write_task

# Too long for a path, a NUL byte, nothing, dots, a user unknown here: none is a task, none is a bug of ours.
NO_NAMES = ["a" * 5000, "a/" * 5000, "a\0b", "", " ", "..\0", "~nobody-here/task", "\ud800"]


@pytest.mark.parametrize("name", NO_NAMES, ids=lambda name: repr(name[:8]))
def test_what_names_no_task_is_a_sentence(settings, name):
    with pytest.raises(LabError, match="There is no task") as caught:
        find_task(name, settings)
    assert len(caught.value.happened) < 500


@pytest.mark.parametrize("name", [*NO_NAMES, ".", "..", "../up", "a/b", ".hidden"], ids=lambda name: repr(name[:8]))
def test_what_is_no_name_makes_no_task(task_folder, tmp_path, name):
    with pytest.raises(LabError, match="is no name") as caught:
        place_task(tmp_path, name)
    assert len(caught.value.happened) < 500
    if name:
        with pytest.raises(LabError, match="is no name"):
            import_task(task_folder, tmp_path / "mine", name=name)


def test_a_path_is_a_task_too(settings, task_folder, monkeypatch):
    assert find_task(str(task_folder), settings) == task_folder.resolve()
    monkeypatch.chdir(task_folder.parent)
    assert find_task(task_folder.name, settings) == find_task(f"./{task_folder.name}/", settings)
    monkeypatch.setenv("HOME", str(task_folder.parent))
    assert find_task(f"~/{task_folder.name}", settings) == task_folder.resolve()
    with pytest.raises(LabError, match="has no task.toml"):
        find_task(os.curdir, settings)
    monkeypatch.chdir(task_folder)
    with pytest.raises(LabError, match="There is no task ''"):
        find_task("", settings)


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"], ids=["long", "nul"])
def test_an_archive_of_a_name_that_no_file_has_is_a_sentence(task_folder, tmp_path, name):
    with pytest.raises(LabError, match="There is no") as caught:
        import_task(tmp_path / name, tmp_path / "mine")
    assert len(caught.value.happened) < 500
    with pytest.raises(LabError, match="Cannot write"):
        export_task(task_folder, tmp_path / name)


def test_a_damaged_task_is_named_and_the_others_are_loaded(settings):
    mine = settings.folder("tasks")
    write_task(mine / "whole", train=[row(1, "q", "a", "pay")], test=[row(2, "r", "a", "pay")])
    write_task(mine / "broken", train=[], test=[row(2, "r", "a", "pay")], schema={"type": 7})
    (mine / "latin").mkdir()
    (mine / "latin" / "task.toml").write_bytes(b"title = '\xe9'")
    listing = load_tasks(settings)
    bundled = sorted(path.parent.name for path in BUNDLED_TASKS.glob("*/task.toml"))
    assert [task.name for task in listing.whole] == [*bundled, "whole"]
    assert [sentence.partition(": ")[0] for sentence in listing.damaged] == ["broken", "latin"]
    assert "is not a JSON Schema" in listing.damaged[0]
    assert "is not valid TOML" in listing.damaged[1]
    assert len(list_tasks(settings)) == len(bundled) + 3


def test_a_title_is_read_of_usable_tasks_only(tmp_path):
    bad, good = {"id": "t1", "input": ""}, row(2, "r", "a", "pay")
    write_task(tmp_path / "whole", train=[row(1, "q", "a", "pay")], test=[bad, good])
    assert read_title(tmp_path / "whole") == load_task(tmp_path / "whole", lenient=True).title
    write_task(tmp_path / "useless", train=[row(1, "q", "a", "pay")], test=[bad])
    for read in (read_title, lambda folder: load_task(folder, lenient=True)):
        with pytest.raises(LabError, match="no usable example"):
            read(tmp_path / "useless")

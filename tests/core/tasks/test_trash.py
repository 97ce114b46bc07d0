"""The trash: everything goes and comes back together, or nothing does."""

import json

import pytest

from core.errors import LabError
from core.tasks import trash
from core.tasks.trash import ENTRY, KEPT_SECONDS, empty_trash, list_trash, remove_for_good, restore, throw_away


@pytest.fixture
def folders(settings):
    made = [settings.folder("tasks") / "mine", settings.folder("indexes") / "mine", settings.folder("indexes") / "none"]
    for folder in made[:2]:
        folder.mkdir(parents=True)
        (folder / "file.txt").write_text(folder.parent.name)
    return made


def test_what_was_thrown_away_comes_back_as_it_was(settings, folders):
    entry = throw_away(settings, "mine", "Mine", folders)
    assert not any(folder.exists() for folder in folders)
    assert [known.id for known in list_trash(settings).whole] == [entry.id]
    assert restore(settings, entry.id).parts == ("tasks/mine", "indexes/mine")
    assert [folder.joinpath("file.txt").read_text() for folder in folders[:2]] == ["tasks", "indexes"]
    assert list_trash(settings).whole == []
    with pytest.raises(LabError, match="any more"):
        restore(settings, entry.id)


def test_a_name_that_was_taken_meanwhile_is_not_overwritten(settings, folders):
    entry = throw_away(settings, "mine", "Mine", folders)
    folders[0].mkdir()
    with pytest.raises(LabError, match="again"):
        restore(settings, entry.id)
    assert list(folders[0].iterdir()) == []
    folders[0].rmdir()
    restore(settings, entry.id)


def test_a_disk_that_refuses_leaves_all_where_it_was(settings, folders, monkeypatch):
    real = trash.os.replace

    def refuse(source, target):
        if source == folders[1]:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(trash.os, "replace", refuse)
    with pytest.raises(LabError, match="No space left"):
        throw_away(settings, "mine", "Mine", folders)
    assert [folder.joinpath("file.txt").read_text() for folder in folders[:2]] == ["tasks", "indexes"]
    assert list_trash(settings).whole == []


def test_after_a_day_it_is_gone_for_good_and_not_before(settings, folders):
    throw_away(settings, "mine", "Mine", folders, now=1000.0)
    assert empty_trash(settings, now=1000.0 + KEPT_SECONDS - 1) == []
    assert empty_trash(settings, now=1000.0 + KEPT_SECONDS) == ["mine"]
    assert list(settings.folder("trash").iterdir()) == []


def test_a_damaged_entry_is_named_and_hides_no_other(settings, folders):
    entry = throw_away(settings, "mine", "Mine", folders)
    bad = settings.folder("trash") / "20260101-000000-bad"
    bad.mkdir()
    (bad / ENTRY).write_text(json.dumps({"id": 7}))
    listing = list_trash(settings)
    assert [known.id for known in listing.whole] == [entry.id]
    assert "20260101-000000-bad" in listing.damaged[0]
    remove_for_good(settings, entry.id)
    assert not folders[0].exists()


@pytest.mark.parametrize("name", ["", "..", "../tasks", "a/b", "x\0y"])
def test_no_name_leads_out_of_the_trash(settings, folders, name):
    with pytest.raises(LabError, match="deleted task"):
        restore(settings, name)

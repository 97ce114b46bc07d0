"""Nothing of a visitor is seen or changed by another, by any handler of the page, named or not."""

import shutil

import pytest

from tests.ui.page.visitors.strangers import SECRET, A, B, fill, hash_tree, make_strangers


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    monkeypatch.setattr("core.jobs._spawn", lambda *given: None)  # No job of theirs computes.
    monkeypatch.setattr("core.jobs.POLL_SECONDS", 0.01)
    return make_strangers(tmp_path / "home")


@pytest.mark.slow
def test_no_handler_shows_or_changes_what_is_anothers(strangers, tmp_path):
    """A's own calls show A's things, so the test sees what it must not find, and what the page remembers is warm."""
    home = strangers.mine.settings.home
    before = hash_tree(home)
    shutil.copytree(home, tmp_path / "kept")
    handlers = [handler for handler in strangers.page.fns.values() if handler.fn is not None]
    assert len(handlers) > 100
    seen = set()
    for kind in ("task", "run", "job", "adapter"):
        for handler in handlers:
            if hash_tree(home) != before:  # The last call deleted something.
                shutil.rmtree(home, ignore_errors=True)
                shutil.copytree(tmp_path / "kept", home)
            if SECRET in strangers.call(handler, fill(handler, strangers.names[kind], "secret-task"), A):
                seen.add(handler._id)
    assert len(seen) >= 15
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(tmp_path / "kept", home)
    asked = set()
    for task in ("secret-task", "offered"):
        for kind, name in strangers.names.items():
            for handler in handlers:
                values = fill(handler, name, task)
                if (call := (handler._id, repr(values))) in asked:
                    continue
                asked.add(call)
                told = strangers.call(handler, values, B)
                assert SECRET not in told, (handler.fn, kind, task, told[:500])
    assert hash_tree(home) == before

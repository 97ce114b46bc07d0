"""What a visitor of a shared page is told, and that all of theirs goes when they ask for it."""

import pytest

from core.generation.fake import FakeGenerator
from core.settings import Settings
from lab.lab import Lab
from tests.conftest import HashingEmbedder
from ui.page.visitors.door import find_door, guard
from ui.page.visitors.offers import offer_folder, offer_to_all, sweep
from ui.page.visitors.panel import remove_all, render_banner


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return Lab(Settings(home=tmp_path / "home", hosted=True), FakeGenerator({}), HashingEmbedder())


def test_the_banner_says_limits_and_how_long_things_are_kept(host):
    mine = host.for_visitor("cookie:a")
    mine.settings.folder("tasks").mkdir(parents=True)
    (mine.settings.folder("tasks") / "rows").write_bytes(b"x" * 2**20)
    told = render_banner(mine, signed_in=False)
    assert "1.0 MiB of 300.0 MiB" in told
    assert "24 hours" in told
    assert "cookie" in told
    assert "Hugging Face" in render_banner(mine, signed_in=True)
    assert str(mine.settings.home) not in told


def test_all_of_ones_own_goes_at_once(host, tmp_path):
    door = find_door(guard(host))
    mine, theirs = door.open("cookie:a"), door.open("cookie:b")
    upload, both = tmp_path / "upload.csv", tmp_path / "both.csv"
    offers = []
    for lab in (mine, theirs):
        lab.settings.folder("tasks").mkdir(parents=True)
        offers.append(offer_folder(lab.settings))
    for file, owners in ((upload, ["cookie:a"]), (both, ["cookie:a", "cookie:b"])):
        file.write_text("a,b")
        for owner in owners:
            door.claims.share("file", str(file), owner)
    remove_all(door, "cookie:a")
    left = [path.exists() for path in (mine.settings.home, offers[0], upload, theirs.settings.home, offers[1], both)]
    assert left == [False, False, False, True, True, True]
    assert not door.claims.owns("file", str(both), "cookie:a")
    assert door.open("cookie:a") is not mine


def test_on_ones_own_machine_there_is_no_door(tmp_path):
    lab = Lab(Settings(home=tmp_path))
    assert guard(lab) is lab
    assert find_door(lab) is None


def test_outside_of_a_request_nothing_is_anybodys(host):
    view = guard(host)
    assert view.settings.home == host.settings.home  # While the page is built.
    kept = view.settings
    find_door(view).close()
    for ask in (lambda: view.settings, lambda: kept.home, lambda: view.task("x")):
        with pytest.raises(LookupError, match="outside of any visitor"):
            ask()


def test_offers_leave_no_folder_behind(host, tmp_path):
    settings = host.for_visitor("cookie:a").settings
    first, second = offer_folder(settings), offer_folder(settings)
    assert first != second
    sweep(first.parent, kept_seconds=-1)
    assert list(first.parent.iterdir()) == []
    (tmp_path / "sample.csv").write_text("a,b")
    assert offer_to_all(tmp_path / "sample.csv") == offer_to_all(tmp_path / "sample.csv")

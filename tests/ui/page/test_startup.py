"""What is made beside a page that has started."""

from core.generation.fake import FakeGenerator
from lab.lab import Lab
from tests.conftest import HashingEmbedder, row, write_task
from ui.page.startup import offer_indexes

ROWS = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(8)]


def test_indexes_are_made_once_and_a_task_that_fails_stops_no_other(settings, monkeypatch, caplog):
    for name in ("none", "one", "two"):
        folder = write_task(settings.folder("tasks") / name, train=ROWS[:4], test=ROWS[4:])
        for old in (folder / "documents").glob("*"):
            old.unlink()
    (settings.folder("tasks") / "none" / "documents").mkdir(exist_ok=True)
    for name in ("one", "two"):
        (settings.folder("tasks") / name / "documents").mkdir(exist_ok=True)
        (settings.folder("tasks") / name / "documents" / "pay.md").write_text("# Pay\n\nBonus 1 is 1 euro.\n")
    monkeypatch.setattr(
        "ui.page.startup.list_choices", lambda settings: [(name, name) for name in ("none", "gone", "one", "two")]
    )
    lab = Lab(settings, generator=FakeGenerator({}), embedder=HashingEmbedder())
    offer_indexes(lab)
    made = {name: lab.library.index_folder(lab.task(name)) for name in ("none", "one", "two")}
    assert {name: folder.is_dir() for name, folder in made.items()} == {"none": False, "one": True, "two": True}
    assert "No index is offered of none" in caplog.text
    assert "No index is offered of gone" in caplog.text
    stamps = [(folder / "CURRENT").stat().st_mtime_ns for name, folder in made.items() if name != "none"]
    offer_indexes(lab)  # Nothing changed, so nothing is written.
    assert [(folder / "CURRENT").stat().st_mtime_ns for name, folder in made.items() if name != "none"] == stamps

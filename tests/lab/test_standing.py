"""How a task stands, what is sensible next, and the stored answers that a visitor sees first."""

import pytest
from adapter_files import fake_adapter
from run_files import answer_right, answer_wrong, store_run

from core.tasks.loading import load_task
from lab.lab import Lab
from lab.showcase import Shelf
from lab.standing import describe_standing, list_fitting_arms
from tests.conftest import row, write_task


@pytest.fixture
def own(settings):
    rows = [row(n, f"How high is bonus {n}?", f"{n} euros", "pay") for n in range(12)]
    return load_task(write_task(settings.folder("tasks") / "bonuses", train=rows[:6], test=rows[6:]))


@pytest.fixture
def lab(settings, embedder, monkeypatch, tmp_path):
    monkeypatch.setattr("lab.standing.find_model", lambda settings: tmp_path)
    monkeypatch.setattr("lab.standing.hash_weights", lambda folder: "none")
    return Lab(settings, embedder=embedder)


def test_the_next_step_is_the_first_that_was_not_taken(lab, settings, own):
    seen = []

    def look():
        standing = describe_standing(lab, own)
        seen.append((standing.index, standing.adapters, standing.step))

    look()
    lab.library.update(own)
    look()
    (own.documents_folder / "late.md").write_text("# Late\n\nCame later.")
    look()
    lab.library.update(own)
    fake_adapter(settings, "a1", weights="other", task=own.name, config={"prompts": "mixed"})
    look()
    assert seen == [
        ("none", 0, "index"), ("ready", 0, "train"), ("stale", 0, "update"), ("ready", 0, "train"),
    ]  # fmt: skip
    store_run(settings, own, "r", {"base": answer_right, "zero_shot": answer_wrong})
    standing = describe_standing(lab, own)
    assert standing.run is not None
    assert standing.step == "train"  # What does not fit is none.


def test_a_task_without_documents_lacks_no_index_and_offers_what_fits(lab, own):
    for path in own.documents_folder.iterdir():
        path.unlink()
    standing = describe_standing(lab, own)
    assert (standing.documents, standing.index, standing.step) == (0, "no documents", "train")
    offered, ticked = list_fitting_arms(0)
    assert "rag" not in offered
    assert "hybrid" not in offered
    assert "rag_examples" in ticked
    assert list_fitting_arms(3)[1] == ["base", "rag", "qlora", "hybrid"]
    assert not any(name.startswith(("oracle", "wrong", "shuffled")) for name in list_fitting_arms(3)[0])


def test_stored_answers_are_those_of_the_newest_run_that_holds_the_question(lab, settings, own):
    shelf = Shelf(lab)
    assert shelf.find(own) is None
    store_run(settings, own, "2026-1", {"base": answer_wrong}, items=own.test)
    store_run(settings, own, "2026-2", {"base": answer_right}, items=own.test[:2])
    assert shelf.find(own, own.test[0].id).run.id == "2026-2"
    assert shelf.find(own, own.test[5].id).run.id == "2026-1"
    assert shelf.find(own, "nowhere") is None
    assert shelf.find(own).run.id == "2026-2"


def test_the_first_question_tells_the_approaches_apart(lab, settings, own):
    def differ(item):
        return answer_right(item) if item.id == own.test[3].id else answer_wrong(item)

    store_run(settings, own, "r", {"base": answer_wrong, "rag": differ})
    assert Shelf(lab).find(own).row.item.id == own.test[3].id

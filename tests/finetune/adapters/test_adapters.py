"""The registry of adapters: cards old and new, damage, choice, selection, deletion."""

import json

import pytest
from adapter_files import CARD, fake_adapter

from core.errors import LabError
from core.storage import read_json, write_json, write_manifest
from core.stored import Listing
from finetune.adapters.card import rank_adapter, read_card
from finetune.adapters.store import (
    check_adapters,
    delete_adapter,
    find_base,
    find_folder,
    find_licence,
    list_adapters,
    list_cards,
    load_card,
    select_adapter,
)


def test_a_card_from_before_a_field_existed_is_read(settings):
    folder = fake_adapter(settings, "old")
    values = read_json(folder / "card.json")
    for name in ("licence", "environment", "instruction", "schema", "trained_on", "dropped"):
        del values[name]
    write_json(folder / "card.json", {**values, "a_later_field": 1})
    card = read_card(folder)
    assert (card.id, card.licence, card.environment, card.trained_on) == ("old", {}, {}, ())
    assert card.as_json()["a_later_field"] == 1  # It is kept, and no field is called `extra`.
    assert "extra" not in card.as_json()


@pytest.mark.parametrize(
    "change", [{"id": 3}, {"config": []}, {"trained_on": "text"}, {"trained_on": [1]}, {"task": None}, {"weights": ...}]
)
def test_a_card_of_another_form_is_refused(settings, change):
    folder = fake_adapter(settings, "odd")
    values = {**read_json(folder / "card.json"), **change}
    write_json(folder / "card.json", {key: value for key, value in values.items() if value is not ...})
    with pytest.raises(LabError, match=rf"card\.json is damaged: {next(iter(change))}"):
        read_card(folder)


def test_a_damaged_adapter_is_named_and_the_others_stay(settings):
    assert check_adapters(settings) == Listing([], [])
    for name in ("a", "b", "c", "d"):
        fake_adapter(settings, name)
    home = settings.folder("adapters")
    (home / "b" / "adapter_model.safetensors").write_bytes(b"numbern")
    (home / "c" / "card.json").write_text("{")
    (home / "d" / "manifest.json").unlink()
    (home / ".half").mkdir()
    select_adapter(settings, "a")
    cards = check_adapters(settings)
    assert [card.id for card in cards.whole] == ["a"]
    assert [sentence.split(":")[0] for sentence in cards.damaged] == ["d", "c", "b"]
    assert "adapter_model.safetensors is damaged" in cards.damaged[2]
    read = list_cards(settings)  # The cards alone: whose weights are damaged, and who lacks a manifest, is read.
    assert [card.id for card in read.whole] == ["d", "b", "a"] == [card.id for card in list_adapters(settings)]
    assert [sentence.split(":")[0] for sentence in read.damaged] == ["c"]
    with pytest.raises(LabError, match="ragft adapters delete b"):
        load_card(settings, "b")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", ".hidden", "nobody", "a\n", "link", "file"])
def test_a_name_that_leads_elsewhere_is_no_adapter(settings, name, tmp_path):
    fake_adapter(settings, "a")
    (settings.folder("adapters") / ".hidden").mkdir()
    (settings.folder("adapters") / "link").symlink_to(tmp_path)
    (settings.folder("adapters") / "file").write_text("x")
    for action in (find_folder, delete_adapter, load_card, select_adapter):
        with pytest.raises(LabError, match="There is no adapter"):
            action(settings, name)
    assert [card.id for card in list_adapters(settings)] == ["a"]


def test_deleting_removes_the_folder_its_selection_and_nothing_else(settings):
    fake_adapter(settings, "1")
    damaged = fake_adapter(settings, "2")
    (damaged / "card.json").write_text("{")
    select_adapter(settings, "1")
    delete_adapter(settings, "1")
    delete_adapter(settings, "2")
    assert [path.name for path in settings.folder("adapters").iterdir()] == ["selected.json"]
    assert json.loads((settings.folder("adapters") / "selected.json").read_text()) == {}
    with pytest.raises(LabError, match="There is no adapter"):
        delete_adapter(settings, "1")


def test_an_interrupted_deletion_leaves_no_half_adapter(settings, monkeypatch):
    fake_adapter(settings, "1")
    monkeypatch.setattr("finetune.adapters.store.shutil.rmtree", lambda *_, **__: None)
    delete_adapter(settings, "1")
    assert list_adapters(settings) == []
    assert check_adapters(settings) == Listing([], [])


def test_the_base_is_found_by_its_weights(settings):
    for name in ("one", "two"):
        folder = settings.folder("models") / name
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_text(name)
        write_manifest(folder)
    from core.generation.loading import hash_weights

    assert find_base(settings, hash_weights(settings.folder("models") / "two")).name == "two"
    with pytest.raises(LabError, match=r"trained on weights wwwwwwwwwwww.*one \(.*two \("):
        find_base(settings, CARD.weights)


def test_the_licence_of_a_base_is_read_or_unknown(tmp_path):
    assert find_licence(tmp_path / "SmolLM2-135M-Instruct") == "Apache-2.0"
    assert find_licence(tmp_path) == "unknown"
    (tmp_path / "README.md").write_text("---\nlibrary_name: x\nlicense: mit\n---\nlicense: no\n")
    assert find_licence(tmp_path) == "mit"


def test_an_adapter_of_a_cancelled_training_comes_after_whole_ones(settings):
    fake_adapter(settings, "1", created="2026-01-01T00:00:00+00:00", outcome={"cancelled": False})
    fake_adapter(settings, "2", created="2026-01-02T00:00:00+00:00", outcome={"cancelled": True})
    assert [card.id for card in list_adapters(settings)] == ["2", "1"]
    assert max(list_adapters(settings), key=rank_adapter).id == "1"


def test_the_newest_is_the_one_made_last_whatever_its_id(settings):
    fake_adapter(settings, "9", created="2026-01-01T00:00:00+00:00")
    fake_adapter(settings, "1", created="2026-01-02T00:00:00+02:00")
    fake_adapter(settings, "z", created="some day")
    assert [card.id for card in check_adapters(settings).whole] == ["1", "9", "z"]

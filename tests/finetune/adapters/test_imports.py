"""An adapter from elsewhere is distrusted: what is unsafe, damaged or for another model is refused and nothing is kept."""

import json
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from adapter_files import CARD, tiny_adapter

from core.errors import LabError
from core.settings import Settings
from core.storage import verify_folder, write_manifest
from finetune.adapters.export import export_adapter
from finetune.adapters.fit import Need, choose_adapter, take_adapters
from finetune.adapters.importing import import_adapter
from finetune.adapters.store import check_adapters, delete_adapter, list_adapters, load_card

ADAPTER = "20260102-tiny"


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_model):
    """A home with an adapter, and the zip of it."""
    settings = Settings(home=tmp_path_factory.mktemp("made"), model=str(tiny_model))
    tiny_adapter(settings, tiny_model, ADAPTER)
    return settings, export_adapter(settings, ADAPTER, settings.home / "made.zip", form="zip")


@pytest.fixture
def here(tmp_path, tiny_model):
    """Another machine with the same base model."""
    return Settings(home=tmp_path / "home", model=str(tiny_model))


@pytest.fixture
def opened(made, tmp_path):
    """The unpacked zip, to be tampered with."""
    with zipfile.ZipFile(made[1]) as archive:
        archive.extractall(tmp_path / "opened")
    return tmp_path / "opened" / ADAPTER


@pytest.fixture
def foreign(opened):
    """The same adapter as peft alone would save it."""
    for name in ("card.json", "manifest.json", "README.md"):
        (opened / name).unlink()
    return opened


def pack(folder):
    return shutil.make_archive(str(folder.parent / "tampered"), "zip", folder.parent, folder.name)


def refuse(settings, source, words, **more):
    with pytest.raises(LabError, match=words):
        import_adapter(settings, Path(source), **more)
    assert not list(settings.folder("adapters").glob("*"))


def edit_config(folder, **changes):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_weights(folder, change):
    from safetensors.torch import load_file, save_file

    path = folder / "adapter_model.safetensors"
    values = load_file(path)
    save_file({key: value.contiguous() for key, value in change(values).items()}, path)


def answer(settings, model, adapter):
    from core.generation.decoder import load_generator
    from core.values import DecodeOptions, Message

    generator = load_generator(model, merge=True)
    prompts = [[Message("user", "How high is the walrus bonus?")]]
    folder = str(settings.folder("adapters") / adapter) if adapter else None
    return next(iter(generator.generate(prompts, adapter=folder, options=DecodeOptions(max_new_tokens=16))))[1].text


def test_exported_deleted_and_imported_it_is_the_same_adapter(made, tiny_model, tmp_path):
    import torch
    from safetensors.torch import load_file

    settings = Settings(home=tmp_path / "copy", model=str(tiny_model))
    shutil.copytree(made[0].home, settings.home)
    folder = settings.folder("adapters") / ADAPTER
    before, card, text = load_file(folder / "adapter_model.safetensors"), load_card(settings, ADAPTER), answer(
        settings, tiny_model, ADAPTER
    )  # fmt: skip
    path = export_adapter(settings, ADAPTER, tmp_path / "a.zip", form="zip")
    delete_adapter(settings, ADAPTER)
    assert not folder.exists()
    again = import_adapter(settings, path)
    folder = settings.folder("adapters") / again.id
    assert replace(card, id=again.id, created=again.created) == again == load_card(settings, again.id)
    after = load_file(folder / "adapter_model.safetensors")
    assert {key: torch.equal(after[key], value) for key, value in before.items()} == dict.fromkeys(before, True)
    verify_folder(folder, remedy="")
    assert answer(settings, tiny_model, again.id) == text != answer(settings, tiny_model, None)
    with pytest.raises(LabError, match=f"here already, as {again.id}"):
        import_adapter(settings, path)


def test_an_imported_adapter_is_chosen_listed_and_exported_again(made, here, tmp_path):
    card = import_adapter(here, made[1], task="other")
    assert card.task == "other"
    assert [item.id for item in list_adapters(here, task="other")] == [card.id]
    assert [item.id for item in check_adapters(here).whole] == [card.id]
    again = export_adapter(here, card.id, tmp_path / "again.zip", form="zip")
    with zipfile.ZipFile(again) as archive, zipfile.ZipFile(made[1]) as first:
        name = "adapter_config.json"
        configs = [json.loads(found.read(f"{place}/{name}")) for place, found in ((card.id, archive), (ADAPTER, first))]
    assert {**configs[0], "target_modules": 0} == {**configs[1], "target_modules": 0}
    assert configs[0]["target_modules"] == ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]


def test_a_folder_is_taken_in_as_a_zip_is(opened, here):
    card = import_adapter(here, opened)
    assert [item.id for item in check_adapters(here).whole] == [card.id]


def test_a_changed_added_or_lost_file_is_named(opened, here):
    (opened / "card.json").write_text((opened / "card.json").read_text().replace('"tiny"', '"tinz"'))
    refuse(here, pack(opened), "card.json is damaged.*changed after it was written")
    (opened / "manifest.json").unlink()
    refuse(here, pack(opened), "manifest.json lists something else")
    write_manifest(opened)
    (opened / "more.txt").write_text("x")
    refuse(here, pack(opened), "more.txt.*manifest.json lists something else")
    for text in ('{"files": 3}', "[]", json.dumps({"files": dict.fromkeys(path.name for path in opened.iterdir())})):
        (opened / "manifest.json").write_text(text)
        refuse(here, pack(opened), "lists something else")


@pytest.mark.parametrize("name", ["adapter_model.bin", "training_args.bin", "x.pt", "deep/x.PKL", "optimizer.pth"])
def test_a_pickle_is_refused_unopened(opened, here, name):
    (opened / name).parent.mkdir(exist_ok=True)
    (opened / name).write_bytes(b"\x80\x04.")
    refuse(here, pack(opened), f"{name.split('/')[-1]}, whose kind can run code")
    if "/" not in name:
        refuse(here, opened, f"{name}, whose kind can run code")


def test_paths_links_bombs_and_crowds_are_refused(opened, here, tmp_path, monkeypatch):
    for name, words in (("../evil", "unsafe path"), ("/evil", "unsafe path")):
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            archive.writestr(name, "x")
        refuse(here, tmp_path / "evil.zip", words)
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo(f"{ADAPTER}/adapter_config.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    refuse(here, tmp_path / "link.zip", "unsafe path")
    (opened / "README.md").unlink()
    (opened / "README.md").symlink_to("/etc/passwd")
    refuse(here, opened, "holds the link 'README.md'")
    (opened / "README.md").unlink()
    (tmp_path / "no.zip").write_text("hello")
    refuse(here, tmp_path / "no.zip", "no zip that can be read")
    refuse(here, tmp_path / "nothing", "There is no")
    (tmp_path / "empty").mkdir()
    refuse(here, tmp_path / "empty", "holds 0 adapters")
    path = pack(opened)
    monkeypatch.setattr("finetune.adapters.importing.MAX_BYTES", 1000)
    refuse(here, path, "the limit is")
    refuse(here, opened, "the limits are")
    monkeypatch.setattr("finetune.adapters.importing.MAX_BYTES", 2**30)
    monkeypatch.setattr("finetune.adapters.importing.MAX_FILES", 2)
    refuse(here, path, "files; the limit is 2")
    refuse(here, opened, "the limits are 2")


def test_an_adapter_of_another_base_is_refused(made, tmp_path, tiny_model):
    other = tmp_path / "other-model"
    shutil.copytree(tiny_model, other)
    from safetensors.torch import load_file, save_file

    values = load_file(other / "model.safetensors")
    values["model.norm.weight"] *= 2
    save_file(values, other / "model.safetensors", metadata={"format": "pt"})
    refuse(
        Settings(home=tmp_path / "home", model=str(other)), made[1], "trained on weights .* no model here has them: other-model"
    )
    refuse(Settings(home=tmp_path / "home", model="none"), made[1], "no model here has them: there is none")


@pytest.mark.parametrize("field", ["id", "task"])
@pytest.mark.parametrize("value", ["../../evil", ".hidden", "", "a/b", "/etc", "selected.json"])
def test_a_card_cannot_choose_where_it_is_stored(opened, here, field, value):
    card = json.loads((opened / "card.json").read_text())
    (opened / "card.json").write_text(json.dumps({**card, field: value}))
    write_manifest(opened)
    refuse(here, pack(opened), "cannot be stored under these names")


def test_a_foreign_adapter_needs_a_task_and_gets_a_card(foreign, here, tiny_model, task):
    refuse(here, foreign, "Name it: --task")
    card = import_adapter(here, foreign, task="tiny")
    assert (card.task, card.model, card.config["rank"], card.outcome["imported"]) == ("tiny", tiny_model.name, 4, True)
    # Under which instruction and schema it was trained nobody knows: it answers only where it is named.
    need = Need(task, card.weights, passages=False)
    with pytest.raises(LabError, match=f"the adapter {card.id} does not say under which instruction and schema"):
        choose_adapter(here, need)
    assert take_adapters(here, [card.id], need, allow_misfit=True).folders[0].name == card.id
    assert answer(here, tiny_model, card.id) != answer(here, tiny_model, None)


def test_a_foreign_adapter_as_zip_without_a_folder_in_it(foreign, here):
    import_adapter(
        here, __import__("pathlib").Path(shutil.make_archive(str(foreign.parent / "flat"), "zip", foreign)), task="t"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peft_type": "IA3"}, "'IA3', not LORA"),
        ({"modules_to_save": ["lm_head"]}, "asks for modules_to_save"),
        ({"layer_replication": [[0, 1]]}, "asks for layer_replication"),
        ({"something_new": True}, "asks for something_new"),
        ({"bias": "all"}, "asks for bias"),
        ({"bias": ["none"]}, "asks for bias"),
        ({"init_lora_weights": {}}, "asks for init_lora_weights"),
        ({"init_lora_weights": "pissa"}, "asks for init_lora_weights"),
        ({"r": 0}, "r is 0"),
        ({"r": None}, "r is None"),
        ({"lora_alpha": "8"}, "lora_alpha is '8'"),
        ({"rank_pattern": {"(a+)+$": 3}}, "is 3"),
        ({"alpha_pattern": [1]}, "alpha_pattern"),
        ({"r": 5}, "with rank 5 wants"),
    ],
)
def test_a_config_that_asks_for_more_than_lora_is_refused(foreign, here, changes, words):
    edit_config(foreign, **changes)
    refuse(here, foreign, words, task="tiny")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: {}, "is empty"),
        (lambda values: {**values, "odd.weight": next(iter(values.values())).clone()}, "'odd.weight', which is no LoRA matrix"),
        (lambda values: {k: v for k, v in values.items() if "0.mlp.up_proj.lora_A" not in k}, "holds B.weight of .*up_proj"),
        (lambda values: {k.replace("up_proj", "sideways"): v for k, v in values.items()}, "sideways, which .* does not have"),
        (lambda values: {k.replace("layers.1", "layers.7"): v for k, v in values.items()}, "layers.7.*does not have"),
        (lambda values: {k: v[:, :-1] if "lora_A" in k else v for k, v in values.items()}, "has the shape .* wants"),
        (lambda values: {k: v * float("nan") for k, v in values.items()}, "not finite"),
        (lambda values: {k: v.int() for k, v in values.items()}, "is stored as I32"),
        (lambda values: {k.replace("layers.0.mlp.up_proj", "embed_tokens"): v for k, v in values.items()}, "embed_tokens"),
    ],
)
def test_weights_that_do_not_fit_the_base_are_refused(foreign, here, change, words):
    edit_weights(foreign, change)
    refuse(here, foreign, words, task="tiny")


def test_a_file_that_is_no_safetensors_is_refused(foreign, here):
    for content in (b"", b"\xff" * 64, b"PK\x03\x04" + b"0" * 40):
        (foreign / "adapter_model.safetensors").write_bytes(content)
        refuse(here, foreign, "cannot be read as safetensors", task="tiny")
    (foreign / "adapter_model.safetensors").unlink()
    refuse(here, foreign, "There is no adapter_model.safetensors", task="tiny")
    (foreign / "adapter_config.json").write_text("{")
    refuse(here, foreign, "adapter_config.json is damaged", task="tiny")


def test_code_named_in_a_config_does_not_travel_on(foreign, here):
    edit_config(foreign, auto_mapping={"base_model_class": "X", "parent_library": "evil"}, base_model_name_or_path="/etc")
    card = import_adapter(here, foreign, task="tiny")
    text = (here.folder("adapters") / card.id / "adapter_config.json").read_text()
    assert "evil" not in text
    assert "/etc" not in text


def test_only_some_layers_are_named_in_full(here, tiny_model, tmp_path):
    tiny_adapter(here, tiny_model, "part", target_modules=["q_proj", "v_proj"], layers_to_transform=[1], card=CARD)
    path = export_adapter(here, "part", tmp_path / "part.zip", form="zip")
    text = answer(here, tiny_model, "part")
    delete_adapter(here, "part")
    part = import_adapter(here, path).id
    config = json.loads((here.folder("adapters") / part / "adapter_config.json").read_text())
    assert config["target_modules"] == [f"model.layers.1.self_attn.{name}_proj" for name in ("q", "v")]
    assert answer(here, tiny_model, part) == text != answer(here, tiny_model, None)


def edit_card(folder, **changes):
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    write_manifest(folder)


EVALUATION = {"step": 1, "n": 2, "score": 0.5, "held_loss": 1.0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": {"last_loss": "<img src=x>"}}, "outcome.last_loss"),
        ({"outcome": {"tokens": "a", "seconds": 1}}, "outcome.tokens"),
        ({"outcome": {"cancelled": 1}}, "outcome.cancelled"),
        ({"outcome": {"last_loss": float("nan")}}, "a value"),
        ({"outcome": {"evaluations": [{}]}}, "outcome.evaluations"),
        ({"outcome": {"evaluations": [3]}}, "outcome.evaluations"),
        ({"outcome": {"evaluations": [{**EVALUATION, "score": "good"}]}}, "outcome.evaluations.score"),
        ({"config": {"rank": "x"}}, "config.rank"),
        ({"config": {"rank": None}}, "config.rank"),
        ({"config": {"rank": 0}}, "rank is 0"),
        ({"config": {"storage": ["nf4"]}}, "config.storage"),
        ({"licence": {"base": 5}}, "licence.base"),
        ({"instruction": "\ud800"}, r"card\.json is damaged"),
    ],
)
def test_values_that_would_break_their_readers_are_refused(opened, here, changes, words):
    edit_card(opened, **changes)
    refuse(here, pack(opened), words)


def test_what_is_newest_goes_by_when_it_was_made_not_by_an_id(opened, here, task):
    edit_card(opened, id="20990101-000000-tiny-ffff", created="2020-01-01T00:00:00+00:00")
    old = import_adapter(here, opened)
    assert old.id[:8] != "20990101"
    edit_weights(opened, lambda values: {name: value * 2 for name, value in values.items()})
    edit_card(opened, id="20100101-000000-tiny-0000", created="2021-01-01T00:00:00+00:00")
    new = import_adapter(here, opened)
    assert choose_adapter(here, Need(task, old.weights, passages=False)).name == new.id
    edit_weights(opened, lambda values: {name: value * 2 for name, value in values.items()})
    edit_card(opened, created="2999-01-01T00:00:00+00:00")
    assert import_adapter(here, opened).created < "2999"


def test_a_damaged_member_of_a_zip_is_said(tmp_path, here):
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x/adapter_config.json", "{}" * 200)
    content = bytearray(path.read_bytes())
    content[80] ^= 0xFF
    content[60] ^= 0xFF
    path.write_bytes(bytes(content))
    refuse(here, path, "is no zip that can be read", task="tiny")

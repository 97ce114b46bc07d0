"""Bringing models here: whole or not at all, tied matrices once, and a sentence for whatever is no model."""

import json
import os
import shutil

import pytest

from core.errors import LabError
from core.generation import model_import
from core.generation.gguf_files import EMBEDDING, HEAD, inspect_gguf, tie_head
from core.generation.loading import hash_weights
from core.generation.model_import import import_model
from core.generation.models import fetch_model, find_model
from core.generation.origin import read_origin
from core.storage import verify_folder


def list_left(settings):
    folder = settings.folder("models")
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.is_dir() else []


def write_gguf(path, *, architecture="llama", template="{{ messages }}", tensors=True, sizes=True):
    """A GGUF file with one small tensor and the given facts."""
    import numpy as np
    from gguf import GGUFWriter

    writer = GGUFWriter(path, architecture)
    writer.add_license("apache-2.0")
    if sizes:
        writer.add_block_count(1)
        writer.add_embedding_length(32)
        writer.add_token_list(["a", "b"])
    if template:
        writer.add_chat_template(template)
    if tensors:
        writer.add_tensor(EMBEDDING, np.zeros((64, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_folder_is_copied_with_a_manifest_or_linked(settings, tiny_model):
    made = import_model(settings, tiny_model, name="copied")
    assert find_model(settings, "copied") == made.folder
    verify_folder(made.folder, remedy="")
    assert made.notes[0].startswith("Copied from")
    linked = import_model(settings, tiny_model, name="linked", link=True)
    assert linked.folder.is_symlink()
    assert "Linked" in linked.notes[0]
    assert fetch_model(settings, "linked") == linked.folder
    # A copy, a link and the folder itself are one model: adapters fit all three.
    assert hash_weights(made.folder) == hash_weights(linked.folder) == hash_weights(tiny_model)
    assert read_origin(made.folder).kind == "folder"


def test_a_link_whose_folder_is_gone_says_so(settings, tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "mine")
    import_model(settings, tmp_path / "mine", link=True)
    shutil.rmtree(tmp_path / "mine")
    with pytest.raises(LabError, match="was linked, and .*mine is gone.*ragft models remove mine"):
        find_model(settings, "mine")


@pytest.mark.parametrize("name", ["a/b", "..", "../up", ".hidden", "a\\b", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(settings, tiny_model, name):
    with pytest.raises(LabError):
        import_model(settings, tiny_model, name=name)
    assert list_left(settings) == []


def test_a_name_is_taken_once(settings, tiny_model):
    import_model(settings, tiny_model, name="mine", link=True)
    with pytest.raises(LabError, match="There is a model mine already"):
        import_model(settings, tiny_model, name="mine")


def damage(folder, name, content):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", None, "Cannot read .*config.json"),
        ("config.json", "{", "config.json is damaged"),
        ("config.json", "[]", "holds no JSON object"),
        ("config.json", '{"model_type": "oracle"}', "kind 'oracle'"),
        ("config.json", "{}", "kind None"),
        ("model.safetensors", None, "has no \\*.safetensors"),
        ("model.safetensors", "half", "model.safetensors is damaged"),
        ("tokenizer.json", None, "tokenizer"),
        ("tokenizer.json", "{", "tokenizer"),
        ("model.safetensors.index.json", '{"weight_map": {"a": "two.safetensors"}}', "lacks two.safetensors"),
    ],
)
def test_a_folder_that_is_no_whole_model_is_a_sentence(settings, tiny_model, tmp_path, name, content, said):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    damage(folder, name, content)
    for link in (True, False):
        with pytest.raises(LabError, match=said):
            import_model(settings, folder, link=link)
    assert list_left(settings) == []


def test_a_folder_without_a_chat_template_is_refused(settings, tiny_model, tmp_path):
    folder = shutil.copytree(tiny_model, tmp_path / "base")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    about = json.loads((folder / "tokenizer_config.json").read_text())
    about.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    with pytest.raises(LabError, match="no chat template"):
        import_model(settings, folder)


def test_files_that_are_no_usable_gguf_are_sentences(settings, tmp_path):
    text = tmp_path / "notes.gguf"
    text.write_text("Not a model.")
    whole = write_gguf(tmp_path / "whole.gguf")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole.read_bytes()[:-100])
    half = tmp_path / "half.gguf"
    half.write_bytes(whole.read_bytes()[:40])
    cases = {
        text: "is no GGUF file",
        cut: "cut short",
        half: "cut short",
        write_gguf(tmp_path / "odd.gguf", architecture="oracle"): "kind 'oracle'.*Known: .*llama",
        write_gguf(tmp_path / "base.gguf", template=""): "no chat template",
        write_gguf(tmp_path / "empty.gguf", tensors=False): "cut short",
        write_gguf(tmp_path / "hollow.gguf", sizes=False): "does not hold a whole model: it lacks llama.block_count",
        tmp_path / "nothing.gguf": "no file or folder",
    }
    for path, said in cases.items():
        with pytest.raises(LabError, match=said):
            import_model(settings, path)
    assert list_left(settings) == []
    assert inspect_gguf(whole).licence == "apache-2.0"


@pytest.mark.parametrize("size", range(0, 900, 37))
def test_a_gguf_cut_anywhere_is_a_sentence(tmp_path, size):
    whole = write_gguf(tmp_path / "whole.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: min(size, len(whole) - 1)])
    with pytest.raises(LabError):
        inspect_gguf(tmp_path / "cut.gguf")


def test_a_full_disk_is_said_before_anything_is_written(settings, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(model_import.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    for source in (tiny_model, write_gguf(tmp_path / "whole.gguf")):
        with pytest.raises(LabError, match="are free in"):
            import_model(settings, source, name="full")
    assert list_left(settings) == []


def test_an_import_that_is_stopped_half_way_leaves_nothing(settings, tiny_model, monkeypatch):
    copied = []

    def copy(source, target):
        if copied:
            raise KeyboardInterrupt
        copied.append(target.write_bytes(source.read_bytes()))

    monkeypatch.setattr(model_import.shutil, "copyfile", copy)
    with pytest.raises(KeyboardInterrupt):
        import_model(settings, tiny_model, name="half")
    assert list_left(settings) == []


def test_a_disk_that_refuses_is_a_sentence(settings, tiny_model, monkeypatch):
    def refuse(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_import.shutil, "copyfile", refuse)
    with pytest.raises(LabError, match="No space left on device"):
        import_model(settings, tiny_model, name="half")
    assert list_left(settings) == []


def test_a_file_cannot_be_linked(settings, tmp_path):
    with pytest.raises(LabError, match="is no folder"):
        import_model(settings, write_gguf(tmp_path / "whole.gguf"), link=True)


def load_untied(folder, *, noise):
    """A tiny model whose head is its embedding, but for noise."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    embedding, head = model.get_input_embeddings().weight.data, model.get_output_embeddings().weight
    drawn = torch.randn(embedding.shape, generator=torch.Generator().manual_seed(0))
    head.data = embedding + noise * embedding.std() * drawn
    return model, AutoTokenizer.from_pretrained(folder)


def test_two_roundings_of_one_matrix_become_one(tiny_model, tmp_path):
    from transformers import AutoModelForCausalLM

    model, tokenizer = load_untied(tiny_model, noise=0.03)
    before = model.get_output_embeddings().weight.detach().clone()
    tying = tie_head(model, tokenizer, {EMBEDDING: "Q5_0", HEAD: "Q8_0"})
    assert "only the output matrix" in tying.note
    assert tying.checks["same_tokens"] <= tying.checks["tokens"]
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    state = {name: value for name, value in model.state_dict().items() if not name.endswith("lm_head.weight")}
    model.save_pretrained(tmp_path / "tied", state_dict=state)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "tied")
    assert (loaded.get_output_embeddings().weight == before).all()
    assert loaded.get_input_embeddings().weight.data_ptr() == loaded.get_output_embeddings().weight.data_ptr()


def test_matrices_of_their_own_are_both_kept(tiny_model):
    model, tokenizer = load_untied(tiny_model, noise=0.5)
    tying = tie_head(model, tokenizer, {EMBEDDING: "Q5_0", HEAD: "Q8_0"})
    assert "both are kept" in tying.note
    assert not model.config.tie_word_embeddings
    # Exact files tell exactly: what differs by more than a rounding of 16 bits is another matrix.
    model, tokenizer = load_untied(tiny_model, noise=0.03)
    assert "both are kept" in tie_head(model, tokenizer, {EMBEDDING: "F16", HEAD: "F16"}).note


def test_a_file_with_one_matrix_needs_no_word(tiny_model):
    model, tokenizer = load_untied(tiny_model, noise=0.0)
    assert tie_head(model, tokenizer, {EMBEDDING: "F16"}).note == ""


def test_no_temporary_folder_of_an_import_is_listed(settings):
    from lab.models import list_names

    os.makedirs(settings.folder("models") / ".half.abc")
    assert list_names(settings) == []


def test_what_a_killed_import_left_goes_with_the_next_one(settings, tiny_model):
    """Not what another process may be writing just now."""
    models = settings.folder("models")
    for name in (".old.abc", ".young.abc"):
        (models / name).mkdir(parents=True)
        (models / name / "model.safetensors").write_bytes(b"half")
    os.utime(models / ".old.abc", (0, 0))
    import_model(settings, tiny_model, name="next")
    assert list_left(settings) == [".young.abc", "next"]

"""What leaves the machine answers as what stayed: zip, merged folder, GGUF read by another program."""

import json
import urllib.request
import zipfile

import pytest
from adapter_files import CARD, TEXT, tiny_adapter, write_bpe_model

from core.errors import LabError
from core.generation.decoder import load_generator
from core.generation.loading import load_model, load_tokenizer
from core.settings import Settings
from core.storage import verify_folder, write_manifest
from core.values import DecodeOptions, Message
from finetune.adapters.export import export_adapter
from finetune.adapters.gguf_files import write_lora_gguf, write_model_gguf
from finetune.adapters.gguf_vocabulary import name_splitting
from finetune.adapters.hub import push_adapter
from finetune.adapters.merging import merge_to_folder, save_base
from finetune.adapters.store import find_folder
from tests.conftest import TEMPLATE

ADAPTER = "20260102-tiny"
ANSWERS = {
    "How high is the walrus bonus?": '{"answer": "40 euros", "area": "pay"}',
    "Start of heron shifts?": '{"answer": "noon", "area": "time"}',
    "A break lasts": '{"answer": "25 minutes", "area": "time"}',
}
PROMPTS = tuple(ANSWERS)
ODD = ("  4 euros in 2026\n\n12 x", "Ünï ☃ 123,456.7", "<|im_start|>user\nhi<|im_end|>\n", "the walrus'll  go", "\t\n 7")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_bpe_model(tmp_path_factory.mktemp("base") / "tiny-bpe", TEMPLATE, digits=False)


@pytest.fixture(scope="module")
def stored(tmp_path_factory, base):
    """Settings whose home holds an adapter of the tiny model with merges."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), model=str(base))
    tiny_adapter(settings, base, ADAPTER, scale=0.01, learn=ANSWERS)
    return settings


@pytest.fixture(scope="module")
def merged(stored):
    return merge_to_folder(stored, ADAPTER, stored.folder("models") / "merged")


def encode(tokenizer, text):
    turns = [{"role": "user", "content": text}]
    return tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)["input_ids"]


def write_greedily(model, tokenizer, text, *, new=40):
    import torch

    ids = encode(tokenizer, text)
    with torch.inference_mode():
        found = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=new)
    return found[0, ids.shape[1] :].tolist()


def load_plain(folder, **more):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype="float32", **more)


def attach(settings, base, adapter=ADAPTER, *, storage="nf4"):
    """The base in float32 with the adapter beside its layers, as peft computes it."""
    from peft import PeftModel

    loaded = load_model(base, storage=storage).model.float()
    loaded.set_attn_implementation("sdpa")
    return PeftModel.from_pretrained(loaded, find_folder(settings, adapter))


def test_a_merged_folder_answers_in_plain_transformers_as_the_attached_adapter(stored, base, merged):
    verify_folder(merged, remedy="")
    assert not [path.name for path in merged.iterdir() if path.suffix in {".bin", ".pt"}]
    assert str(base.parent) not in (merged / "config.json").read_text() + (merged / "tokenizer_config.json").read_text()
    assert "quantization_config" not in json.loads((merged / "config.json").read_text())
    tokenizer = load_tokenizer(merged)
    assert tokenizer.chat_template == TEMPLATE
    plain, attached, alone = load_plain(merged), attach(stored, base), load_plain(base)
    for text in PROMPTS:
        assert write_greedily(plain, tokenizer, text) == write_greedily(attached, tokenizer, text)
        assert tokenizer.decode(write_greedily(plain, tokenizer, text), skip_special_tokens=True) == ANSWERS[text]
        assert write_greedily(plain, tokenizer, text) != write_greedily(alone, tokenizer, text)
    assert measure_difference(attached, plain, base) < 0.05


def measure_difference(wanted, found, base):
    """Largest difference of two models' logits, as a share of the largest logit."""
    import torch

    ids = encode(load_tokenizer(base), PROMPTS[0])
    with torch.inference_mode():
        wanted, found = wanted(ids).logits, found(ids).logits
    return float((wanted - found).abs().max() / wanted.abs().max())


def test_the_lab_answers_with_a_merged_folder_as_with_the_adapter(stored, base, merged):
    from dataclasses import replace

    from core.generation.models import find_model

    folder = find_model(replace(stored, model=str(merged)))
    generator = load_generator(folder)
    assert generator.description["storage"] == "full"  # in 4 bits again, the tuning would be rounded away
    prompts = [[Message("user", text)] for text in PROMPTS]
    options = DecodeOptions(max_new_tokens=40)
    found = dict(generator.generate(prompts, adapter=None, options=options))
    wanted = dict(load_generator(base).generate(prompts, adapter=str(find_folder(stored, ADAPTER)), options=options))
    assert [found[index].text for index in range(3)] == [wanted[index].text for index in range(3)]


def test_rounding_a_weak_adapter_to_four_bits_again_would_take_most_of_it_away(stored, base, tmp_path):
    """Why `load_model` never quantizes a merged folder."""
    import torch

    tiny_adapter(stored, base, "weak", scale=0.002)
    folder = merge_to_folder(stored, "weak", tmp_path / "weak")
    kept = load_model(folder).model.state_dict()
    (folder / "card.json").unlink()
    rounded = load_model(folder).model.state_dict()
    before = load_model(base).model.state_dict()
    key = "model.layers.0.mlp.up_proj.weight"
    change = (kept[key] - before[key]).float()
    left = (rounded[key] - before[key]).float()
    share = float((change * left).sum() / (change * change).sum())
    assert share < 0.5, share
    assert float(change.abs().max()) > 0
    assert torch.isfinite(left).all()


def test_an_adapter_trained_on_full_weights_is_merged_into_those(stored, base, tmp_path):
    from dataclasses import replace

    tiny_adapter(stored, base, "full", card=replace(CARD, config={"storage": "full"}))
    plain = load_plain(merge_to_folder(stored, "full", tmp_path / "full"))
    assert measure_difference(attach(stored, base, "full", storage="full"), plain, base) < 0.05
    assert measure_difference(attach(stored, base, "full", storage="nf4"), plain, base) > 0.1


def test_an_adapter_trained_on_8_bit_weights_is_merged_into_those(stored, base, tmp_path):
    from dataclasses import replace

    folder = tiny_adapter(stored, base, "eight", card=replace(CARD, config={"storage": "full"}))
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "config": {"storage": "int8"}}))
    write_manifest(folder)
    plain = load_plain(merge_to_folder(stored, "eight", tmp_path / "eight"))
    assert measure_difference(attach(stored, base, "eight", storage="full"), plain, base) < 0.1


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_a_merged_gguf_read_by_transformers_has_the_logits_of_the_merged_folder(stored, merged, tmp_path, precision):
    from transformers import GgufConfig

    path = export_adapter(stored, ADAPTER, tmp_path / "m.gguf", form="gguf", precision=precision)
    read = load_plain(tmp_path, gguf_file=path.name, quantization_config=GgufConfig(dequantize=True))
    plain = load_plain(merged)
    assert measure_difference(plain, read, merged) <= (0 if precision == "bf16" else 1e-5)
    for name in ("num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "vocab_size"):
        assert getattr(read.config, name) == getattr(plain.config, name)
    assert read.config.rope_parameters["rope_theta"] == plain.config.rope_parameters["rope_theta"]
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]


@pytest.mark.parametrize("splitting", ["gpt-2", "smollm"])
def test_the_tokenizer_of_a_gguf_encodes_as_the_folders(splitting, tmp_path):
    from gguf import GGUFReader
    from transformers import AutoTokenizer

    folder = write_bpe_model(tmp_path / "model", TEMPLATE, digits=splitting == "smollm")
    path = write_model_gguf(folder, tmp_path / "m.gguf", name="m")
    fields = GGUFReader(path).fields
    assert fields["tokenizer.ggml.pre"].contents() == splitting
    kinds = fields["tokenizer.ggml.token_type"].contents()
    assert kinds[:4] == [3, 3, 3, 1]
    assert kinds[-5:] == [5] * 5  # rows of the embedding that no token uses
    wanted, read = load_tokenizer(folder), AutoTokenizer.from_pretrained(tmp_path, gguf_file=path.name)
    assert read.chat_template == wanted.chat_template
    assert (read.eos_token, read.bos_token, read.pad_token) == (wanted.eos_token, wanted.bos_token, wanted.pad_token)
    texts = [text for text in (*PROMPTS, *ODD, TEXT) if splitting == "gpt-2" or not any(map(str.isdigit, text))]
    for text in texts:  # transformers' reader does not take digits apart; llama.cpp does
        assert read(text)["input_ids"] == wanted(text)["input_ids"]
    assert run_llama_cpp(path, [])[1] == [wanted(text, add_special_tokens=False)["input_ids"] for text in ODD]


@pytest.mark.parametrize("lora", [{}, {"use_rslora": True}, {"alpha_pattern": {"q_proj": 3}, "rank_pattern": {"k_proj": 2}}])
def test_base_and_lora_gguf_together_are_the_merged_gguf(stored, base, lora, tmp_path):
    import numpy as np
    from gguf import GGUFReader

    name = f"lora{len(lora)}{'r' if 'use_rslora' in lora else ''}"
    tiny_adapter(stored, base, name, **lora)
    files = {}
    for form in ("gguf", "gguf-base", "gguf-lora"):
        path = export_adapter(stored, name, tmp_path / f"{form}.gguf", form=form)
        files[form] = GGUFReader(path)
    fields = files["gguf-lora"].fields
    assert [fields[key].contents() for key in ("general.architecture", "general.type", "adapter.type")] == [
        "llama", "adapter", "lora",
    ]  # fmt: skip
    alpha = fields["adapter.lora.alpha"].contents()
    parts = {tensor.name: tensor.data for tensor in files["gguf-lora"].tensors}
    before = {tensor.name: tensor.data for tensor in files["gguf-base"].tensors}
    assert len(parts) == 2 * 7 * 2
    for tensor in files["gguf"].tensors:
        wanted, found = tensor.data.astype(np.float32), before[tensor.name].astype(np.float32)
        if f"{tensor.name}.lora_a" in parts:
            a, b = parts[f"{tensor.name}.lora_a"], parts[f"{tensor.name}.lora_b"]
            assert np.abs(wanted - found).max() > 0.01
            found = found + alpha / a.shape[0] * (b @ a)  # the scale as llama.cpp computes it
        assert np.abs(wanted - found).max() <= 2**-7 * np.abs(wanted).max()  # both were rounded to 8 bits


def run_llama_cpp(model, prompts, *, lora=None, new=40):
    """Answer token ids greedily with llama.cpp; skipped where its package is not installed."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="pip install xllamacpp: llama.cpp itself reads the files")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx, params.n_parallel, params.warmup, params.verbosity = 1024, 1, False, -1
    if lora is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(lora), 1.0)]
    server = xllamacpp.Server(params)

    def ask(path, **body):
        address = urllib.request.Request(server.listening_address + path, json.dumps(body).encode())
        return json.load(urllib.request.urlopen(address, timeout=120))["tokens"]

    options = {"n_predict": new, "temperature": 0, "return_tokens": True, "cache_prompt": False}
    answers = [ask("/completion", prompt=prompt, **options) for prompt in prompts]
    return answers, [ask("/tokenize", content=text, parse_special=True, add_special=False) for text in ODD]


def drop_end(tokens, end):
    return tokens[: tokens.index(end)] if end in tokens else tokens


def compare_with_llama_cpp(settings, adapter, base, folder, *, new=40):
    """Merged GGUF, and base GGUF with LoRA GGUF, against the attached adapter in float32."""
    tokenizer, attached = load_tokenizer(base), attach(settings, base, adapter)
    prompts = [encode(tokenizer, text)[0].tolist() for text in PROMPTS]
    wanted = [drop_end(write_greedily(attached, tokenizer, text, new=new), tokenizer.eos_token_id) for text in PROMPTS]
    paths = {
        form: export_adapter(settings, adapter, folder / f"{form}.gguf", form=form)
        for form in ("gguf", "gguf-base", "gguf-lora")
    }
    for model, lora in (("gguf", None), ("gguf-base", "gguf-lora")):
        found, cut = run_llama_cpp(paths[model], prompts, lora=paths.get(lora), new=new)
        assert [drop_end(tokens, tokenizer.eos_token_id) for tokens in found] == wanted
        assert cut == [tokenizer(text, add_special_tokens=False)["input_ids"] for text in ODD]
    assert run_llama_cpp(paths["gguf-base"], prompts, new=new)[0] != wanted


def test_llama_cpp_answers_and_cuts_text_as_we_do(stored, base, tmp_path):
    compare_with_llama_cpp(stored, ADAPTER, base, tmp_path)


def test_a_zip_holds_the_adapter_a_readme_and_no_path_of_this_machine(stored, base, tmp_path):
    path = export_adapter(stored, ADAPTER, tmp_path / "a.zip", form="zip")
    with zipfile.ZipFile(path) as archive:
        names = {name.removeprefix(f"{ADAPTER}/") for name in archive.namelist()}
        assert names == {"adapter_model.safetensors", "adapter_config.json", "card.json", "manifest.json", "README.md"}
        texts = [archive.read(f"{ADAPTER}/{name}").decode() for name in names if not name.endswith("safetensors")]
        config = json.loads(archive.read(f"{ADAPTER}/adapter_config.json"))
    assert not [text for text in texts if str(base.parent) in text]
    assert config["base_model_name_or_path"] == "tiny-bpe"
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (4, 8, "LORA")
    assert export_adapter(stored, ADAPTER, tmp_path / "b.zip", form="zip").read_bytes() == path.read_bytes()


def test_nothing_is_overwritten_and_nothing_half_written_stays(stored, tmp_path, monkeypatch):
    (tmp_path / "there").write_text("mine")
    for form in ("zip", "merged", "gguf", "gguf-lora", "gguf-base"):
        with pytest.raises(LabError, match="exists already"):
            export_adapter(stored, ADAPTER, tmp_path / "there", form=form)
        with pytest.raises(LabError, match="There is no folder"):
            export_adapter(stored, ADAPTER, tmp_path / "no" / "x", form=form)
    with pytest.raises(LabError, match="no form 'exe'"):
        export_adapter(stored, ADAPTER, tmp_path / "x", form="exe")
    with pytest.raises(LabError, match="no precision 'q4'"):
        export_adapter(stored, ADAPTER, tmp_path / "x", form="gguf", precision="q4")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gguf.GGUFWriter.write_tensors_to_file", fail)
    with pytest.raises(LabError, match="No space left"):
        export_adapter(stored, ADAPTER, tmp_path / "x", form="gguf-lora")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("there", "mine")]


def test_what_gguf_is_not_written_for_is_said(stored, base, tmp_path):
    import shutil

    for key, value, words in (
        ("model_type", "gpt_neox", "gpt_neox model"), ("rope_parameters", {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}, "positions"),
    ):  # fmt: skip
        folder = tmp_path / key
        shutil.copytree(base, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, key: value}))
        with pytest.raises(LabError, match=words):
            write_model_gguf(folder, tmp_path / "x.gguf", name="x")
    adapter = tiny_adapter(stored, base, "dora", use_dora=True)
    with pytest.raises(LabError, match="DoRA"):
        write_lora_gguf(adapter, base, tmp_path / "x.gguf")
    with pytest.raises(LabError, match="splits text by Whitespace"):
        name_splitting({"pre_tokenizer": {"type": "Whitespace"}})
    with pytest.raises(LabError, match="splits text"):
        name_splitting({"pre_tokenizer": {"type": "ByteLevel"}, "normalizer": {"type": "NFC"}})


def test_a_dora_adapter_is_merged_as_attached(stored, base, tmp_path):
    tiny_adapter(stored, base, "dora-merged", use_dora=True)
    plain = load_plain(merge_to_folder(stored, "dora-merged", tmp_path / "m"))
    assert measure_difference(attach(stored, base, "dora-merged"), plain, base) < 0.05
    assert measure_difference(load_plain(base), plain, base) > 0.1


def test_the_hub_wants_a_token_and_says_so(stored, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(LabError, match="no token for the Hub.*HF_TOKEN.*hf auth login"):
        push_adapter(stored, ADAPTER, "me/adapter")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_none")
    with pytest.raises(LabError, match="The Hub did not take me/adapter"):
        push_adapter(stored, ADAPTER, "me/adapter")
    with pytest.raises(LabError, match="The Hub did not take"):
        push_adapter(stored, ADAPTER, "no name!")


@pytest.mark.parametrize(("private", "public", "sent"), [(True, False, 1), (False, False, 0), (False, True, 1)])
def test_nothing_is_sent_into_a_public_repository_unasked(stored, monkeypatch, private, public, sent):
    from types import SimpleNamespace

    from huggingface_hub import HfApi

    uploads = []
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_none")
    monkeypatch.setattr(HfApi, "create_repo", lambda *_, **__: SimpleNamespace(repo_id="me/adapter"))
    monkeypatch.setattr(HfApi, "repo_info", lambda *_, **__: SimpleNamespace(private=private))
    monkeypatch.setattr(HfApi, "upload_folder", lambda *_, **more: uploads.append(more["repo_id"]))
    if sent:
        push_adapter(stored, ADAPTER, "me/adapter", public=public)
    else:
        with pytest.raises(LabError, match="me/adapter is public already.*--public"):
            push_adapter(stored, ADAPTER, "me/adapter", public=public)
    assert len(uploads) == sent


@pytest.mark.slow
def test_the_real_model_merged_and_as_gguf(real_settings, tmp_path):
    from transformers import AutoTokenizer, GgufConfig

    from core.generation.models import find_model

    base = find_model(real_settings)
    settings = Settings(home=tmp_path / "home", model=str(base))
    tiny_adapter(settings, base, "real", scale=0.001, learn=ANSWERS, rate=2e-3, r=16, lora_alpha=32)
    merged = merge_to_folder(settings, "real", tmp_path / "merged")
    path = write_model_gguf(merged, tmp_path / "real.gguf", name="real", precision="bf16")
    read = load_plain(tmp_path, gguf_file=path.name, quantization_config=GgufConfig(dequantize=True))
    plain, tokenizer = load_plain(merged), load_tokenizer(base)
    other = AutoTokenizer.from_pretrained(tmp_path, gguf_file=path.name)
    for text in (*PROMPTS, *ODD, TEXT):
        assert other(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert measure_difference(plain, read, base) == 0
    assert measure_difference(attach(settings, base, "real"), plain, base) < 0.05
    del read, plain
    compare_with_llama_cpp(settings, "real", base, tmp_path)


def test_the_base_of_an_adapter_is_saved_with_the_values_it_saw(stored, base, tmp_path):
    import torch

    save_base(stored, ADAPTER, tmp_path)
    saved, seen = load_plain(tmp_path).state_dict(), load_model(base).model.state_dict()
    assert all(torch.equal(saved[key], seen[key].to(torch.bfloat16).float()) for key in seen)

"""The whole path with every family of models: ask, hold to the schema, learn one step, answer with what was learned.

Tiny random models with the traits that break such paths: fused projections (Phi), scaled embeddings, capped scores and a
template without a system's role (Gemma), windows (Mistral, Gemma 3), thoughts (Qwen 3), ends that are not the text's (Gemma, Phi,
Llama 3), words marked by their leading blank instead of bytes.
"""

from dataclasses import dataclass, field

import pytest

from core.generation.chat import encode_answered, encode_prompt
from core.generation.device import Device
from core.generation.loading import load_model, load_tokenizer
from core.settings import Settings
from core.values import DecodeOptions, Example, Message
from finetune.config import TrainConfig
from lab.answering import answer_items, choose_options
from lab.lab import Lab

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if loop.last and m['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{% if loop.first and m['role'] == 'system' %}Today Date: {{ date_string or strftime_now('%d %b %Y') }}\n\n{% endif %}"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}"
    "{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "<start_of_turn>{{ role }}\n{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% elif m['role'] == 'assistant' %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)  # The system's words are dropped in silence.
PHI3 = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}"
)
WORDS = ["▁the", "▁answer", "▁is", "▁pay", "▁bonus", "▁how", "▁high"]


@dataclass(frozen=True)
class Family:
    kind: str  # Of the configuration's class.
    template: str
    specials: tuple[str, ...]  # Pad, begin, end of text, then the template's own; the last one ends a turn.
    blanks: bool  # Whether words are marked by a leading blank, with bytes for the rest, instead of all bytes.
    more: dict = field(default_factory=dict)


FAMILIES = {
    "llama3": Family("Llama", LLAMA3, ("<pad>", "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), False),
    "qwen2": Family("Qwen2", CHATML, ("<|pad|>", "<|im_start|>", "<|endoftext|>", "<|im_end|>"), False),
    "qwen3": Family("Qwen3", QWEN3, ("<|pad|>", "<|im_start|>", "<|endoftext|>", "<|im_end|>"), False, {"head_dim": 16}),
    "gemma": Family("Gemma", GEMMA, ("<pad>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), True, {"head_dim": 16}),
    "gemma2": Family(
        "Gemma2", GEMMA, ("<pad>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), True,
        {"head_dim": 16, "sliding_window": 24, "attn_logit_softcapping": 1.5, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 24},
    ),
    "gemma3": Family(
        "Gemma3Text", GEMMA, ("<pad>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), True,
        {"head_dim": 16, "sliding_window": 24, "query_pre_attn_scalar": 24, "layer_types": ["sliding_attention", "full_attention"]},
    ),
    "mistral": Family("Mistral", MISTRAL, ("<pad>", "<s>", "</s>"), True, {"sliding_window": 24}),
    "phi3": Family(
        "Phi3", PHI3, ("<pad>", "<s>", "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"), True,
        {"sliding_window": 24},
    ),
}  # fmt: skip


def make_tokenizer(family):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    if family.blanks:
        tokens = [*family.specials, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *map(chr, range(33, 127)), *WORDS]
        raw = Tokenizer(models.BPE({token: place for place, token in enumerate(tokens)}, [], byte_fallback=True))
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
        raw.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    else:
        tokens = [*family.specials, *sorted(pre_tokenizers.ByteLevel.alphabet())]
        raw = Tokenizer(models.BPE({token: place for place, token in enumerate(tokens)}, []))
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
    pad, begin, end, *turns = family.specials
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token=pad, bos_token=begin, eos_token=end)
    tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken(token, special=True) for token in turns]})
    tokenizer.chat_template = family.template
    return tokenizer


def save_model(folder, family):
    import torch
    import transformers

    tokenizer = make_tokenizer(family)
    sizes = {
        "vocab_size": len(tokenizer) + 7, "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048, "initializer_range": 0.2,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    config = getattr(transformers, f"{family.kind}Config")(**sizes | family.more)
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.generation_config.eos_token_id = [2, len(family.specials) - 1]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=list(FAMILIES))
def made(request, tmp_path_factory):
    """A family's name and a folder with a tiny random model of it."""
    name = request.param
    return name, save_model(tmp_path_factory.mktemp("families") / name, FAMILIES[name])


@pytest.fixture
def exact(monkeypatch):
    import torch

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.float32))


def write_plainly(folder, prompt, count):
    """What transformers' own generate writes."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        output = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=0)
    return output[0, len(prompt) :].tolist()


@pytest.mark.slow
def test_the_whole_path(exact, made, task, tmp_path, embedder):
    name, folder = made
    family = FAMILIES[name]
    settings = Settings(tmp_path / "home", model=str(folder), storage="bf16")
    lab = Lab(settings, embedder=embedder)
    generator, item = lab.load_generator(), Example("q", "How high is the walrus bonus?")

    # Free: token for token what transformers writes, several rows side by side.
    prompts = [[Message("system", "Answer."), Message("user", text * 9)] for text in ("How high?", "Why?", "A bonus! ")]
    found = dict(generator.generate(prompts, adapter=None, options=DecodeOptions(max_new_tokens=10)))
    tokenizer = load_tokenizer(folder)
    for place, prompt in enumerate(prompts):
        encoded = encode_prompt(tokenizer, prompt)
        assert "Answer." in tokenizer.decode(encoded), "the system's words are lost"
        written = write_plainly(folder, encoded, 10)
        ends = [token for token in written if token in (2, len(family.specials) - 1)]
        written = written[: written.index(ends[0])] if ends else written
        assert found[place].text == tokenizer.decode(written, skip_special_tokens=True)

    # Held to the schema: valid from any weights.
    base = next(
        iter(answer_items(lab, task, [item], find_arm("zero_shot"), options=choose_options(lab, task, mode="constrained")))
    )[1]
    assert base.schema_valid, base.generation.text

    # One step of QLoRA on 4-bit weights, stored, and answered with.
    from finetune.train.report import Listeners
    from lab.training.run import train_task

    quiet = Listeners(*([lambda *_: None] * 5))
    config = TrainConfig(epochs=1, batch_size=2, rank=2, holdout=0, learning_rate=0.05)
    card = train_task(lab, task, config, listeners=quiet)
    assert card["outcome"]["steps"] >= 1
    assert card["model"] == folder.name
    answers = dict(answer_items(lab, task, [item], find_arm("qlora"), options=choose_options(lab, task, mode="constrained")))
    assert answers[0].adapter == card["id"]
    assert answers[0].schema_valid
    again = next(
        iter(answer_items(lab, task, [item], find_arm("zero_shot"), options=choose_options(lab, task, mode="constrained")))
    )[1]
    assert again.generation.text == base.generation.text, "the base answers as before"


def find_arm(name):
    from core.comparison.arms import ARMS

    return ARMS[name]


def test_an_answer_ends_with_the_turn_and_continues_its_prompt(made):
    name, folder = made
    tokenizer = load_tokenizer(folder)
    prompt, answer = encode_answered(tokenizer, [Message("system", "Answer."), Message("user", "How high?")], '{"a": 1}')
    assert answer[-1] == len(FAMILIES[name].specials) - 1, tokenizer.decode(answer)
    assert tokenizer.decode(answer[:-1]).strip() == '{"a": 1}'
    assert prompt == encode_prompt(tokenizer, [Message("system", "Answer."), Message("user", "How high?")])


def test_a_rotary_embedding_keeps_its_bits(made, monkeypatch):
    """In bfloat16 its frequencies would have 8: the weights are rounded to 4 bits, the positions are not."""
    import torch

    monkeypatch.setattr("core.generation.loading.choose_device", lambda: Device("cpu", torch.bfloat16))
    model = load_model(made[1], storage="nf4").model
    assert model.dtype == torch.bfloat16
    kept = {name: buffer.dtype for name, buffer in model.named_buffers() if "inv_freq" in name}
    assert set(kept.values()) == {torch.float32}

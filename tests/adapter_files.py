"""Adapters for tests: one with random matrices on a tiny Llama, and folders that only look like one."""

from dataclasses import replace

from core.generation.loading import hash_weights, load_model
from core.storage import new_folder, write_json
from finetune.adapters.card import AdapterCard
from finetune.adapters.store import save_adapter
from tests.conftest import SCHEMA

CARD = AdapterCard(  # It fits the tiny task.
    "20260101-first", "tiny", "tiny-llama", "w" * 64, "d" * 64, {"storage": "nf4"}, {"last_loss": 0.5}, "2026",
    instruction="Answer.", schema=SCHEMA, prompting={"input_label": "Question"},
)  # fmt: skip
TEXT = "the walrus bonus is 40 euros and is paid in May; heron shifts start at noon, a break lasts 25 minutes. " * 20


def fake_adapter(settings, name, **changes):
    """Store a folder with a card and a manifest, and no usable weights."""
    folder = settings.folder("adapters") / name
    with new_folder(folder) as temporary:
        (temporary / "adapter_model.safetensors").write_bytes(b"numbers")
        write_json(temporary / "card.json", replace(CARD, id=name, **changes).as_json())
    return folder


def tiny_adapter(settings, model_folder, name="20260102-tiny", *, scale=0.2, learn=None, rate=2e-2, card=CARD, **lora):
    """Store an adapter that changes every layer's output: its matrices are random, or learn answers by heart."""
    import torch
    from peft import LoraConfig, get_peft_model

    loaded = load_model(model_folder, storage=card.config["storage"])
    model = loaded.model.float()
    model.set_attn_implementation("sdpa")
    torch.manual_seed(1)
    config = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **lora}
    model = get_peft_model(model, LoraConfig(**config))
    for key, parameter in model.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=scale)
    if learn:
        learn_by_heart(model, loaded.tokenizer, learn, rate)
    card = replace(card, id=name, model=model_folder.name, weights=hash_weights(model_folder))
    return save_adapter(settings, model, card)


def learn_by_heart(model, tokenizer, answers, rate):
    """Train an adapter on a few questions until the answers stand far above all else, so that no rounding changes them."""
    import torch

    batches = []
    for question, answer in answers.items():
        turns = [{"role": "user", "content": question}]
        prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
        target = [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        batches.append((torch.tensor([prompt + target]), torch.tensor([[-100] * len(prompt) + target])))
    optimizer = torch.optim.AdamW([part for part in model.parameters() if part.requires_grad], lr=rate)
    for _ in range(40):
        losses = [model(input_ids=ids, labels=labels).loss for ids, labels in batches]
        if max(losses) < 0.02:
            break
        sum(losses).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def write_bpe_model(folder, template, *, digits):
    """Write a tiny Llama with a byte-level BPE that has merges, as GGUF needs; `digits` splits them off one by one."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    specials = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    raw = Tokenizer(models.BPE())
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), split]) if digits else split
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        [TEXT, TEXT.title()], trainers.BpeTrainer(vocab_size=320, special_tokens=specials, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token=specials[0], bos_token=specials[1], eos_token=specials[2]
    )
    tokenizer.chat_template = template
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 5, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, eos_token_id=2, pad_token_id=0, bos_token_id=1,
        initializer_range=0.25, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

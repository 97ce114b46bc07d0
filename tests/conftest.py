"""Shared pieces of the fast suite: an isolated home, a tiny task, a tiny random Llama, a hashing embedder."""

import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import pytest

from core.settings import Settings, read_settings
from core.tasks.loading import load_task
from retrieval.embedding.embedder import Fingerprint

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(autouse=True)
def _isolated_home(tmp_path, monkeypatch, request):
    """No test may read or write the person's own state; slow tests share one home with the fetched model."""
    if request.node.get_closest_marker("slow") or request.node.get_closest_marker("e2e"):
        return
    monkeypatch.setenv("RAGFT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RAGFT_MODEL", raising=False)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": ["string", "null"]},
        "area": {"enum": ["pay", "time", "none"]},
        "sure": {"type": "boolean"},
    },
    "required": ["answer", "area", "sure"],
    "additionalProperties": False,
}


def row(number, question, answer, area, **more):
    return {"id": f"x-{number}", "input": question, "output": {"answer": answer, "area": area, "sure": True}, **more}


def write_task(folder, *, train, test, schema=SCHEMA, toml=""):
    (folder / "documents").mkdir(parents=True)
    (folder / "task.toml").write_text(
        'title = "Tiny"\ndescription = "A tiny task."\ninstruction = "Answer."\nprimary_metric = "answer"\n' + toml
    )
    (folder / "schema.json").write_text(json.dumps(schema))
    for name, rows in (("train", train), ("test", test)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows))
    (folder / "documents" / "pay.md").write_text("# Pay rules\n\n## Bonus\nThe walrus bonus is 40 euros and is paid in May.\n")
    (folder / "documents" / "time.md").write_text(
        "# Working time\n\n## Breaks\nA break lasts 25 minutes. Heron shifts start at noon.\n"
    )
    return folder


@pytest.fixture
def task_folder(tmp_path):
    train = [row(1, "How high is the walrus bonus?", "40 euros", "pay"), row(2, "How long is a break?", "25 minutes", "time")]
    train += [row(3, "When is the bonus paid?", "in May", "pay", evidence=[{"document": "pay", "quote": "is paid in May"}])]
    test = [row(9, "Tell me the walrus bonus.", "40 euros", "pay"), row(10, "Start of heron shifts?", "noon", "time")]
    return write_task(tmp_path / "tasks" / "tiny", train=train, test=test)


@pytest.fixture
def task(task_folder):
    return load_task(task_folder)


class HashingEmbedder:
    """Unit vectors from hashed words: equal words give near vectors, without a model."""

    def __init__(self, dimension=64):
        self.fingerprint = Fingerprint("hashing", "none", dimension, 256)

    @property
    def tokenizer(self):
        from tokenizers import Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        return tokenizer

    def encode(self, texts):
        import zlib

        vectors = np.full((len(texts), self.fingerprint.dimension), 1e-3, dtype=np.float32)
        for place, text in enumerate(texts):
            for word in text.lower().split():
                vectors[place, zlib.crc32(word.strip(".,?!#").encode()) % self.fingerprint.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_query(self, texts):
        return self.encode(texts)


@pytest.fixture
def embedder():
    return HashingEmbedder()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a random Llama of two layers and a byte-level tokenizer that knows the chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-llama")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    raw = Tokenizer(models.BPE({token: place for place, token in enumerate(specials + alphabet)}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token=specials[0], bos_token=specials[1], eos_token=specials[2]
    )
    tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, eos_token_id=2, pad_token_id=0, bos_token_id=1,
        initializer_range=0.25,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def real_settings():
    """The person's own settings, with the real model; skipped where it was not fetched."""
    from core.errors import LabError
    from core.generation.models import find_model

    settings = read_settings()
    try:
        find_model(settings)
    except LabError as error:
        pytest.skip(f"needs the real model: {error}")
    return settings

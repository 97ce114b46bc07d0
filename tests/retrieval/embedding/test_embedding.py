import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.errors import LabError
from retrieval.embedding import embedder
from retrieval.embedding.embedder import SentenceEmbedder, cut_batches

WORDS = ["walrus", "bonus", "heron", "break", "kelp", "ask"]
TEXTS = [" ".join(WORDS[(n + k) % 5] for k in range(1 + 3 * n % 11)) for n in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random BERT of one layer with mean pooling, as sentence-transformers saves it, with a prompt for questions."""
    import torch
    from sentence_transformers import SentenceTransformer, models
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    place = tmp_path_factory.mktemp("tiny-bert")
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    raw = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(place / "bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(place / "bert")
    word = models.Transformer(str(place / "bert"), max_seq_length=16)
    SentenceTransformer(modules=[word, models.Pooling(16)], prompts={"query": "ask ", "document": ""}, device="cpu").save(
        str(place / "model")
    )
    return place / "model"


@pytest.fixture
def tiny(folder, monkeypatch):
    import torch

    from core.generation.device import Device

    monkeypatch.setattr(embedder, "choose_device", lambda: Device("cpu", torch.float32))
    monkeypatch.setattr(embedder, "BATCH_TOKENS", 48)
    return SentenceEmbedder(str(folder))


def test_batches_hold_each_text_once_and_never_too_many_tokens():
    lengths = [3, 300, 10, 10, 1, 0]
    batches = cut_batches(lengths, window=256, tokens=40)
    assert sorted(place for batch in batches for place in batch) == list(range(6))
    assert batches == [[1], [2, 3, 0, 4], [5]]
    assert cut_batches([], window=256, tokens=40) == []


def test_vectors_are_units_in_the_order_of_the_texts_whatever_stands_beside_them(tiny):
    together = tiny.encode(TEXTS)
    assert together.dtype == np.float32
    assert together.flags.c_contiguous
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    alone = np.concatenate([tiny.encode([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-5
    assert len({row.tobytes() for row in np.round(alone, 4)}) == len(set(TEXTS))
    assert tiny.encode([]).shape == (0, 16)


def test_vectors_are_sentence_transformers_own(tiny, folder):
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(folder), device="cpu")
    assert np.abs(tiny.encode(TEXTS) - peer.encode(TEXTS, normalize_embeddings=True)).max() < 1e-5


def test_questions_get_the_prompt_they_were_trained_with(tiny):
    assert np.abs(tiny.encode_query(["walrus"]) - tiny.encode(["ask walrus"])).max() < 1e-6
    assert np.abs(tiny.encode_query(["walrus"]) - tiny.encode(["walrus"])).max() > 1e-3


def test_many_threads_get_the_same_vectors(tiny):
    expected = tiny.encode(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: tiny.encode(TEXTS), range(16)):
            assert np.abs(found - expected).max() < 1e-5


def test_threads_are_left_as_they_were(tiny):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        tiny.encode(TEXTS)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_text_beyond_the_window_is_cut_not_refused(tiny):
    assert np.isfinite(tiny.encode(["walrus " * 500])).all()
    assert tiny.fingerprint.max_tokens == 16
    assert len(tiny.tokenizer.encode("walrus " * 500).ids) == 500


def test_bfloat16_gives_float32_units_near_the_others(folder, monkeypatch, tiny):
    import torch

    from core.generation.device import Device

    monkeypatch.setattr(embedder, "choose_device", lambda: Device("cpu", torch.bfloat16))
    half = SentenceEmbedder(str(folder))
    found, expected = half.encode(TEXTS), tiny.encode(TEXTS)
    assert half.fingerprint == tiny.fingerprint
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert 0.99 < (found * expected).sum(axis=1).min() < 1 - 1e-7


def test_weights_make_the_fingerprint(folder, tmp_path):
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, tmp_path / "m")
    path = next((tmp_path / "m").rglob("*.safetensors"))
    weights = load_file(path)
    save_file({name: torch.zeros_like(value) for name, value in weights.items()}, path, metadata={"format": "pt"})
    one, other = SentenceEmbedder(str(folder)).fingerprint, SentenceEmbedder(str(tmp_path / "m")).fingerprint
    assert one.weights != other.weights
    assert json.loads(json.dumps(one.as_json())) == one.as_json()


def test_a_wrong_folder_and_foreign_weights_are_named(tmp_path, monkeypatch):
    with pytest.raises(LabError, match="no folder of a sentence-transformers model"):
        SentenceEmbedder(str(tmp_path))
    monkeypatch.setattr(embedder, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(LabError, match="published is 000000000000"):
        SentenceEmbedder()


@pytest.mark.slow
def test_the_bundled_model_knows_what_belongs_together():
    embedder = SentenceEmbedder()
    passages = embedder.encode(["A walrus lives in the Arctic.", "The bonus is paid in May."])
    marks = embedder.encode_query(["When do I get my bonus?"]) @ passages.T
    assert marks[0, 1] > marks[0, 0] + 0.2
    assert embedder.fingerprint.dimension == 384

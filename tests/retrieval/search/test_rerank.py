import pytest

from core.errors import LabError
from retrieval.search.rerank import CrossEncoderReranker


def test_a_wrong_folder_is_named(tmp_path):
    with pytest.raises(LabError, match="no folder of a cross-encoder"):
        CrossEncoderReranker(tmp_path / "nothing")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(LabError, match="cannot be loaded"):
        CrossEncoderReranker(tmp_path)


def test_a_folder_is_loaded_and_gives_a_score_for_each_text(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "walrus", "bonus", "break"]
    raw = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=1
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    scores = CrossEncoderReranker(tmp_path).score("walrus", ["bonus", "break bonus"])
    assert len(scores) == 2
    assert scores[0] != scores[1]
    assert CrossEncoderReranker(tmp_path).score("walrus", ["bonus"]) == pytest.approx(scores[:1], abs=1e-5)

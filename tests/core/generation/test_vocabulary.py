"""The engine that holds answers to a schema must read tokens as the tokenizer writes them."""

import pytest
from schema_corpus import of
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from core.errors import LabError
from core.generation.constraint import compile_schema
from core.generation.loading import load_tokenizer
from core.generation.vocabulary import PROBE, decode_as_bytes, load_constraint_tokenizer, reads_alike

TEXT = '{"a b": "é ≥ x"}'


def give_decoder(tokenizer, decoder):
    tokenizer.backend_tokenizer.decoder = decoder
    return tokenizer


def of_another_family():
    """The decoder that transformers 5.17 gives a byte-level GGUF tokenizer."""
    return decoders.Sequence(
        [decoders.ByteFallback(), decoders.Fuse(), decoders.Replace("▁", " "), decoders.ByteLevel()]  # type: ignore[list-item]
    )


def can_write(tokenizer, text):
    engine = load_constraint_tokenizer(tokenizer, vocabulary=len(tokenizer))
    matcher = compile_schema(of(**{"a b": {"type": "string"}}), engine).start()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return all(matcher.allows(token) and matcher.accept(token) is None for token in ids) and not matcher.broken


def test_a_decoder_of_another_family_holds_the_same_answers(tiny_model):
    tokenizer = give_decoder(load_tokenizer(tiny_model), of_another_family())
    from llguidance.hf import from_tokenizer

    assert not reads_alike(from_tokenizer(tokenizer), tokenizer)  # Else there is nothing to mend.
    assert can_write(tokenizer, TEXT)
    assert not can_write(tokenizer, '{"a b":: "x"}')
    assert tokenizer.decode(tokenizer(TEXT, add_special_tokens=False)["input_ids"]) == TEXT


def test_a_tokenizer_that_is_read_right_stays_as_it_is(tiny_model):
    tokenizer = load_tokenizer(tiny_model)
    assert can_write(tokenizer, TEXT)
    assert decode_as_bytes(tokenizer).backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def of_pieces(blank, decoder):
    """A tokenizer of single characters whose blank is written otherwise, decoded as told."""
    from transformers import PreTrainedTokenizerFast

    pieces = [*sorted(set(PROBE.replace(" ", blank))), "?"]
    backend = Tokenizer(models.BPE(vocab={piece: index for index, piece in enumerate(pieces)}, merges=[], unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement=blank, prepend_scheme="never")
    backend.decoder = decoder
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="?")


def test_tokens_that_are_read_as_another_text_are_refused():
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Replace("é", "e")]
    decoder = decoders.Sequence(steps)  # type: ignore[arg-type]
    with pytest.raises(LabError, match="reads the tokens of .* as another text than it writes"):
        load_constraint_tokenizer(of_pieces("▁", decoder), vocabulary=60)


def test_a_decoder_that_the_engine_does_not_know_is_a_sentence():
    decoder = decoders.Sequence([decoders.Replace("▁", "#"), decoders.Fuse()])  # type: ignore[list-item]
    with pytest.raises(LabError, match="cannot read .*: can't determine decoder type"):
        load_constraint_tokenizer(of_pieces("▁", decoder), vocabulary=60)


def test_blanks_of_another_family_are_read(tiny_model):
    decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])  # type: ignore[list-item]
    assert load_constraint_tokenizer(of_pieces("▁", decoder), vocabulary=60).vocab_size

"""The held-out sample is answered in batches, however large it is."""

from types import SimpleNamespace

from finetune.data import Encoded
from finetune.train.held_out import Evaluator


def test_a_large_sample_is_no_single_batch(monkeypatch):
    sizes = []

    class Loop:
        def __init__(self, *, options, **_):
            sizes.append(options.batch_size)

        def run(self, prompts, *, prefix):
            return [(n, SimpleNamespace(tokens=[5], new_tokens=1, finish="stop")) for n in range(len(prompts))]

    monkeypatch.setattr("finetune.train.held_out.DecodeLoop", Loop)
    model = SimpleNamespace(set_attn_implementation=lambda name: None)
    tokenizer = SimpleNamespace(eos_token_id=2, decode=lambda *_, **__: "x")
    for count in (3, 200):
        encoded = [Encoded(str(n), [1, n], [7, 2]) for n in range(count)]
        texts, _, ended = Evaluator(model, tokenizer, None, [], encoded, 8)._answer()
        assert (len(texts), ended) == (count, count)
    assert sizes == [3, 16]

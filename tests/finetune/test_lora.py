"""The page that explains LoRA and NF4 computes what peft and bitsandbytes compute."""

import pytest

from core.errors import LabError
from finetune.lora import (
    LoraPair,
    compute_dynamic_levels,
    compute_nf4_levels,
    count_bits,
    count_trained,
    dequantize,
    forward,
    learn,
    merge,
    quantize,
    start_pair,
)

torch = pytest.importorskip("torch")


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def peft_layer(weight, *, rank, alpha, rslora):
    """A peft model of one linear layer, both of its matrices filled with random numbers, and the same pair."""
    from peft import LoraConfig, get_peft_model

    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight.data = weight.clone()
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=["0"], use_rslora=rslora)
    model = get_peft_model(torch.nn.Sequential(linear), config)
    layer = model.base_model.model[0]
    a, b = normal(rank, weight.shape[1], seed=1), normal(weight.shape[0], rank, seed=2)
    layer.lora_A["default"].weight.data, layer.lora_B["default"].weight.data = a.clone(), b.clone()
    return model, LoraPair(a, b, alpha, rank_stabilized=rslora)


@pytest.mark.parametrize("rslora", [False, True])
def test_forward_and_merge_equal_peft(rslora):
    weight, x = normal(24, 40), normal(3, 5, 40, seed=3)
    model, pair = peft_layer(weight, rank=4, alpha=8, rslora=rslora)
    assert torch.allclose(forward(x, weight, pair), model(x), atol=1e-5)
    assert torch.allclose(x @ merge(weight, pair).T, model(x), atol=1e-4)
    merged = model.merge_and_unload()[0].weight
    assert torch.allclose(merge(weight, pair), merged, atol=1e-6)
    assert not torch.allclose(merged, weight, atol=0.1)  # The comparison saw an update.


def test_parameters_are_counted_as_peft_counts_them():
    model, _ = peft_layer(normal(24, 40), rank=4, alpha=8, rslora=False)
    assert model.get_nb_trainable_parameters()[0] == count_trained(24, 40, 4) == 256
    assert (count_trained(4096, 4096), count_trained(4096, 4096, 2)) == (16_777_216, 16_384)


def test_training_starts_from_the_base_and_b_moves_first():
    weight, wanted = normal(6, 6), normal(6, 6, seed=1)
    pair = start_pair(6, 6, 2, alpha=4)
    assert torch.equal(merge(weight, pair), weight)
    first, second, *_, last = list(learn(weight, wanted, pair, rate=0.02, steps=60))
    assert first.gradient_a.abs().max() == 0
    assert first.gradient_b.abs().max() > 0
    assert torch.equal(second.pair.a, first.pair.a)
    assert not torch.equal(second.pair.b, first.pair.b)
    assert second.gradient_a.abs().max() > 0
    assert last.loss < 0.7 * first.loss
    assert torch.linalg.matrix_rank(last.pair.update) == 2


def test_with_both_zero_nothing_would_ever_learn():
    pair = LoraPair(torch.zeros(2, 6), torch.zeros(6, 2), 4)
    *_, last = learn(normal(6, 6), normal(6, 6, seed=1), pair, rate=0.02, steps=60)
    assert not last.pair.update.any()


def test_gradients_are_those_of_autograd():
    weight, wanted = normal(5, 7), normal(5, 7, seed=1)
    a, b = normal(3, 7, seed=2).requires_grad_(), normal(5, 3, seed=3).requires_grad_()
    (0.5 * (merge(weight, LoraPair(a, b, 6)) - wanted).square().sum()).backward()
    step = next(learn(weight, wanted, LoraPair(a.detach(), b.detach(), 6), rate=0.1, steps=0))
    assert torch.allclose(step.gradient_a, a.grad, atol=1e-4)
    assert torch.allclose(step.gradient_b, b.grad, atol=1e-4)


@pytest.mark.parametrize("rank", [0, 7])
def test_a_rank_the_matrix_does_not_have_is_refused(rank):
    with pytest.raises(LabError, match=f"rank is {rank}"):
        start_pair(6, 8, rank, alpha=1)


def test_levels_are_those_of_bitsandbytes():
    functional = pytest.importorskip("bitsandbytes.functional")
    assert torch.allclose(compute_nf4_levels(), functional.get_4bit_type("nf4", device="cpu"), atol=1e-6)
    made = functional.create_normal_map()
    assert torch.allclose(compute_nf4_levels(), torch.cat([made[:7], made[7:8], made[-8:]]), atol=1e-6)
    assert torch.equal(compute_dynamic_levels(), functional.create_dynamic_map())
    assert (compute_nf4_levels() == 0).sum() == 1


def test_levels_are_not_used_equally_often():
    codes = quantize(normal(64 * 4000), double=False).values.codes.flatten()
    shares = torch.bincount(codes.long(), minlength=16) / codes.numel()
    assert shares.min() == pytest.approx(0.017, abs=0.001)
    assert shares.max() == pytest.approx(0.093, abs=0.001)


def library(weight, *, double):
    """The codes, scales and dequantized values of bitsandbytes."""
    functional = pytest.importorskip("bitsandbytes.functional")
    packed, state = functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=double)
    codes = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).flatten()[: weight.numel()]
    return codes, state.absmax.flatten(), functional.dequantize_4bit(packed, state)


@pytest.mark.parametrize("shape", [(64, 64), (576, 192), (37, 50), (7, 9)])
def test_4_bit_weights_are_those_of_bitsandbytes(shape):
    weight = 0.03 * normal(*shape)
    codes, absmax, values = library(weight, double=False)
    stored = quantize(weight, double=False)
    assert torch.equal(stored.values.codes.flatten()[: weight.numel()], codes)
    assert torch.equal(stored.values.absmax, absmax)
    assert torch.allclose(dequantize(stored), values, atol=1e-7)


def test_double_quantization_is_that_of_bitsandbytes():
    """Its CPU kernel does not take the nearest 8-bit level where a scale lies almost midway; then ours is nearer."""
    weight = 0.03 * normal(576, 1536)
    codes, scales, values = library(weight, double=True)
    stored = quantize(weight)
    assert torch.equal(stored.values.codes.flatten(), codes)
    same = stored.scales.codes.flatten()[: len(scales)] == scales
    assert same.float().mean() >= 0.99
    ours = dequantize(stored)
    equal = same.repeat_interleave(64)
    assert torch.allclose(ours.flatten()[equal], values.flatten()[equal], atol=1e-7)
    assert (ours - values).abs().max() <= 0.01 * values.abs().max()
    wanted = dequantize(quantize(weight, double=False))
    assert (ours - wanted).square().sum() <= (values - wanted).square().sum()


def test_a_block_of_zeros_stays_zero():
    assert not dequantize(quantize(torch.zeros(3, 70))).any()


def test_the_bits_a_parameter_takes():
    weight = normal(1024, 1024)
    for double, expected in ((False, 4.5), (True, 4.127)):
        stored = quantize(weight, double=double)
        scales = (
            stored.scales.codes.numel() * 8 + stored.scales.absmax.numel() * 32 if double else 32 * len(stored.values.absmax)
        )
        assert (4 * weight.numel() + scales) / weight.numel() == count_bits(double=double) == pytest.approx(expected, abs=5e-4)

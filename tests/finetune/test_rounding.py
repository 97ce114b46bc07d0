"""Rounding to few bits, against bitsandbytes and against closed forms."""

import math

import pytest
import torch
from bitsandbytes.functional import get_4bit_type
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from finetune.lora import dequantize, quantize
from finetune.rounding import BITS_OF, FORMATS, compute_levels, count_stored_bits, measure_rounding, round_weight


@pytest.mark.parametrize("name", ["nf4", "fp4"])  # bitsandbytes cannot make its own int4: it divides whole numbers in place.
def test_the_levels_are_those_of_bitsandbytes(name):
    theirs = sorted({float(value) + 0.0 for value in get_4bit_type(name, device="cpu")})
    assert compute_levels(name).tolist() == pytest.approx(theirs, abs=1e-6)


def test_whole_numbers_are_evenly_spaced():
    assert compute_levels("int4").tolist() == pytest.approx([number / 7 for number in range(-7, 8)])
    assert len(compute_levels("int8")) == 255


def test_nf4_in_blocks_of_64_is_that_of_the_page_on_lora():
    weight = torch.randn(8, 96, generator=torch.Generator().manual_seed(0))
    assert torch.equal(round_weight(weight, "nf4", 64)[0], dequantize(quantize(weight, double=False)))


@given(st.sampled_from(list(FORMATS)), st.sampled_from([2, 7, 32, 64, 4096]), st.integers(1, 300), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_no_weight_moves_further_than_half_the_widest_gap_of_its_block(name, block, count, seed):
    weight = torch.randn(count, generator=torch.Generator().manual_seed(seed))
    restored, blocks = round_weight(weight, name, block)
    levels = compute_levels(name)
    gap = float((levels[1:] - levels[:-1]).max()) / 2
    limits = (gap * blocks.absmax).repeat_interleave(block)[:count]
    assert bool(((restored - weight).abs() <= limits + 1e-5).all())
    assert torch.equal(round_weight(restored, name, block)[0], restored) or name == "int8"  # Rounding twice is rounding once.


def test_bits_follow_from_block_and_scales():
    assert f"{count_stored_bits('nf4', 64, double=True):.3f}" == "4.127"
    assert count_stored_bits("nf4", 64, double=False) == 4.5
    for name, bits in BITS_OF.items():
        assert count_stored_bits(name, 32, double=False) == bits + 1
        assert count_stored_bits(name, 4096, double=True) == bits + 8 / 4096 + 32 / (4096 * 256)


def test_a_smaller_block_and_more_bits_lose_less_of_normal_weights():
    weight = torch.randn(64, 256, generator=torch.Generator().manual_seed(1))
    ratios = [measure_rounding(weight, round_weight(weight, "nf4", block)[0]).noise_ratio for block in (32, 64, 256, 4096)]
    assert ratios == sorted(ratios, reverse=True)
    by_format = {name: measure_rounding(weight, round_weight(weight, name, 64)[0]).rmse for name in FORMATS}
    assert by_format["int8"] < by_format["nf4"] < by_format["fp4"]


def test_nothing_lost_and_nothing_there_have_numbers():
    zeros = torch.zeros(10)
    lost = measure_rounding(zeros, round_weight(zeros, "nf4", 4)[0])
    assert (lost.rmse, lost.largest, lost.noise_ratio) == (0.0, 0.0, math.inf)
    with pytest.raises(LabError, match="int3"):
        round_weight(zeros, "int3", 64)
    with pytest.raises(LabError, match="block of 1 "):
        round_weight(zeros, "nf4", 1)

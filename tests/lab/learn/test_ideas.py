"""What the Learn tab computes: choices, updates, memory, passages, points of an answer."""

import itertools
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import LabError
from finetune.lora import count_bits
from lab.lab import Lab
from lab.learn.choice import QUESTIONS, recommend
from lab.learn.chunks import cut_text, lay_out_vectors, map_chunks
from lab.learn.evidence import find_evidence
from lab.learn.matrices import EMBEDDER, load_matrix, make_normal, was_rounded
from lab.learn.measured import mean_by, read_measured
from lab.learn.memory import METHODS, PARTS, Setup, find_measured_peaks, find_shape, split_memory
from lab.learn.updates import BUNDLED_FULL, list_updates, open_update, read_update

TEXT = "# Pay\n\nThe walrus bonus is 40 euros. It is paid in May.\n\n# Time\n\nA break lasts 25 minutes. Heron shifts start at noon."


def test_every_combination_of_answers_has_a_recommendation_that_heeds_what_is_impossible():
    seen = set()
    for leanings in itertools.product(*QUESTIONS.values()):
        advice = recommend([leaning.answer for leaning in leanings])
        bars = {leaning.bars for leaning in leanings}
        assert not (advice.retrieve and "retrieve" in bars)
        assert not (advice.tune and "tune" in bars)
        assert len(advice.reasons) == 6
        seen.add((advice.retrieve, advice.tune))
    assert len(seen) == 4
    with pytest.raises(LabError, match="perhaps"):
        recommend(["perhaps", *[leanings[0].answer for leanings in list(QUESTIONS.values())[1:]]])


def test_facts_are_retrieved_and_form_is_trained():
    facts = recommend(["facts it cannot know", "every week", "yes", "yes", "fewer than 50", "few"])
    form = recommend(["the right form, tone or labels", "never", "no", "no", "more than 500", "very many"])
    assert (facts.retrieve, facts.tune) == (True, False)
    assert (form.retrieve, form.tune) == (False, True)
    assert any("too few examples" in said for said in recommend(["both", "never", "no", "no", "fewer than 50", "few"]).caveats)


def test_without_runs_there_is_no_evidence(settings):
    assert find_evidence(settings).count == 0


def save_adapter(folder, *, rank=4, rslora=False):
    folder.mkdir(parents=True)
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for layer in (0, 3):
        for name in ("q_proj", "down_proj"):
            stem = f"base_model.model.model.layers.{layer}.{'mlp' if 'down' in name else 'self_attn'}.{name}"
            tensors[f"{stem}.lora_A.weight"] = torch.randn(rank, 10, generator=random)
            tensors[f"{stem}.lora_B.weight"] = torch.randn(12, rank, generator=random)
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "lora_alpha": 8, "use_rslora": rslora}))
    return tensors


def test_an_update_is_taken_apart_without_being_formed(tmp_path):
    tensors = save_adapter(tmp_path / "a")
    update = read_update(tmp_path / "a")
    assert [(m.layer, m.name) for m in update.matrices] == [(0, "down_proj"), (0, "q_proj"), (3, "down_proj"), (3, "q_proj")]
    stem = "base_model.model.model.layers.0.self_attn.q_proj"
    formed = 2 * tensors[f"{stem}.lora_B.weight"] @ tensors[f"{stem}.lora_A.weight"]
    expected = torch.linalg.svdvals(formed)
    matrix = update.matrices[1]
    assert matrix.singular == pytest.approx(expected[:4].tolist(), rel=1e-4)
    # Eckart and Young: what the best copy of rank 2 loses is the energy beyond it.
    u, s, v = torch.linalg.svd(formed)
    copy = u[:, :2] * s[:2] @ v[:2]
    assert matrix.keep(2) == pytest.approx(1 - float((formed - copy).square().sum() / formed.square().sum()), abs=1e-4)
    assert matrix.keep(4) == pytest.approx(1.0)
    assert len(read_update(tmp_path / "a", choose=lambda places: places[:1]).matrices) == 1


def test_what_is_no_adapter_is_said(tmp_path):
    with pytest.raises(LabError, match="cannot be read"):
        read_update(tmp_path)
    save_adapter(tmp_path / "b")
    (tmp_path / "b" / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(LabError, match="cannot be read"):
        read_update(tmp_path / "b")


def test_the_bundled_update_is_there_on_every_machine(settings):
    names = [name for _, name in list_updates(settings)]
    assert BUNDLED_FULL in names
    for name in names:
        matrix = open_update(settings, name, layer=9, kind="up_proj").matrices[0]
        assert matrix.name == "up_proj"
        assert 0 < matrix.keep(1) < matrix.keep(4) <= matrix.keep(64) <= 1


def test_the_bundled_trainings_are_whole():
    measured = read_measured()
    assert {run.rank for run in measured.runs} >= {1, 16, 64}
    assert all(run.held[0][1] == pytest.approx(measured.base_loss, rel=1e-3) for run in measured.runs)  # B is zero at first.
    assert min(run.last for run in measured.runs) < measured.base_loss
    for value, mean, low, high in mean_by(measured.find(scale=2.0), of="rank"):
        assert low <= mean <= high
        assert value in {run.rank for run in measured.runs}


def test_a_damaged_file_of_trainings_is_said(tmp_path):
    (tmp_path / "m.json").write_text('{"runs": 3}')
    with pytest.raises(LabError, match="make learn-data"):
        read_measured(tmp_path / "m.json")


def test_memory_is_the_estimate_part_by_part():
    shape = find_shape("Llama-2-7B")
    parts = {method: split_memory(shape, method, Setup()).parts for method in METHODS}
    weights = parts["nf4"]["linear weights"] + parts["nf4"]["quantization constants"] + parts["nf4"]["other weights"]
    assert weights == pytest.approx(shape.weigh("nf4"), abs=2)
    assert parts["nf4"]["linear weights"] == pytest.approx(shape.linear_parameters / 2, rel=1e-6)
    assert parts["nf4"]["quantization constants"] == pytest.approx(shape.linear_parameters * (count_bits() - 4) / 8, abs=2)
    whole = parts["whole"]
    stored = sum(whole[part] for part in ("linear weights", "other weights", "gradients", "optimizer"))
    assert stored == 16 * shape.parameters  # Mixed precision with Adam.
    assert parts["full"]["gradients"] + parts["full"]["optimizer"] == 12 * shape.count_trainable(16)
    assert all(set(split) == set(PARTS) and min(split.values()) >= 0 for split in parts.values())


def test_computing_again_saves_activations_and_larger_batches_cost_them():
    shape = find_shape("Llama-3.1-8B")
    one, again, many = (
        split_memory(shape, "nf4", setup).parts["activations"] for setup in (Setup(), Setup(recompute=True), Setup(batch=4))
    )
    assert again < one / 4
    assert many == pytest.approx(4 * one, rel=1e-6)
    with pytest.raises(LabError, match="abacus"):
        split_memory(shape, "abacus", Setup())


def test_a_machine_without_trainings_has_no_peak(settings):
    assert find_measured_peaks(settings) == []


def test_matrices_come_from_files_or_are_said_to_be_none(settings):
    stand_in = load_matrix(settings, "q_proj", 3)
    assert torch.equal(stand_in.values, make_normal().values)
    assert "no real matrix" in stand_in.note
    assert load_matrix(settings, EMBEDDER, 0).values.shape == (1536, 384)
    with pytest.raises(LabError, match="r_proj"):
        load_matrix(settings, "r_proj", 0)
    levels = torch.arange(16).float().repeat(64)
    assert was_rounded(levels)
    assert not was_rounded(stand_in.values)


def test_a_matrix_of_the_model_is_read_alone(tiny_model, settings):
    from dataclasses import replace

    matrix = load_matrix(replace(settings, model=str(tiny_model)), "up_proj", 29)  # It has two blocks: the last one is taken.
    assert matrix.values.shape == (128, 64)
    assert "block 29" not in matrix.title or matrix.note == ""


def test_passages_with_overlap_begin_inside_the_one_before(embedder):
    plain = cut_text(embedder.tokenizer, TEXT, tokens=16, overlap=0)
    shared = cut_text(embedder.tokenizer, TEXT, tokens=16, overlap=0.25)
    assert len(plain) > 1
    assert all(chunk.shared_tokens == 0 and chunk.start == chunk.shared_until for chunk in plain)
    assert shared[0].shared_tokens == 0
    for before, chunk in itertools.pairwise(shared):
        assert before.start <= chunk.start < chunk.shared_until
        assert chunk.shared_tokens == 4
    for chunk in (*plain, *shared):
        assert TEXT[chunk.start : chunk.end] == chunk.text
        assert chunk.tokens == len(embedder.tokenizer.encode(chunk.text, add_special_tokens=False).ids) <= 16


@pytest.mark.parametrize(("text", "tokens", "overlap"), [("", 32, 0), ("x" * 20_001, 32, 0), ("a", 8, 0), ("a", 32, 0.9)])
def test_what_cannot_be_cut_is_said(embedder, text, tokens, overlap):
    with pytest.raises(LabError):
        cut_text(embedder.tokenizer, text, tokens=tokens, overlap=overlap)


def test_the_map_shows_principal_components_and_the_question_moves(settings, embedder):
    lab = Lab(settings, embedder=embedder)
    texts = ["walrus bonus euros", "walrus bonus paid", "heron shift noon", "heron break noon"]
    one, other = map_chunks(lab, texts, "walrus bonus"), map_chunks(lab, texts, "heron noon")
    assert one.points == other.points
    assert one.question != other.question
    assert max(one.cosines) == max(one.cosines[:2])
    assert max(other.cosines) == max(other.cosines[2:])
    assert map_chunks(lab, texts).question is None
    vectors = embedder.encode(texts)
    values = np.linalg.svd(vectors - vectors.mean(0), compute_uv=False) ** 2
    assert one.kept == pytest.approx(values[:2].sum() / values.sum(), abs=1e-5)
    assert lay_out_vectors(vectors[:1], vectors[:1]).points == ((0.0, 0.0),)
    with pytest.raises(LabError, match="201 passages"):
        map_chunks(lab, ["a"] * 201)

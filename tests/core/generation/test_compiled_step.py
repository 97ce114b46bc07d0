"""The compiled step against torch, on a tiny model with weights rounded to NF4 by bitsandbytes."""

import pytest

from core.generation.attention import register_slot_attention
from core.generation.kernels import library, quick
from core.generation.kernels.layout import pack_model
from core.generation.loop import DecodeLoop
from core.generation.slots import Slots, plan_step
from core.values import DecodeOptions

SIZES = {"vocab_size": 96, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip


@pytest.fixture(scope="session")
def kernel(tmp_path_factory):
    """The library, compiled once in two to three seconds (-O1), in a cache of its own."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    patch.setattr(library, "FLAGS", ("-O1", *library.FLAGS[1:]))
    library.load_kernel.cache_clear()
    made = library.load_kernel()
    patch.undo()
    library.load_kernel.cache_clear()
    if made.library is None:
        pytest.skip(f"no compiled step on this machine: {made.status}")
    return made


@pytest.fixture
def compiled(kernel, monkeypatch):
    monkeypatch.setattr(quick, "load_kernel", lambda: kernel)
    monkeypatch.setattr(quick, "LEAST_PARAMETERS", 0)
    return kernel.library


def make_model(family="Llama", *, rounded=True, **more):
    """A random model in float32, its layers' weights rounded to NF4, its head to bfloat16."""
    import torch
    import transformers
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    torch.manual_seed(3)
    config = getattr(transformers, f"{family}Config")(**SIZES, **more, initializer_range=0.3, eos_token_id=2, pad_token_id=0)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=register_slot_attention()).eval()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            if "lm_head" in name:
                module.weight.data = module.weight.data.bfloat16().float()
            elif rounded:
                packed, state = quantize_4bit(module.weight.data, quant_type="nf4", compress_statistics=True)
                module.weight.data = dequantize_4bit(packed, state)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias)
        elif "norm" in name:
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return model


def take_steps(model, plans, *, count, length=40):
    """Run steps of (tokens a row, in turn) on slots of their own; returns the logits of every token."""
    import torch

    slots, held, found = Slots(count, length), [0] * count, []
    random = torch.Generator().manual_seed(1)
    for counts in plans:
        step = plan_step(slots, held[: len(counts)], counts, fresh=[False] * len(counts), device="cpu")
        ids = torch.randint(0, SIZES["vocab_size"], (1, sum(counts)), generator=random)
        with torch.inference_mode():
            output = model(
                input_ids=ids,
                position_ids=step.positions[None],
                use_cache=False,
                logits_to_keep=torch.arange(sum(counts)),
                step=step,
            )
        found.append(output.logits[0])
        held = [n + c for n, c in zip(held, counts, strict=False)]
    return torch.cat(found)


@pytest.mark.parametrize("family", ["Llama", "Qwen2"])  # Qwen2 has biases.
@pytest.mark.parametrize("plans", [[[1], [1], [7], [8]], [[3, 2], [1, 1], [4, 1], [2, 6]], [[9], [1], [12], [2]]])
def test_steps_are_torchs(compiled, family, plans):
    model = make_model(family)
    made = quick.make_quick(model)
    assert made is not None
    wanted, found = (take_steps(each, plans, count=2) for each in (model, made))
    assert (wanted - found).abs().max() < 2e-5 * wanted.abs().max()


def test_weights_are_read_as_four_bits_and_are_the_same_values(compiled):
    """A packed matrix times unit vectors is the matrix itself, bit by bit: one term of a sum is exact."""
    import torch

    model = make_model()
    packed = pack_model(compiled, model, positions=8)
    layer = packed.model.layer[0]
    assert [layer.qkv.kind, layer.out.kind, layer.gate.kind, layer.up.kind, layer.down.kind, packed.model.head.kind] == [
        0
    ] * 5 + [1]
    assert compiled.nf4_bytes(8, 64) == 8 * 64 // 2 + 8 * 4
    # The head sees the normalized embedding: with all else zero, unit vectors scaled so that the norm gives exactly one number.
    model.model.embed_tokens.weight.data = torch.eye(96, 64)
    for block in model.model.layers:
        block.self_attn.o_proj.weight.data.zero_()
        block.mlp.down_proj.weight.data.zero_()
    model.model.norm.weight.data.fill_(1.0)
    model.config.rms_norm_eps = 0.0
    model.lm_head.weight.data = make_model().model.layers[0].mlp.gate_proj.weight.data[:96]
    packed = pack_model(compiled, model, positions=8)
    assert packed.model.head.kind == 0
    slots = Slots(1, 8)
    step = plan_step(slots, [0], [8], fresh=[False], device="cpu")
    found = quick.run_step(compiled, packed, torch.arange(8)[None], step, torch.arange(8))
    assert torch.equal(found, 8 * model.lm_head.weight.data[:, :8].T)  # A unit vector of 64 numbers is 8 after the norm.


def test_other_weights_answer_without_it(compiled):
    assert quick.make_quick(make_model(rounded=False)) is None


def test_other_models_answer_without_it(compiled):
    assert quick.make_quick(make_model("Qwen3", head_dim=16)) is None
    assert quick.make_quick(make_model(hidden_act="gelu")) is None
    assert quick.make_quick(make_model("Qwen2", use_sliding_window=True, sliding_window=4, max_window_layers=0)) is None


def test_a_model_that_computes_otherwise_is_found_by_the_trial_and_named(compiled, caplog):
    """Its settings say Llama, but it does one thing more."""
    model = make_model()
    model.lm_head.register_forward_hook(lambda module, given, output: output * 1.01)
    assert quick.make_quick(model) is None
    assert "torch answers alone" in caplog.text


def test_small_models_are_left_alone(kernel, monkeypatch):
    monkeypatch.setattr(quick, "load_kernel", lambda: pytest.fail("a small model needs no compiler"))
    assert quick.make_quick(make_model()) is None


@pytest.mark.parametrize("guesses", [True, False])
def test_answers_are_the_same_texts(compiled, guesses):
    model = make_model()
    made = quick.make_quick(model)
    prompts = [[5, 9, 11] * 3 + [number] for number in range(20, 25)]
    options = DecodeOptions(max_new_tokens=20, batch_size=3)
    loops = [
        DecodeLoop(model=each, ends=frozenset({2}), bridge=[5], options=options, guesses=guesses) for each in (model, made)
    ]
    wanted, found = ({index: written.tokens for index, written in loop.run(prompts, prefix=3)} for loop in loops)
    assert wanted == found
    assert max(map(len, found.values())) > 3


def test_numbers_outside_their_range_are_refused(compiled):
    import torch

    made = quick.make_quick(make_model())
    step = plan_step(Slots(1, 4), [3], [1], fresh=[False], device="cpu")
    ids, kept = torch.tensor([[1]]), torch.tensor([0])
    for wrong in (
        {"ids": torch.tensor([[96]])},
        {"ids": torch.tensor([[-1]])},
        {"kept": torch.tensor([1])},
        {"step": plan_step(Slots(1, 4), [4], [1], fresh=[False], device="cpu")},
        {"step": plan_step(Slots(1, 10**5), [made.packed.model.positions], [1], fresh=[False], device="cpu")},
    ):
        given = {"ids": ids, "kept": kept, "step": step} | wrong
        with pytest.raises(IndexError, match="outside"):
            quick.run_step(compiled, made.packed, given["ids"], given["step"], given["kept"])


@pytest.mark.parametrize("more", [{}, {"use_rslora": True}, {"target_modules": ["q_proj", "k_proj", "v_proj", "down_proj"]}])
def test_an_adapter_beside_is_the_merged_model(compiled, tmp_path, more):
    model = make_model()
    base = quick.make_quick(model)
    merged = save_adapter(model, tmp_path, **more)
    made = quick.attach_quickly(base, merged, tmp_path)
    assert made is not None
    plans = [[1], [7], [3]]
    wanted, found, plain = (take_steps(each, plans, count=1) for each in (merged, made, base))
    assert (wanted - found).abs().max() < 2e-5 * wanted.abs().max()
    assert (wanted - plain).abs().max() > 0.01 * wanted.abs().max()  # The adapter does something.


def test_adapters_that_hold_more_answer_without_it(compiled, tmp_path):
    model = make_model()
    base = quick.make_quick(model)
    for number, more in enumerate(({"use_dora": True}, {"target_modules": ["q_proj"]}, {"rank_pattern": {"q_proj": 2}})):
        folder = tmp_path / str(number)
        assert quick.attach_quickly(base, save_adapter(model, folder, **more), folder) is None


def save_adapter(model, folder, **more):
    """Save a random adapter of a model in `folder`; returns the model with it merged in."""
    import copy

    import torch
    from peft import LoraConfig, get_peft_model

    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": targets, **more})
    adapted = get_peft_model(copy.deepcopy(model), config)
    torch.manual_seed(5)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    adapted.save_pretrained(folder)
    return adapted.merge_and_unload().eval()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    library.load_kernel.cache_clear()
    yield tmp_path / "cache" / "ragft" / "kernels"
    library.load_kernel.cache_clear()


def test_a_folder_that_others_can_write_is_not_used(cache, monkeypatch):
    monkeypatch.setattr(library, "_find_problem", lambda: "")
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    monkeypatch.setattr(library, "_compile", lambda path: pytest.fail("nothing may be written there"))
    assert "written by others" in library.load_kernel().status


def test_a_file_that_others_can_write_is_not_loaded(cache, monkeypatch):
    monkeypatch.setattr(library, "_find_problem", lambda: "")

    def plant(path):
        path.write_bytes(b"")
        path.chmod(0o666)

    monkeypatch.setattr(library, "_compile", plant)
    made = library.load_kernel()
    assert made.library is None
    assert "written by others" in made.status


def test_a_compiler_that_fails_is_told_and_leaves_nothing(cache, monkeypatch, tmp_path):
    source = tmp_path / "step.cpp"
    source.write_text("this is no program;")
    monkeypatch.setattr(library, "SOURCE", source)
    if library._find_problem():
        pytest.skip("no compiler here")
    made = library.load_kernel()
    assert made.library is None
    assert "error" in made.status
    assert not list(cache.iterdir())


def test_without_a_compiler_or_switched_off_it_is_said(cache, monkeypatch):
    monkeypatch.setattr(library, "read_abilities", lambda: library.NEEDED)
    monkeypatch.setattr(library.shutil, "which", lambda name: None)
    assert "no compiler" in library.load_kernel().status
    library.load_kernel.cache_clear()
    monkeypatch.setenv("RAGFT_KERNEL", "off")
    assert "off" in library.load_kernel().status
    assert not cache.exists()


def test_saying_how_answers_are_computed_compiles_nothing(cache):
    assert library.describe_kernel()
    assert not cache.exists()


def test_what_another_thread_makes_the_default_type_changes_no_answer(compiled):
    import torch

    def write():
        answering = quick.make_quick(model)
        slots, step = Slots(1, 8), None
        step = plan_step(slots, [0], [3], fresh=[False], device="cpu")
        with torch.inference_mode():
            return answering(
                input_ids=torch.tensor([[5, 7, 11]]),
                position_ids=step.positions[None],
                logits_to_keep=torch.arange(3),
                step=step,
            ).logits

    model = make_model()
    plain = write()
    torch.set_default_dtype(torch.bfloat16)  # As transformers does while it builds a model, for all threads.
    try:
        meanwhile = write()
    finally:
        torch.set_default_dtype(torch.float32)
    assert meanwhile.dtype == torch.float32
    assert torch.equal(plain, meanwhile)

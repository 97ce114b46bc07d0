"""Answers of a transformers model: the one owner of its weights, its adapters and its compiled schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.generation.adapter import attach_adapter, choose_attached, merge_adapter
from core.generation.beginnings import Beginnings
from core.generation.chat import encode_prompt, find_end
from core.generation.constraint import Constraint, compile_schema
from core.generation.ending import Ending, rank_tokens
from core.generation.kernels.quick import QuickModel, attach_quickly, make_quick
from core.generation.loading import Loaded, load_model
from core.generation.loop import DecodeLoop, Written
from core.generation.packed import can_pack, pack_linears
from core.generation.vocabulary import load_constraint_tokenizer
from core.values import DecodeOptions, Generation, Message, OnText, Support

MIN_PREFIX = 16  # Tokens; a shorter common beginning saves less than the step of its own costs.
FEW_PROMPTS = 4  # So many are one person's question, and the next one begins alike: each beginning is kept for itself.
OTHER_TURNS = ("…", "?")  # In the place of a prompt's last turn: what stays the same is its beginning.
MERGE_BYTES = 2 * 2**30  # Of weights; the float32 copy that a merge makes takes twice as much beside them.
MAX_CONTEXT = 2048  # Tokens; models that take 100,000 would fill the memory with keys and values.


class TransformersGenerator:
    """The one owner of a model and its adapters.

    The base weights are never changed, so the base answers the same before and after an adapter was used. On a
    CPU an adapter is merged into a copy of them, which answers twice as fast as two small products beside each
    layer (`benchmarks/generation.py`); where a copy is too large, or the weights are in 4 bits, it is attached. Steps of a
    few tokens go through the compiled step where there is one (`kernels/quick.py`).
    """

    def __init__(self, loaded: Loaded, *, model_name: str, merge: bool | None = None) -> None:
        self._model = loaded.model
        self._tokenizer = loaded.tokenizer
        self._loaded = loaded
        self._name = model_name
        self._attached: set[str] = set()
        self._merged: dict[str, Any] = {}
        self._constraints: dict[str, Constraint] = {}
        self._constraint_tokenizer: Any = None
        self._ending: Ending | None = None
        self._beginnings = Beginnings()
        small = loaded.model.get_memory_footprint() <= MERGE_BYTES
        fits = loaded.device.name == "cpu" and loaded.storage != "int8" and small  # 8-bit weights cannot be added to.
        self._merges = fits if merge is None else merge
        self._quick: QuickModel | None = make_quick(self._model) if self._merges else None
        packed = pack_linears(self._model) if self._merges and can_pack(self._model) else self._model
        self._answering = self._quick or packed

    @property
    def description(self) -> Mapping[str, Any]:
        """Model, weights hash, storage, dtype, device, what computes steps of a few tokens, and number of parameters."""
        return {
            "model": self._name,
            "weights": self._loaded.weights_hash,
            "storage": self._loaded.storage,
            "dtype": self._loaded.device.dtype_name,
            "device": self._loaded.device.name,
            "step": "torch" if self._quick is None else "compiled",
            "parameters": int(self._model.num_parameters()),
        }

    @property
    def context_tokens(self) -> int:
        """The longest prompt plus answer: what the model takes, within `MAX_CONTEXT`."""
        text = self._model.config.get_text_config()  # Of a model that also sees, the part that reads.
        return min(int(getattr(text, "max_position_embeddings", MAX_CONTEXT)), MAX_CONTEXT)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt, the start of the answer included."""
        return len(encode_prompt(self._tokenizer, messages))

    def check_support(self, schema: Mapping[str, Any]) -> Support:
        """Say whether constrained modes can hold answers to a schema, and if not, why.

        Raises:
            LabError: The tokenizer has no fast version.
        """
        return self._compile(schema).support

    def generate(
        self, prompts: Sequence[Sequence[Message]], *, adapter: str | None, options: DecodeOptions,
        schema: Mapping[str, Any] | None = None, on_text: OnText | None = None,
    ) -> Iterator[tuple[int, Generation]]:  # fmt: skip
        """Yield (index of the prompt, generation) as they finish.

        The beginning that all prompts share (instruction, form of the answer, worked examples) goes through the
        model once; of a few prompts each one's is kept for the next question.

        Raises:
            LabError: The adapter cannot be loaded or was trained on other weights.
        """
        encoded = [encode_prompt(self._tokenizer, prompt) for prompt in prompts]
        few = len(encoded) <= FEW_PROMPTS
        prefix = 0 if few else common_prefix(encoded)
        starts = (
            [self._measure_beginning(prompt, tokens) for prompt, tokens in zip(prompts, encoded, strict=True)] if few else []
        )
        constraint = self._compile(schema) if schema is not None and options.mode != "free" else None
        loop = DecodeLoop(
            model=self._choose_model(adapter),
            ends=self._ends(),
            bridge=self._tokenizer("\n", add_special_tokens=False)["input_ids"],
            options=options,
            start_matcher=constraint.start if constraint else lambda: None,
            on_tokens=(lambda index, tokens: on_text(index, self._tokenizer.decode(tokens))) if on_text else None,
            ending=self._find_ending() if constraint else None,
            kept=self._beginnings,
            adapter=adapter,
        )
        for index, written in loop.run(encoded, prefix=prefix if prefix >= MIN_PREFIX else 0, beginnings=starts):
            yield index, self._describe(written, len(encoded[index]))

    def _measure_beginning(self, prompt: Sequence[Message], tokens: Sequence[int]) -> int:
        """Return how many leading tokens of a prompt stay the same when another question is asked; 0 for too few."""
        if not prompt:
            return 0
        others = [encode_prompt(self._tokenizer, [*prompt[:-1], replace(prompt[-1], content=turn)]) for turn in OTHER_TURNS]
        shared = common_prefix([tokens, *others])
        return shared if shared >= MIN_PREFIX else 0

    def _choose_model(self, adapter: str | None) -> Any:
        """Return the model that answers: the base, a merged copy, or the base with an adapter switched on."""
        if adapter is None:
            if self._attached:  # peft's layers stay in the model and are switched off: the base answers as before.
                choose_attached(self._model, None)
            return self._answering
        weights = self._loaded.weights_hash
        if self._merges:
            if adapter not in self._merged:  # Only the last copy is kept: each is as large as the base.
                merged = merge_adapter(self._model, Path(adapter), weights_hash=weights)
                quick = attach_quickly(self._quick, merged, Path(adapter)) if self._quick is not None else None
                self._beginnings.forget(adapter)
                self._merged = {adapter: quick or (pack_linears(merged) if can_pack(merged) else merged)}
            return self._merged[adapter]
        name = _adapter_name(adapter)
        if adapter not in self._attached:
            attach_adapter(self._model, Path(adapter), name=name, weights_hash=weights)
            self._beginnings.forget(adapter)
            self._attached.add(adapter)
        choose_attached(self._model, name)
        return self._model

    def _compile(self, schema: Mapping[str, Any]) -> Constraint:
        """Compile a schema, once for as long as the model is loaded."""
        key = json.dumps(schema)
        if key not in self._constraints:
            if self._constraint_tokenizer is None:  # It takes about a second, which free decoding need not pay.
                vocabulary = int(self._model.config.get_text_config().vocab_size)
                self._constraint_tokenizer = load_constraint_tokenizer(self._tokenizer, vocabulary=vocabulary)
            self._constraints[key] = compile_schema(schema, self._constraint_tokenizer)
        return self._constraints[key]

    def _find_ending(self) -> Ending:
        if self._ending is None:
            texts = self._tokenizer.convert_ids_to_tokens(range(len(self._tokenizer)))
            self._ending = rank_tokens(texts, ends=self._ends())
        return self._ending

    def _ends(self) -> frozenset[int]:
        """Return the tokens that end an answer: the text's end, those of the model's settings, and the template's own."""
        configured = getattr(self._model.generation_config, "eos_token_id", None)
        configured = configured if isinstance(configured, list) else [configured]
        found = [self._tokenizer.eos_token_id, *configured, find_end(self._tokenizer)]
        return frozenset(token for token in found if token is not None)

    def _describe(self, written: Written, prompt_tokens: int) -> Generation:
        return Generation(
            text=self._tokenizer.decode(written.tokens, skip_special_tokens=True),
            prompt_tokens=prompt_tokens,
            new_tokens=written.new_tokens,
            seconds=written.seconds,
            latency_seconds=written.latency_seconds,
            finish=written.finish,
            forced_tokens=written.forced_tokens,
            draft=self._tokenizer.decode(written.draft, skip_special_tokens=True),
            let_go=written.let_go,
        )


def load_generator(folder: Path, *, storage: str = "nf4", merge: bool | None = None) -> TransformersGenerator:
    """Load the model in `folder` and return the generator that owns it.

    Args:
        folder: The model's folder.
        storage: How the weights are kept: a key of `core.settings.STORAGES`, or `full` as `load_model` has it.
        merge: Overrides how adapters answer.
    """
    loaded = load_model(folder, storage="full" if storage == "bf16" else storage)
    if storage == "bf16":
        loaded = replace(loaded, storage=storage)
    return TransformersGenerator(loaded, model_name=folder.name, merge=merge)


def common_prefix(encoded: Sequence[Sequence[int]]) -> int:
    """Return how many leading tokens all prompts share; every prompt keeps at least one token of its own."""
    shortest, longest = min(map(list, encoded)), max(map(list, encoded))  # Extremes in order differ first.
    shared = 0
    while shared < min(len(shortest), len(longest)) and shortest[shared] == longest[shared]:
        shared += 1
    return min(shared, min(map(len, encoded)) - 1)


def _adapter_name(folder: str) -> str:
    """Name an adapter for peft, which allows no dots or slashes."""
    return "adapter_" + "".join(character if character.isalnum() else "_" for character in Path(folder).name)

"""Held-out answers while training: what the loss does not say, whether the answers parse, are valid, and are right.

The sample is cut from the training examples, by group, before anything is trained; the test split is never touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from statistics import fmean
from typing import Any

from core.answers.parsing import parse
from core.answers.validation import validate
from core.answers.writing import serialize
from core.evaluation.acceptance import score_example
from core.generation.attention import register_slot_attention
from core.generation.decoder import common_prefix
from core.generation.loop import DecodeLoop
from core.tasks.task import Task
from core.values import DecodeOptions, Example
from finetune.data import Encoded, pack
from finetune.train.model import compute_loss
from finetune.train.packed_attention import NAME
from finetune.train.report import Evaluation, HeldAnswer

SHOWN = 4  # Answers that people read in full, of each evaluation.
LOSS_BATCH = 8  # Examples in one row where the loss is measured.
ANSWER_BATCH = 16  # Answers written at once: it bounds the memory of their keys and values.


def split_holdout(examples: Sequence[Example], count: int, *, seed: int) -> tuple[list[Example], list[Example]]:
    """Cut a held-out sample off the training examples, whole groups, at most a tenth of them.

    Returns (to train on, held out). The choice follows from a hash of seed and group, so it does not move when
    examples are added. Where every group is larger than `count`, the smallest is held out if it is within the tenth.
    """
    most = len(examples) // 10
    count = min(count, most)
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.group or example.id, []).append(example)
    # By hash, not by a shuffle: an example that is added takes its own place and moves no other.
    order = sorted(groups, key=lambda name: blake2b(f"{seed}:{name}".encode(), digest_size=8).digest())
    held: list[Example] = []
    for name in order:
        if len(held) + len(groups[name]) <= count:
            held += groups[name]
    smallest = min(order, key=lambda name: len(groups[name]), default="")
    if count and not held and len(groups[smallest]) <= most:
        held = groups[smallest]
    chosen = {example.id for example in held}
    return [example for example in examples if example.id not in chosen], held


@dataclass(frozen=True)
class Evaluator:
    """Answers a held-out sample with the model that is being trained.

    Args:
        model: The peft model, whose attention is switched for decoding and back.
        tokenizer: Its tokenizer.
        task: For schema and marks.
        examples: The held-out examples.
        encoded: The same, encoded as they are asked.
        max_new_tokens: The longest answer.
        on_wait: Called at every batch and every written token; may raise `Cancelled`.
    """

    model: Any
    tokenizer: Any
    task: Task
    examples: Sequence[Example]
    encoded: Sequence[Encoded]
    max_new_tokens: int
    on_wait: Callable[[], None] = lambda: None

    def __call__(self, step: int) -> Evaluation:
        """Measure loss and answers; the model is in evaluation mode."""
        started = time.perf_counter()
        loss = self._measure_loss()
        texts, lengths, ended = self._answer()
        marks, parsed, valid = [], 0, 0
        for example, text in zip(self.examples, texts, strict=True):
            read = parse(text, self.task.schema)
            strict = read.stage == "strict"
            parsed += strict
            valid += strict and not validate(read.value, self.task.schema)
            marks.append(score_example(read.value, example, self.task.schema))
        n = len(texts)
        return Evaluation(
            step=step, n=n, held_loss=loss, parsed=parsed / n, schema_valid=valid / n,
            score=fmean(mark.score for mark in marks), exact=fmean(mark.exact for mark in marks),
            mean_tokens=fmean(lengths), ended=ended / n, seconds=time.perf_counter() - started,
            samples=tuple(
                HeldAnswer(example.id, example.input, serialize(example.output, self.task.schema), text, mark.score)
                for example, text, mark in list(zip(self.examples, texts, marks, strict=True))[:SHOWN]
            ),
        )  # fmt: skip

    def _measure_loss(self) -> float:
        import torch

        total, count = 0.0, 0
        with torch.no_grad():
            for start in range(0, len(self.encoded), LOSS_BATCH):
                self.on_wait()
                batch = self.encoded[start : start + LOSS_BATCH]
                tokens = sum(len(item.answer) for item in batch)
                total += float(compute_loss(self.model, pack(batch))) * tokens  # Each token counts once, not each batch.
                count += tokens
        return total / count

    def _answer(self) -> tuple[list[str], list[int], int]:
        """Decode the sample freely; returns texts, their tokens, and how many ended by themselves."""
        prompts = [item.prompt for item in self.encoded]
        # The loop that answers for people too, so that what is measured here is what they will get.
        loop = DecodeLoop(
            model=self.model,
            ends=frozenset([self.tokenizer.eos_token_id, *(item.answer[-1] for item in self.encoded)]),
            bridge=(),
            options=DecodeOptions(max_new_tokens=self.max_new_tokens, batch_size=min(ANSWER_BATCH, len(prompts))),
            on_tokens=lambda index, tokens: self.on_wait(),
        )
        # Packed attention reads the spans of a training row; decoding keeps its own keys and values in slots.
        self.model.set_attn_implementation(register_slot_attention())
        try:
            written = dict(loop.run(prompts, prefix=common_prefix(prompts) if len(prompts) > 1 else 0))
        finally:
            self.model.set_attn_implementation(NAME)
        texts = [self.tokenizer.decode(written[i].tokens, skip_special_tokens=True) for i in range(len(prompts))]
        lengths = [written[i].new_tokens for i in range(len(prompts))]
        return texts, lengths, sum(written[i].finish == "stop" for i in range(len(prompts)))

"""Answers on a lent GPU: a batch is one pure call, and the process that asks holds no weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.generation.decoder import TransformersGenerator, load_generator
from core.generation.loading import load_shell
from core.generation.zero_gpu import LONGEST_SECONDS, Refusal, borrow_gpu
from core.values import DecodeOptions, Generation, Message, OnText, Support

LOAD_SECONDS = 15.0  # Of a small model from the disk, the first time in a process.
TOKEN_SECONDS = 0.03  # Of a step of the loop, on any GPU; estimated, as the next one is.
PROMPT_CHARACTERS = 20_000.0  # Read in a second.


@dataclass(frozen=True, slots=True)
class AnswerBatch:
    """All that a batch of answers follows from; the fields are those of `Generator.generate`, with the model's folder."""

    folder: Path
    storage: str
    prompts: Sequence[Sequence[Message]]
    adapter: str | None
    options: DecodeOptions
    schema: Mapping[str, Any] | None


def answer_batch(batch: AnswerBatch) -> list[tuple[int, Generation]] | Refusal:
    """Return (index of the prompt, generation) in the order in which they were finished."""
    try:
        generator = _load_once(batch.folder, batch.storage)
        return list(generator.generate(batch.prompts, adapter=batch.adapter, options=batch.options, schema=batch.schema))
    except LabError as error:
        return Refusal(error.happened, error.remedy)


def estimate_seconds(batch: AnswerBatch) -> float:
    """Return how long a batch takes at most, as far as one can tell."""
    options = batch.options
    rounds = math.ceil(len(batch.prompts) / options.batch_size)
    tokens = options.max_new_tokens + (options.draft_tokens if options.mode == "think" else 0)
    characters = sum(len(message.content) for prompt in batch.prompts for message in prompt)
    seconds = LOAD_SECONDS + rounds * tokens * TOKEN_SECONDS + characters / PROMPT_CHARACTERS
    return min(seconds, LONGEST_SECONDS)


@lru_cache(maxsize=1)
def _load_once(folder: Path, storage: str) -> TransformersGenerator:
    """Load a model once in a process, which answers until its GPU is taken away."""
    return load_generator(folder, storage=storage)


class BorrowingGenerator:
    """Answers as a `TransformersGenerator` does, on GPUs that are lent. Answers come whole, not word by word.

    Args:
        folder: The model's folder.
        storage: How its weights are kept.
    """

    def __init__(self, folder: Path, *, storage: str) -> None:
        self._folder, self._storage = folder, storage
        self._shell = TransformersGenerator(load_shell(folder, storage=storage), model_name=folder.name, merge=False)

    @property
    def description(self) -> Mapping[str, Any]:
        """As the model that answers is described."""
        return self._shell.description

    @property
    def context_tokens(self) -> int:
        """The longest prompt plus answer."""
        return self._shell.context_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt, the start of the answer included."""
        return self._shell.count_tokens(messages)

    def check_support(self, schema: Mapping[str, Any]) -> Support:
        """Say whether constrained modes can hold answers to a schema, and if not, why."""
        return self._shell.check_support(schema)

    def generate(
        self, prompts: Sequence[Sequence[Message]], *, adapter: str | None, options: DecodeOptions,
        schema: Mapping[str, Any] | None = None, on_text: OnText | None = None,
    ) -> Iterator[tuple[int, Generation]]:  # fmt: skip
        """Yield (index of the prompt, generation) once all are finished.

        Raises:
            LabError: As `TransformersGenerator.generate`.
        """
        batch = AnswerBatch(self._folder, self._storage, [list(prompt) for prompt in prompts], adapter, options, schema)
        answers = borrow_gpu(answer_batch, estimate_seconds)(batch)
        if isinstance(answers, Refusal):
            raise answers.as_error()
        for index, generation in answers:
            if on_text is not None:
                on_text(index, generation.text)
            yield index, generation

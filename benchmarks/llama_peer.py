"""llama.cpp as a peer: the same weights as the GGUF file that ours were made of, read by `llama-cpp-python` where it is installed.

It is an extra of its own (`pip install -e ".[llama]"`), for its wheel is compiled on the spot. Where it or the file is absent
the benchmark says so and reports no ratio. The binding answers one prompt after the other; its library's parallel sequences
are not offered by it, so batches are measured against transformers only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.generation.chat import encode_prompt
from core.values import Message

GGUF = "RAGFT_GGUF"  # The environment's name of the file.
CONTEXT = 2048


@dataclass(frozen=True, slots=True)
class Written:
    """What the peer wrote: one text a prompt, and how many tokens all of them are."""

    texts: list[str]
    tokens: int


class LlamaPeer:
    """Answers greedily with llama.cpp, one prompt after the other, from the same token ids.

    Args:
        file: The GGUF file.
        threads: How many threads it may use.
        tokenizer: Ours, so that both read the same prompt.
    """

    def __init__(self, file: Path, *, threads: int, tokenizer: Any) -> None:
        from llama_cpp import Llama

        self._model = Llama(str(file), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)
        self._tokenizer = tokenizer

    def answer(self, prompts: Sequence[Sequence[Message]], *, new_tokens: int, schema: dict[str, Any] | None = None) -> Written:
        """Answer prompts, held to a schema by llama.cpp's own grammar where one is given."""
        from llama_cpp import LlamaGrammar

        texts, tokens = list[str](), 0
        for prompt in prompts:
            # A grammar keeps its place: each answer needs a new one.
            grammar = LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False) if schema is not None else None
            self._model.reset()
            ids = encode_prompt(self._tokenizer, prompt)
            told: Any = self._model.create_completion(ids, max_tokens=new_tokens, temperature=0.0, grammar=grammar)
            texts.append(told["choices"][0]["text"])
            tokens += int(told["usage"]["completion_tokens"])
        return Written(texts, tokens)


def find_llama() -> tuple[Path | None, str]:
    """Return the GGUF file where llama.cpp can be measured; else None and why not."""
    try:
        import llama_cpp  # noqa: F401
    except ImportError:
        return None, 'llama-cpp-python is not installed: pip install -e ".[llama]" (compiled on the spot, minutes).'
    named = os.environ.get(GGUF, "")
    if not Path(named).is_file():
        return None, f"no GGUF file: ${GGUF} is {named!r}; name the file that the bundled model was made of."
    return Path(named), ""

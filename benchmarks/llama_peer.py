"""llama.cpp as a peer: the same weights as the GGUF file that ours were made of, read by `xllamacpp` where it is installed.

It is an extra of its own (`pip install -e ".[llama]"`): a wheel that holds llama.cpp compiled for AVX2, so on a processor with
more (AVX512, bfloat16) it is slower than one compiled there. Schemas are held by llguidance, as ours are. Where it or the file is
absent the benchmark says so and reports no ratio. Prompts go one after the other; both keep a beginning for the next.
"""

from __future__ import annotations

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
        from xllamacpp import CommonParams, Server

        settings = CommonParams()
        settings.model.path = str(file)
        settings.n_ctx, settings.n_parallel = CONTEXT, 1
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        self._server = Server(settings)
        self._tokenizer = tokenizer

    def answer(self, prompts: Sequence[Sequence[Message]], *, new_tokens: int, schema: dict[str, Any] | None = None) -> Written:
        """Answer prompts, held to a schema where one is given."""
        texts, tokens = list[str](), 0
        for prompt in prompts:
            ids = encode_prompt(self._tokenizer, prompt)
            asked: dict[str, Any] = {"prompt": ids, "max_tokens": new_tokens, "temperature": 0.0, "cache_prompt": True}
            told: Any = self._server.handle_completions(asked | ({} if schema is None else {"json_schema": schema}))
            texts.append(told["choices"][0]["text"])
            tokens += int(told["usage"]["completion_tokens"])
        return Written(texts, tokens)


def find_llama() -> tuple[Path | None, str]:
    """Return the GGUF file where llama.cpp can be measured; else None and why not."""
    try:
        import xllamacpp  # noqa: F401
    except ImportError:
        return None, 'xllamacpp is not installed: pip install -e ".[llama]".'
    named = os.environ.get(GGUF, "")
    if not Path(named).is_file():
        return None, f"no GGUF file: ${GGUF} is {named!r}; name the file that the bundled model was made of."
    return Path(named), ""

"""Schema-valid objects per minute: our decode loop against transformers' `generate` with the same grammar.

The peer is what one would write today: `generate` with a logits processor around llguidance, left-padded
batches, the model as transformers loads it. Both hold the same weights in the same dtype, the same prompts and
the same compiled grammar, and decode greedily.

llama.cpp (`benchmarks/llama_peer.py`) reads the GGUF file that our weights were made of: free and held, short prompts and
prompts with passages, one after the other; where it is not installed the report says so and holds no ratio of it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.llama_peer import LlamaPeer, find_llama
from benchmarks.measure import median_ratio, print_report, read_arguments, time_pair
from core.answers.parsing import parse
from core.answers.validation import validate
from core.comparison.arms import ARMS
from core.comparison.prompts import build_prompt, choose_shots
from core.generation.chat import encode_prompt
from core.generation.constraint import Constraint, Matcher, compile_schema
from core.generation.decoder import TransformersGenerator, load_generator
from core.generation.loop import DecodeLoop
from core.generation.models import fetch_model
from core.generation.vocabulary import load_constraint_tokenizer
from core.settings import prepare_libraries, read_settings
from core.tasks.folders import find_task
from core.tasks.loading import load_task
from core.tasks.task import Task
from core.values import DecodeOptions, Generation, Hit, Message, Passage

TASK = "hiring-handbook"
LIMITS = {"batch1_vs_transformers": 2.5, "batch16_vs_transformers": 2.0, "constraint_overhead": 0.03, "loop_share": 0.10}
NEW_TOKENS = 96
KINDS = (("short", 0), ("passages", 2))  # Of prompts: how many passages each shows.
PASSAGE = 450  # Characters; about 96 tokens, as the task's passages have.


def main() -> None:
    """Time both at batch 1 and 16."""
    prepare_libraries()
    quick = read_arguments(__doc__ or "").quick
    settings = read_settings()
    folder = fetch_model(settings)
    task = load_task(find_task(TASK, settings))
    schema = limit_strings(task.schema, 24)
    generator = load_generator(folder)
    peer = Peer(folder, generator, schema)
    prompts = make_prompts(task, 4 if quick else 32)
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    for batch in (1, 16):
        chosen = prompts[: 8 if batch == 1 else 32]
        options = DecodeOptions(mode="constrained", max_new_tokens=NEW_TOKENS, batch_size=batch)
        times = time_pair(
            lambda options=options, chosen=chosen: answer(generator, chosen, options, schema),  # type: ignore[misc]
            lambda batch=batch, chosen=chosen: peer.answer(chosen, batch),  # type: ignore[misc]
            rounds=1 if quick else 5,
        )
        texts = answer(generator, chosen, options, schema), peer.answer(chosen, batch)
        valid = [sum(is_valid(text, schema) for text in side) for side in texts]
        ours[f"batch{batch}"] = describe(times[0], valid[0], len(chosen))
        theirs[f"batch{batch}"] = describe(times[1], valid[1], len(chosen))
        same = sum(a == b for a, b in zip(*texts, strict=True))
        ours[f"batch{batch}"]["same_text_as_peer"] = same / len(chosen)
        ratios[f"batch{batch}_vs_transformers"] = median_ratio(*times) * valid[0] / max(valid[1], 1)
    theirs["llamacpp"] = compare_llama(generator, task, schema, ratios, quick=quick)
    with measure_shares() as shares:
        answer(generator, prompts, DecodeOptions(mode="constrained", max_new_tokens=NEW_TOKENS), schema)
    ratios["constraint_overhead"] = shares["constraint"] / shares["forward"]
    ratios["loop_share"] = 1 - shares["forward"] / shares["all"]
    print_report(
        "generation",
        config={"task": TASK, "prompts": len(prompts), "arm": "base", "new_tokens": NEW_TOKENS, **generator.description},
        ours=ours,
        peer=theirs,
        ratios=ratios,
        limits=LIMITS,
    )


def compare_llama(
    generator: TransformersGenerator, task: Task, schema: dict[str, Any], ratios: dict[str, Any], *, quick: bool
) -> dict[str, Any]:
    """Time llama.cpp against ours, in turns, one prompt after the other, and add the ratios; says why where it cannot.

    The ratio of free texts is of tokens a second, for the texts may differ in length; of held ones of valid objects.
    """
    file, reason = find_llama()
    if file is None:
        return {"status": "not run", "reason": reason}
    import torch

    peer = LlamaPeer(file, threads=torch.get_num_threads(), tokenizer=generator._tokenizer)
    report: dict[str, Any] = {"status": "run", "file": file.name}
    for kind, documents in KINDS:
        prompts = make_prompts(task, 2 if quick else 8, documents=documents)
        for mode, held in (("free", None), ("constrained", schema)):
            options = DecodeOptions(mode=mode, max_new_tokens=NEW_TOKENS, batch_size=1)
            times = time_pair(
                lambda prompts=prompts, options=options: answer_singly(generator, prompts, options, schema),
                lambda prompts=prompts, held=held: peer.answer(prompts, new_tokens=NEW_TOKENS, schema=held),
                rounds=1 if quick else 5,
            )
            own = answer_singly(generator, prompts, options, schema)
            other = peer.answer(prompts, new_tokens=NEW_TOKENS, schema=held)
            valid = [sum(is_valid(text, schema) for text in texts) for texts in ([a.text for a in own], other.texts)]
            speed = [sum(a.new_tokens for a in own), other.tokens]
            counted = valid if held is not None else speed
            report[f"{kind}_{mode}"] = {
                "ours": describe(times[0], valid[0], len(prompts)) | {"tokens": speed[0]},
                "peer": describe(times[1], valid[1], len(prompts)) | {"tokens": speed[1]},
            }
            if all(counted):
                ratios[f"{kind}_{mode}_vs_llamacpp"] = median_ratio(*times) * counted[0] / counted[1]
    return report


def answer_singly(
    generator: TransformersGenerator, prompts: Sequence[Sequence[Message]], options: DecodeOptions, schema: dict[str, Any]
) -> list[Generation]:
    """Answer prompts one after the other, each in a call of its own."""
    return [next(generator.generate([prompt], adapter=None, options=options, schema=schema))[1] for prompt in prompts]


def make_prompts(task: Task, count: int, *, documents: int = 0) -> list[list[Message]]:
    """Return the base arm's prompts of the first test items, each with the beginnings of some documents as its passages.

    No two have a document in common: each question finds passages of its own, and nobody may read them once for all.
    """
    shots = choose_shots(task, ARMS["base"].shots)
    files = sorted((task.folder / "documents").glob("*.md"))[: documents * count]
    texts = [(file.stem, file.read_text(encoding="utf-8")[:PASSAGE]) for file in files]
    hits = [Hit(Passage(name, name, 0, len(text), text), 1.0) for name, text in texts]
    shown = [hits[documents * place : documents * (place + 1)] for place in range(count)]
    return [build_prompt(task, item.input, shots=shots, hits=own) for item, own in zip(task.test[:count], shown, strict=True)]


def limit_strings(schema: Any, length: int) -> dict[str, Any]:
    """Return a copy of a schema whose strings are short, so that every answer ends and both sides write as much."""
    copy = json.loads(json.dumps(schema))
    for field in copy["properties"].values():
        kinds = field.get("type", [])
        if "string" in (kinds if isinstance(kinds, list) else [kinds]):
            field["maxLength"] = length
    return dict(copy)


def answer(
    generator: TransformersGenerator, prompts: Sequence[Sequence[Message]], options: DecodeOptions, schema: dict[str, Any]
) -> list[str]:
    """Answer with our loop, texts in the prompts' order."""
    found = dict(generator.generate(prompts, adapter=None, options=options, schema=schema))
    return [found[index].text for index in range(len(prompts))]


def is_valid(text: str, schema: dict[str, Any]) -> bool:
    """Whether a text is strict JSON and valid."""
    parsed = parse(text)
    return parsed.stage == "strict" and not validate(parsed.value, schema)


def describe(times: Sequence[float], valid: int, count: int) -> dict[str, float]:
    """Describe one side's rounds."""
    median = statistics.median(times)
    return {"seconds": median, "valid": valid / count, "valid_objects_per_minute": 60 * valid / median}


class Peer:
    """transformers' `generate` on weights of its own, loaded as usual from the same folder."""

    def __init__(self, folder: Any, ours: TransformersGenerator, schema: dict[str, Any]) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

        dtype = getattr(torch, str(ours.description["dtype"]))
        quantization = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, quantization_config=quantization)
        self._model = model.dequantize().to(dtype).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        constraint_tokenizer = load_constraint_tokenizer(self._tokenizer, vocabulary=self._model.config.vocab_size)
        self._constraint: Constraint = compile_schema(schema, constraint_tokenizer)

    def answer(self, prompts: Sequence[Sequence[Message]], batch: int) -> list[str]:
        """Answer in left-padded batches of prompts of like length."""
        encoded = [encode_prompt(self._tokenizer, prompt) for prompt in prompts]
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        texts: dict[int, str] = {}
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            for index, text in zip(chosen, self._answer_batch([encoded[i] for i in chosen]), strict=True):
                texts[index] = text
        return [texts[index] for index in range(len(prompts))]

    def _answer_batch(self, encoded: Sequence[list[int]]) -> list[str]:
        import torch
        from transformers import LogitsProcessorList

        width, pad = max(map(len, encoded)), self._tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in encoded])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in encoded])
        with torch.inference_mode():
            output = self._model.generate(
                ids, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=pad,
                logits_processor=LogitsProcessorList([make_processor(self._constraint, len(encoded), width)]),
            )  # fmt: skip
        return [str(text) for text in self._tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)]


def make_processor(constraint: Constraint, rows: int, width: int) -> Any:
    """Return a logits processor that follows every row with a matcher of its own."""
    import numpy as np
    import torch
    from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
    from transformers import LogitsProcessor

    matchers: list[Any] = [constraint.start()._matcher for _ in range(rows)]  # type: ignore[union-attr]

    class Processor(LogitsProcessor):  # type: ignore[misc]
        """Masks what the grammar forbids."""

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            bits = allocate_token_bitmask(rows, scores.shape[-1])
            for row, matcher in enumerate(matchers):
                if input_ids.shape[1] > width and not matcher.is_stopped():
                    matcher.consume_token(int(input_ids[row, -1]))
                fill_next_token_bitmask(matcher, bits, row)
            allowed = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[-1]]
            return scores.masked_fill_(~torch.from_numpy(allowed).bool(), float("-inf"))

    return Processor()


@contextmanager
def measure_shares() -> Iterator[dict[str, float]]:
    """Add up the seconds of the model's forward passes, of the constraint, and of everything."""
    shares = {"forward": 0.0, "constraint": 0.0, "all": 0.0}
    patched: list[tuple[Any, str, Any]] = []

    def watch(owner: Any, name: str, share: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **more: Any) -> Any:
            start = time.perf_counter()
            try:
                return original(*arguments, **more)
            finally:
                shares[share] += time.perf_counter() - start

        patched.append((owner, name, original))
        setattr(owner, name, timed)

    watch(DecodeLoop, "_forward", "forward")
    for name in ("allows", "list_allowed", "accept", "take_forced"):
        watch(Matcher, name, "constraint")
    start = time.perf_counter()
    try:
        yield shares
    finally:
        shares["all"] = time.perf_counter() - start
        for owner, name, original in patched:
            setattr(owner, name, original)


if __name__ == "__main__":
    main()

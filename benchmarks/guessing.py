"""Guesses copied from the prompt (`core/generation/guessing.py`): how many tokens they give and what they save, an arm at a time.

Answers one after the other, with guesses and without in turns; both write the same texts, which the report counts. An arm whose
adapter is missing is named, not measured.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.measure import median_ratio, print_report, read_arguments
from core.comparison.arms import ARMS, fit_arm
from core.comparison.pipeline import Tools, answer
from core.errors import LabError
from core.generation import loop
from core.generation.decoder import TransformersGenerator
from core.settings import prepare_libraries, read_settings
from core.tasks.task import Task
from core.values import DecodeOptions, Example
from lab.answering import choose_options, fix_adapter, gather_tools
from lab.lab import Lab

TASK = "hiring-handbook"
ITEMS = 12


def main() -> None:
    """Measure the four arms."""
    prepare_libraries()
    quick = read_arguments(__doc__ or "").quick
    lab = Lab(read_settings())
    task = lab.task(TASK)
    items = task.test[:: len(task.test) // ITEMS][: 2 if quick else ITEMS]
    options = choose_options(lab, task, batch_size=1)
    ours: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    for name in ("base", "rag", "qlora", "hybrid"):
        try:
            arm = fix_adapter(lab, task, fit_arm(ARMS[name], task))
            tools = gather_tools(lab, task, arm, items)
        except LabError as error:
            ours[name] = {"status": "not run", "reason": str(error)}
            continue
        ours[name], ratios[f"{name}_without_vs_with"] = measure_arm(task, items, arm, tools, options, rounds=1 if quick else 3)
    config = {"task": TASK, "items": len(items), "mode": options.mode, "batch": 1, **lab.load_generator().description}
    print_report("guessing", config=config, ours=ours, ratios=ratios)


# Six: an arm, its task, items and tools, how to decode, and how often.
def measure_arm(
    task: Task, items: Sequence[Example], arm: Any, tools: Tools, options: DecodeOptions, *, rounds: int
) -> tuple[dict[str, Any], float]:
    """Answer the items with guesses and without, in turns; returns what was seen and the ratio of seconds."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    texts: dict[bool, list[str]] = {}
    answer_singly(task, items[:1], arm, tools, options)  # Loads the adapter and compiles the schema.
    share = 0.0
    for _ in range(rounds):
        for guesses in (False, True):
            with watch_guesses(rows=loop.GUESSING_ROWS if guesses else 0) as taken:
                start = time.perf_counter()
                texts[guesses] = answer_singly(task, items, arm, tools, options)
                seconds[guesses].append(time.perf_counter() - start)
            share = sum(guessed for guessed, _ in taken) / max(1, sum(new for _, new in taken))
    same = sum(a == b for a, b in zip(texts[True], texts[False], strict=True))
    report = {
        "same_texts": same / len(items),
        "tokens_from_guesses": share,
        "seconds_with": statistics.median(seconds[True]),
        "seconds_without": statistics.median(seconds[False]),
    }
    return report, median_ratio(seconds[True], seconds[False])


def answer_singly(task: Task, items: Sequence[Example], arm: Any, tools: Tools, options: DecodeOptions) -> list[str]:
    """Answer items one after the other, each in a call of its own."""
    found = [next(iter(answer(task, [item], arm, tools, options=options)))[1] for item in items]
    return [prediction.generation.text for prediction in found]


@contextmanager
def watch_guesses(*, rows: int) -> Iterator[list[tuple[int, int]]]:
    """Let guesses go along with at most `rows` rows, and collect (tokens from guesses, new tokens) of each answer."""
    taken: list[tuple[int, int]] = []
    describe, before = TransformersGenerator._describe, loop.GUESSING_ROWS

    def watched(self: TransformersGenerator, written: loop.Written, prompt_tokens: int) -> Any:
        taken.append((written.guessed_tokens, written.new_tokens))
        return describe(self, written, prompt_tokens)

    TransformersGenerator._describe, loop.GUESSING_ROWS = watched, rows  # type: ignore[method-assign]
    try:
        yield taken
    finally:
        TransformersGenerator._describe, loop.GUESSING_ROWS = describe, before  # type: ignore[method-assign]


if __name__ == "__main__":
    main()

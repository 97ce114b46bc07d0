"""How answering grows: tokens a second and memory by length of the prompt and by how many are answered together.

Prompts of random tokens with nothing in common, each answered with as many tokens, no end and no guesses: what a step costs, and
nothing else. Reading is timed by answers of one token; writing by what longer ones take beyond that (medians of three pairs).
Memory is the process's largest so far, so points are measured from small to large. A point that would read more than
`MOST_READ` tokens is left out.

python -m benchmarks.growth [--model FOLDER] [--quick]
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks.measure import print_report
from core.generation.decoder import load_generator
from core.generation.loop import DecodeLoop
from core.generation.models import fetch_model
from core.settings import prepare_libraries, read_settings
from core.values import DecodeOptions

LENGTHS = (256, 1024, 2016)  # Of the prompt, in tokens; the longest leaves room for the answer within 2,048.
BATCHES = (1, 4, 16, 48)
QUICK = {"lengths": (64,), "batches": (1, 4)}
NEW, ROUNDS = 24, 3
MOST_READ = 33_000


def main() -> None:
    """Measure every point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a model's folder; by default the bundled one")
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    given = parser.parse_args()
    prepare_libraries()
    settings = read_settings()
    generator = load_generator(given.model or fetch_model(settings))
    loaded = measure_memory()
    lengths, batches = (QUICK["lengths"], QUICK["batches"]) if given.quick else (LENGTHS, BATCHES)
    points = sorted((length * batch, length, batch) for length in lengths for batch in batches)
    measure_point(generator, 16, 1)  # The first call pays for what is made once.
    found = [measure_point(generator, length, batch) for total, length, batch in points if total <= MOST_READ]
    print_report(
        "growth",
        config={"new_tokens": NEW, "left_out_above": MOST_READ, **generator.description},
        ours={"memory_loaded_mib": loaded, "points": found},
    )


def measure_point(generator: Any, length: int, batch: int) -> dict[str, Any]:
    """Return the speed of reading and of writing at a length and a batch, and the largest memory so far."""
    random = Random(length * 100 + batch)
    last = generator._model.config.get_text_config().vocab_size - 1
    prompts = [[random.randint(100, last) for _ in range(length)] for _ in range(batch)]
    pairs = [(time_answers(generator, prompts, 1), time_answers(generator, prompts, NEW)) for _ in range(ROUNDS)]
    reading = median(one for one, _ in pairs)
    writing = median(whole - one for one, whole in pairs)
    return {
        "prompt": length,
        "together": batch,
        "read_tokens_per_second": round(length * batch / reading, 1),
        "written_tokens_per_second": round((NEW - 1) * batch / writing, 1) if writing > 0 else None,
        "memory_mib": measure_memory(),
    }


def time_answers(generator: Any, prompts: list[list[int]], new: int) -> float:
    """Return the seconds that answers of so many tokens take."""
    options = DecodeOptions(max_new_tokens=new, batch_size=len(prompts))
    loop = DecodeLoop(model=generator._answering, ends=frozenset(), bridge=[], options=options, guesses=False)
    start = time.perf_counter()
    list(loop.run(prompts))
    return time.perf_counter() - start


def measure_memory() -> float:
    """Return the process's largest resident memory so far, in MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    main()

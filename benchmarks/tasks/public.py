"""Public data sets as rows that `ragft new-task` reads; the data lie beside the project and are never copied into it.

python -m benchmarks.tasks.public snips > snips.jsonl
ragft new-task snips --examples snips.jsonl --train 2000 --test 300
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def find_rows(name: str) -> Path:
    """Return the folder of a data set's files; it may be absent."""
    return DATA / name


def read_rows(name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a gzipped JSON-lines file."""
    path = DATA / name
    if not path.is_file():
        raise SystemExit(f"{path} is not here; this adapter needs the data set.")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def adapt_snips() -> Iterator[dict[str, Any]]:
    """Requests to a voice assistant: intent and slots (Coucke et al. 2018, arXiv 1805.10190; CC0-1.0)."""
    for row in read_rows("snips/train.jsonl.gz"):
        slots = [{"entity": slot["entity"], "value": slot["value"]} for slot in row["slots"]]
        yield {"text": row["text"].strip(), "intent": row["intent"], "slots": slots}


def adapt_banking77() -> Iterator[dict[str, Any]]:
    """Questions to a bank: one of 77 intents (Casanueva et al. 2020, arXiv 2003.04807; CC-BY-4.0)."""
    for split in ("train", "test"):
        for row in read_rows(f"banking77/{split}.jsonl.gz"):
            yield {"text": row["text"], "intent": row["label"], "split": split}


def adapt_semeval() -> Iterator[dict[str, Any]]:
    """Students' short answers, graded (Dzikovska et al. 2013, SemEval task 7; CC-BY-SA-3.0); split by question."""
    for row in read_rows("semeval2013_task7/3way.jsonl.gz"):
        best = row["reference_answers"][0]["text"]
        answer = row["student_answer"]
        yield {
            "id": row["id"],
            "text": f"{row['question']}\nReference: {best}\nStudent: {answer}",
            "grade": row["label"],
            "group": row["question_id"],
        }


ADAPTERS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "snips": adapt_snips,
    "banking77": adapt_banking77,
    "semeval": adapt_semeval,
}


def main() -> None:
    """Write the rows of one data set to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(ADAPTERS))
    for row in ADAPTERS[parser.parse_args().name]():
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

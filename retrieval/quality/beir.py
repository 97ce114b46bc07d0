"""Reading a retrieval benchmark in BEIR's form: corpus, queries, judgements."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.values import Document
from retrieval.quality.metrics import LabelledQuestion
from retrieval.readers.text import clean_text

QRELS = ("qrels/test.tsv", "qrels_test.tsv")  # Where judgements lie: as BEIR packs them, or beside the corpus.


def read_beir(folder: Path) -> tuple[list[Document], list[LabelledQuestion]]:
    """Read `corpus.jsonl`, `queries.jsonl` (plain or .gz) and the test judgements of a folder.

    Raises:
        LabError: A part is missing or not in the form.
    """
    documents = [
        Document(str(row["_id"]), str(row.get("title", "")), f"{row.get('title', '')}\n\n{row['text']}".strip())
        for row in _read_rows(folder, "corpus.jsonl")
    ]
    texts = {str(row["_id"]): clean_text(str(row["text"])) for row in _read_rows(folder, "queries.jsonl")}
    relevant = _read_judgements(folder)
    unknown = sorted(set(relevant) - set(texts))
    if unknown:
        raise LabError(f"The judgements in {folder} name the query {unknown[0]!r}, which queries.jsonl does not hold.")
    return documents, [LabelledQuestion(texts[query], gains, query) for query, gains in relevant.items()]


def _read_judgements(folder: Path) -> dict[str, dict[str, float]]:
    path = next((folder / name for name in QRELS if (folder / name).is_file()), None)
    if path is None:
        raise LabError(f"{folder} has no judgements.", f"Put them into {' or '.join(QRELS)}.")
    relevant: dict[str, dict[str, float]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            try:
                gain = float(row["score"])
                if gain > 0:
                    relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = gain
            except (KeyError, TypeError, ValueError) as error:
                raise LabError(f"{path} is not in BEIR's form: {row}.", "Columns: query-id, corpus-id, score.") from error
    return relevant


def _read_rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    plain, packed = folder / name, folder / f"{name}.gz"
    if not plain.is_file() and not packed.is_file():
        raise LabError(f"{folder} has no {name}.", f"A BEIR folder holds corpus.jsonl, queries.jsonl and {QRELS[0]}.")
    text = plain.read_text(encoding="utf-8") if plain.is_file() else gzip.decompress(packed.read_bytes()).decode("utf-8")
    for number, line in enumerate(filter(str.strip, text.split("\n")), start=1):
        try:
            row = json.loads(line)
            _ = row["_id"], row["text"]
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(f"{folder / name}, line {number}: it is no object with _id and text.") from error
        yield row

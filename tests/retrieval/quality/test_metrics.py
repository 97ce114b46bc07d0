"""Retrieval metrics on rankings worked out by hand, and the BEIR form."""

import gzip
import json
import math

import pytest

from core.errors import LabError
from core.values import Hit, Passage
from retrieval.quality.beir import read_beir
from retrieval.quality.metrics import LabelledQuestion, measure_quality, ndcg, rank_documents, recall, reciprocal_rank


def hit(document):
    return Hit(Passage(document, document, 0, 1, "x"), 1.0)


def test_a_document_counts_once_at_its_best_place():
    assert rank_documents([hit("a"), hit("b"), hit("a"), hit("c")]) == ["a", "b", "c"]


def test_metrics_by_hand():
    ranking, relevant = ["x", "a", "y", "b"], {"a": 1.0, "b": 1.0, "c": 1.0}
    assert recall(ranking, relevant, k=2) == pytest.approx(1 / 3)
    assert recall(ranking, relevant, k=4) == pytest.approx(2 / 3)
    assert reciprocal_rank(ranking, relevant, k=10) == 0.5
    assert reciprocal_rank(ranking, relevant, k=1) == 0.0
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(ranking, relevant, k=10) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best)
    assert ndcg(["b", "a"], {"a": 2.0, "b": 1.0}, k=10) == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))


def test_questions_without_evidence_are_left_out():
    class Fixed:
        def search(self, queries, *, top_k):
            return [[hit("a")] for _ in queries]

    quality = measure_quality(
        Fixed(),
        [LabelledQuestion("q", {"a": 1.0}, "1"), LabelledQuestion("r", {}, "2"), LabelledQuestion("s", {"b": 1.0}, "3")],
    )
    assert quality.questions == 2
    assert quality.ndcg.mean == 0.5
    assert quality.as_json()["recall"]["1"]["mean"] == 0.5
    with pytest.raises(LabError, match="evidence"):
        measure_quality(Fixed(), [LabelledQuestion("r", {}, "2")])


def write_beir(folder, *, packed=False):
    folder.mkdir()
    corpus = '{"_id": "1", "title": "Walrus", "text": "The walrus bonus."}\n{"_id": "2", "text": "Breaks last long."}\n'
    if packed:
        (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.encode()))
    else:
        (folder / "corpus.jsonl").write_text(corpus)
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "walrus?"}\n')
    (folder / "qrels_test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\t1\t1\nq1\t2\t0\n")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_reading_beir(tmp_path, packed):
    documents, labelled = read_beir(write_beir(tmp_path / "b", packed=packed))
    assert [document.id for document in documents] == ["1", "2"]
    assert labelled == [LabelledQuestion("walrus?", {"1": 1.0}, "q1")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corpus.jsonl", "{", "line 1"),
        ("queries.jsonl", json.dumps({"_id": "other", "text": "t"}), "q1"),
        ("qrels_test.tsv", "a\tb\n1\t2\n", "Columns"),
    ],
)
def test_a_broken_benchmark_is_named(tmp_path, name, text, message):
    folder = write_beir(tmp_path / "b")
    (folder / name).write_text(text)
    with pytest.raises(LabError, match=message):
        read_beir(folder)
    (folder / name).unlink()
    with pytest.raises(LabError):
        read_beir(folder)

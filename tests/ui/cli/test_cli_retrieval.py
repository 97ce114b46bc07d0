"""`ragft search` and `ragft retrieval-eval` with the hashing embedder."""

import json
import sys

import pytest

import lab.lab
import retrieval.search.hybrid
import retrieval.search.rerank
from core.generation.fake import FakeGenerator
from ui.cli.main import main


@pytest.fixture
def ragft(monkeypatch, capsys, embedder):
    """Run the command line; returns (exit code, stdout, stderr in one line)."""
    monkeypatch.setattr(lab.lab.Lab, "load_embedder", lambda self: embedder)
    good = '{"answer": "40 euros", "area": "pay", "sure": true}'
    fake = FakeGenerator({(None, "Question: Tell me the walrus bonus."): good})
    monkeypatch.setattr(lab.lab.Lab, "load_generator", lambda self: fake)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ragft", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return run


@pytest.fixture
def indexed(ragft, task_folder):
    with (task_folder / "test.jsonl").open("a") as stream:
        output = {"answer": "in May", "area": "pay", "sure": True}
        evidence = [{"document": "pay", "quote": "is paid in May"}]
        stream.write(json.dumps({"id": "e", "input": "When is it paid?", "output": output, "evidence": evidence}) + "\n")
    assert ragft("index", task_folder, "--json")[0] == 0
    return task_folder


def search(ragft, *arguments):
    code, out, _ = ragft("search", *arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_hits_carry_passage_place_ranks_scores_and_the_verdict(ragft, indexed):
    found = search(ragft, indexed, "walrus bonus", "--k", "1")
    (hit,) = found["hits"]
    assert hit["passage"]["document"] == "pay"
    assert "Bonus" in hit["passage"]["place"]
    assert set(hit["ranks"]) == set(hit["scores"]) == {"dense", "bm25"}
    assert found["verdict"]["abstained"] is False
    assert {"reason", "best_score", "threshold"} <= set(found["verdict"])
    assert search(ragft, indexed, "zebra crossing parliament", "--mode", "bm25")["verdict"]["abstained"] is True


def test_documents_filter_before_the_best_are_chosen(ragft, indexed):
    found = search(ragft, indexed, "walrus bonus", "--document", "time")
    assert {hit["passage"]["document"] for hit in found["hits"]} == {"time"}
    both = search(ragft, indexed, "walrus bonus", "--document", "time", "--document", "pay")
    assert {hit["passage"]["document"] for hit in both["hits"]} == {"time", "pay"}


def test_documents_may_be_given_by_pattern(ragft, indexed):
    assert {hit["passage"]["document"] for hit in search(ragft, indexed, "walrus bonus", "--document", "t*")["hits"]} == {
        "time"
    }
    both = search(ragft, indexed, "walrus bonus", "--document", "[pt]*")
    assert {hit["passage"]["document"] for hit in both["hits"]} == {"time", "pay"}


def test_a_pattern_filters_before_the_best_are_chosen(ragft, task_folder):
    folder = task_folder / "documents"
    (folder / "policies" / "old").mkdir(parents=True)
    (folder / "policies" / "old" / "a.md").write_text("# Old\n\nNothing of note.")
    for n in range(60):
        (folder / f"d{n}.md").write_text(f"# D{n}\n\nThe walrus bonus walrus bonus number {n}.")
    assert ragft("index", task_folder, "--json")[0] == 0
    (hit,) = search(ragft, task_folder, "walrus bonus", "--document", "policies/*", "--mode", "dense")["hits"]
    assert hit["passage"]["document"] == "policies/old/a"


def test_diversity_and_a_reranker_reach_the_search(ragft, indexed, monkeypatch):
    class ByLength:
        def __init__(self, folder):
            assert folder.name == "model"

        def score(self, query, texts):
            return [-float(len(text)) for text in texts]

    monkeypatch.setattr(retrieval.search.rerank, "CrossEncoderReranker", ByLength)
    plain = search(ragft, indexed, "walrus bonus")["hits"]
    reranked = search(ragft, indexed, "walrus bonus", "--rerank", "model")["hits"]
    assert [hit["ranks"]["rerank"] for hit in reranked] == list(range(1, len(plain) + 1))
    lengths = [len(hit["passage"]["title"] + hit["passage"]["text"]) for hit in reranked]
    assert lengths == sorted(lengths)
    asked = []
    diversify = retrieval.search.hybrid.diversify
    monkeypatch.setattr(
        retrieval.search.hybrid,
        "diversify",
        lambda *given, diversity: asked.append(diversity) or diversify(*given, diversity=diversity),
    )
    assert len(search(ragft, indexed, "walrus bonus", "--diversity", "0.7")["hits"]) == len(plain)
    assert asked == [0.7]


def test_fusion_changes_the_scores_and_not_what_is_found(ragft, indexed):
    scores = [search(ragft, indexed, "walrus bonus", "--fusion", name)["hits"][0] for name in ("convex", "rrf")]
    assert scores[0]["passage"] == scores[1]["passage"]
    assert scores[0]["score"] == 1.0
    assert scores[1]["score"] == pytest.approx(2 / 61)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--document", "pat"], "Did you mean pay?"),
        (["--document", "zzz"], "There is no document 'zzz'"),
        (["--document", "zzz/*"], "There is no document 'zzz/*'"),
        (["--diversity", "1.5"], "diversity of 1.5"),
        (["--rerank", "nowhere"], "no folder of a cross-encoder"),
        (["--mode", "magic"], "no search mode 'magic'"),
        (["--fusion", "magic"], "no way of fusing called 'magic'"),
        (["--k", "0"], "greater than or equal to 1"),
        (["--k", "1000"], "1000 passages"),
    ],
)
def test_mistakes_are_named(ragft, indexed, more, words):
    code, out, err = ragft("search", indexed, "bonus", *more)
    assert (code, out) == (2, "")
    assert words in err
    assert ragft("search", indexed, "  ")[0] == 2


def test_people_are_told_the_verdict_above_the_hits(ragft, indexed):
    code, out, _ = ragft("search", indexed, "walrus bonus")
    assert code == 0
    assert "evidence begins at" in " ".join(out.split())
    assert "pay" in out


def test_recall_is_measured_for_every_k(ragft, indexed):
    code, out, _ = ragft("retrieval-eval", indexed, "--json")
    assert code == 0
    quality = json.loads(out)
    assert list(quality) == ["dense", "bm25", "hybrid"]
    recall = quality["hybrid"]["recall"]
    assert list(recall) == [str(k) for k in range(1, 11)]
    assert recall["2"]["mean"] == 1.0
    assert all(set(value) == {"mean", "low", "high"} for value in recall.values())
    code, out, _ = ragft("retrieval-eval", indexed)
    assert code == 0
    assert "R@10" in out


def test_answers_say_what_supports_them(ragft, indexed):
    code, out, _ = ragft("ask", indexed, "Tell me the walrus bonus.", "--arms", "base,rag", "--json")
    assert code == 0
    base, rag = json.loads(out)
    assert base["support"] == []
    answer = rag["support"][0]
    assert (answer["pointer"], answer["status"], answer["document"], answer["quote"]) == (
        "/answer",
        "supported",
        "pay",
        "40 euros",
    )
    assert rag["dropped_passages"] == 0

"""The right passages, and those of another question."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.evaluation.causes import has_evidence
from core.values import Document, Evidence, Example, Hit, Passage
from retrieval.evidence.given_passages import GivenPassages
from retrieval.evidence.right_passages import find_right_passages
from retrieval.evidence.wrong_passages import find_wrong_passages


class Shelf:
    """An index of documents cut every few characters."""

    def __init__(self, texts, size=40):
        self.documents = {name: Document(name, name.title(), text) for name, text in texts.items()}
        self.passages = [
            Passage(name, name.title(), start, min(start + size, len(text)), text[start : start + size])
            for name, text in texts.items()
            for start in range(0, len(text), size)
        ]

    def select(self, documents):
        return np.array([place for place, passage in enumerate(self.passages) if passage.document in documents], dtype=int)

    def load_passages(self, ids):
        return [self.passages[place] for place in ids]

    def load_document(self, name):
        return self.documents.get(name)


PAY = "The walrus bonus is 40 euros and is paid\nin May. Nobody else gets one. Overtime is paid in time off."


def ask(question, *evidence):
    return Example(question, question, {}, evidence=tuple(Evidence("pay", quote) for quote in evidence))


def test_the_right_passages_are_those_of_the_index():
    shelf = Shelf({"pay": PAY, "other": PAY})
    hits = find_right_passages(shelf, [ask("bonus?", "walrus bonus is 40 euros"), ask("nothing"), ask("gone?", "not there")])
    assert list(hits) == ["bonus?"]
    assert [hit.passage for hit in hits["bonus?"]] == [shelf.passages[0]]


def test_a_quote_over_two_passages_has_both_the_one_with_more_of_it_first():
    shelf = Shelf({"pay": PAY})
    item = ask("when?", "is paid in May. Nobody else gets")
    (hits,) = find_right_passages(shelf, [item]).values()
    assert [hit.passage.start for hit in hits] == [40, 0]
    assert has_evidence(item, hits)


def test_every_piece_has_its_best_passage_before_any_has_its_second():
    shelf = Shelf({"pay": PAY})
    item = ask("both?", "is paid in May. Nobody else gets", "paid in time off")
    (hits,) = find_right_passages(shelf, [item]).values()
    assert [hit.passage.start for hit in hits] == [40, 80, 0]
    given = GivenPassages(Silent(), {item.input: hits})
    assert [hit.passage.start for hit in given.search(["both?"], top_k=2)[0]] == [40, 80]


class Silent:
    def search(self, queries, *, top_k):
        raise AssertionError(queries)


class Library:
    """Finds passages of the document that a question names; each document has five."""

    def __init__(self):
        self.asked = []

    def search(self, queries, *, top_k):
        self.asked += queries
        hits = [
            Hit(Passage(query.split()[0], "", n, n + 1, f"{query.split()[0]} {n}"), 1.0) for query in queries for n in range(5)
        ]
        return [hits[start : start + 5][:top_k] for start in range(0, len(hits), 5)]


def test_known_questions_are_not_searched_and_others_are():
    library = Library()
    known = library.search(["d1 ?"], top_k=2)[0]
    given = GivenPassages(library, {"d2 ?": known})
    library.asked.clear()
    found = given.search(["d3 ?", "d2 ?", "d3 ?"], top_k=1)
    assert library.asked == ["d3 ?"]
    assert [[hit.passage.document for hit in hits] for hits in found] == [["d3"], ["d1"], ["d3"]]


@given(documents=some.lists(some.integers(0, 4), min_size=2, max_size=30), seed=some.integers(0, 99), named=some.booleans())
def test_wrong_passages_are_never_the_own_ones_nor_hold_the_evidence(documents, seed, named):
    items = [
        Example(f"x-{n}", f"d{place} question {n}", {}, evidence=(Evidence(f"d{place}", f"d{place} 1"),) if named else ())
        for n, place in enumerate(documents)
    ]
    shown = find_wrong_passages(Library(), items, [], top_k=2, seed=seed)
    assert shown == find_wrong_passages(Library(), items, [], top_k=2, seed=seed)
    own = Library().search([item.input for item in items], top_k=2)
    for item, mine in zip(items, own, strict=True):
        assert not {hit.passage for hit in shown[item.input]} & {hit.passage for hit in mine}
        assert not named or not has_evidence(item, shown[item.input])


def test_where_it_can_be_all_are_of_other_documents():
    items = [Example(f"x-{n}", f"d{n % 10} question {n}", {}, evidence=(Evidence(f"d{n % 10}", "x"),)) for n in range(60)]
    for seed in range(5):
        shown = find_wrong_passages(Library(), items, [], top_k=2, seed=seed)
        assert all(len(hits) == 2 for hits in shown.values())
        assert all(hit.passage.document != item.evidence[0].document for item in items for hit in shown[item.input])


def test_all_prompts_together_show_what_the_search_brings():
    items = [Example(f"x-{n}", f"d{n} question", {}) for n in range(8)]
    shown = find_wrong_passages(Library(), items, [], top_k=2, seed=0)
    found = Library().search([item.input for item in items], top_k=2)
    assert sorted(hit.passage.text for hits in shown.values() for hit in hits) == sorted(
        hit.passage.text for hits in found for hit in hits
    )


@pytest.mark.parametrize("others", [[], [Example("t", "d7 test", {})]])
def test_one_question_alone_takes_from_the_others(others):
    shown = find_wrong_passages(Library(), [Example("q", "d1 alone", {})], others, top_k=2, seed=0)["d1 alone"]
    assert [hit.passage.document for hit in shown] == ["d7"] * 2 * bool(others)

"""A search that is silent where there is too little evidence."""

import pytest

from core.values import Hit, Passage
from retrieval.evidence.abstention import DEPTH, measure_evidence
from retrieval.evidence.gate import EvidenceGate


class Shelf:
    """Finds the same passages for every query, and keeps how many were asked for."""

    def __init__(self, *texts):
        self.asked = []
        self.hits = [Hit(Passage(f"d{n}", "", 0, len(text), text), 1.0, {}, {"dense": 0.5}) for n, text in enumerate(texts)]

    def search(self, queries, *, top_k):
        self.asked.append(top_k)
        return [self.hits[:top_k] for _ in queries]


QUERY, OTHER = "walrus bonus euros", "quarterly kelp inventory"


@pytest.mark.parametrize("top_k", [1, 2, 9])
def test_a_query_below_the_threshold_gets_nothing_and_another_its_passages(top_k):
    shelf = Shelf("nothing of that", "the walrus bonus is 40 euros", "more")
    with_words, without = (measure_evidence(query, shelf.hits)[0] for query in (QUERY, OTHER))
    assert without < with_words
    gate = EvidenceGate(shelf, (with_words + without) / 2)
    assert gate.search([QUERY, OTHER], top_k=top_k) == [shelf.hits[:top_k], []]
    assert shelf.asked == [max(top_k, DEPTH)]  # Evidence does not depend on how many passages are wanted.


def test_the_threshold_itself_is_enough_and_no_hits_are_none():
    shelf = Shelf("the walrus bonus is 40 euros")
    assert EvidenceGate(shelf, measure_evidence(QUERY, shelf.hits)[0]).search([QUERY], top_k=3) == [shelf.hits]
    assert EvidenceGate(Shelf(), 0.1).search([QUERY], top_k=3) == [[]]

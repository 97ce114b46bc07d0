"""The passages of another question: as long and as many as the search brings, and of no use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from core.derangement import derange
from core.evaluation.causes import has_evidence
from core.tasks.wording import normalize
from core.values import Example, Hit, Retriever

DEEPER = 3  # So many times the wanted passages are searched: of the other question's, those of one's own are left out.
SAME = 1000  # Documents that its own question in other words counts for: it is the last choice.
TRIES = 64  # Exchanges that a question tries to be rid of passages from its own documents.


def find_wrong_passages(
    retriever: Retriever, items: Sequence[Example], others: Sequence[Example], *, top_k: int, seed: int
) -> dict[str, tuple[Hit, ...]]:
    """Return by question the passages that the search brings for another one.

    Every question's passages go to one other question (a derangement), so all prompts together show what the search
    brings, in another order. Where it can be avoided they are of other documents than the question's evidence, or than its
    own passages where it names no evidence. No passage shown holds its evidence or was found for itself.

    Args:
        retriever: Searches as prompts are made.
        items: The questions.
        others: Whose passages are shown where there is one question alone.
        top_k: How many passages a prompt shows.
        seed: Of the order.
    """
    alone = len({normalize(item.input) for item in items}) == 1
    known = list({item.input: item for item in ([*items, *others] if alone else items)}.values())
    found = retriever.search([item.input for item in known], top_k=DEEPER * top_k)
    order = _exchange(known, [hits[:top_k] for hits in found], seed)
    return {
        item.input: tuple(_drop_own(item, found[place][:top_k], found[other])[:top_k])
        if normalize(item.input) != normalize(known[other].input)
        else ()
        for place, (item, other) in enumerate(zip(known, order, strict=True))
    }


def _exchange(items: Sequence[Example], hits: Sequence[Sequence[Hit]], seed: int) -> list[int]:
    """Return whose passages each question gets: exchanged until few come from its own documents."""
    order, random = derange(len(items), seed=seed), Random(seed)
    wordings = [normalize(item.input) for item in items]
    own = [{piece.document for piece in item.evidence} or _list_documents(hits[at]) for at, item in enumerate(items)]
    shown = [_list_documents(found) for found in hits]

    def count(place: int, other: int) -> int:
        return SAME if wordings[place] == wordings[other] else len(own[place] & shown[other])

    for place in random.sample(range(len(items)), len(items)):
        for partner in (random.randrange(len(items)) for _ in range(TRIES)):
            before = count(place, order[place]) + count(partner, order[partner])
            if not count(place, order[place]):
                break
            if partner != place and count(place, order[partner]) + count(partner, order[place]) < before:
                order[place], order[partner] = order[partner], order[place]
    return order


def _list_documents(hits: Sequence[Hit]) -> set[str]:
    return {hit.passage.document for hit in hits}


def _drop_own(item: Example, own: Sequence[Hit], hits: Sequence[Hit]) -> list[Hit]:
    """Leave out what was found for the question itself, and what holds a part of its evidence."""
    mine = {(hit.passage.document, hit.passage.start) for hit in own}
    return [hit for hit in hits if (hit.passage.document, hit.passage.start) not in mine and not _holds_any(item, hit)]


def _holds_any(item: Example, hit: Hit) -> bool:
    return any(has_evidence(replace(item, evidence=(piece,)), [hit]) for piece in item.evidence)

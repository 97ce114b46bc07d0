"""The shortest end of an answer that is held to a schema: what is written when the token limit comes before the answer's end.

An answer that is cut within a text or a list is no JSON, and all that was right in it is lost. So before the room is used up
the grammar is followed to the nearest end without the model: brackets and texts are closed, what is still required is null
where it may be, else as short as the schema allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.generation.constraint import Matcher

LAST = 10  # The rank of tokens that begin something.
# From the most wanted; a text with "=" before it is a whole token. Within an open text only a quotation mark ends anything.
INSIDE = (('"}', 3), ('"]', 3), ('="', 4), ('"', 5))
OUTSIDE = (
    ("={}", 0), ("=[]", 0), ("}", 1), ("]", 1), ("=null", 2), ("=nul", 2), ("=nu", 2), ("=n", 2), ('=""', 3), ('="', 4), (",", 6),
    ("1", 7), ("0", 8),  # There is no year 0.
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """Which tokens end an answer soonest.

    Args:
        outside: Token ids, the most wanted first where a text is not open. Shape: (vocabulary,).
        inside: The same within an open text, where a bracket or null is a part of it.
        letter: A token that little but the inside of an open text allows.
        ends: Tokens that end an answer and are no text.
    """

    outside: Any
    inside: Any
    letter: int
    ends: frozenset[int]

    def find(self, matcher: Matcher, *, most: int) -> list[int] | None:
        """Return the tokens from here to the answer's end; None where it is not found within `most` tokens."""
        ahead, written = matcher.copy(), list[int]()
        while len(written) <= most:
            written += [token for token in ahead.take_forced() if token not in self.ends]
            if ahead.finished:
                return written if len(written) <= most else None
            if ahead.broken:
                return None
            token = self._choose(ahead.list_allowed())
            if token is None:
                return None
            written.append(token)
            ahead.accept(token)
        return None

    def _choose(self, allowed: Any) -> int | None:
        order = self.inside if allowed[self.letter] else self.outside
        places = allowed[order]
        best = int(order[places.argmax()])
        return best if allowed[best] else None


def rank_tokens(texts: Sequence[str], *, ends: frozenset[int]) -> Ending:
    """Return the ending of a tokenizer.

    Args:
        texts: Each token as the vocabulary writes it, by id; its ASCII characters stand for themselves.
        ends: Tokens that end an answer.
    """
    written = [token for token, text in enumerate(texts) if text and token not in ends]
    letter = next((token for token in written if texts[token] == "k"), written[-1])
    return Ending(_sort(written, texts, OUTSIDE), _sort(written, texts, INSIDE), letter, ends)


def _sort(tokens: Sequence[int], texts: Sequence[str], ranks: Sequence[tuple[str, int]]) -> Any:
    import numpy as np

    firsts = {start.removeprefix("=")[0] for start, _ in ranks}

    def rank(text: str) -> int:
        found = (place for start, place in ranks if f"={text}" == start or text.startswith(start))
        return next(found, LAST) if text[0] in firsts else LAST

    places = [rank(texts[token]) for token in tokens]
    lengths = [len(texts[token]) for token in tokens]
    return np.array(tokens, dtype=np.int64)[np.lexsort((tokens, lengths, places))]

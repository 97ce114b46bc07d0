"""Guesses of what comes next, copied from what was read or written already: several tokens are checked in one step.

Answers over passages copy spans of them, and answers of one task repeat known values, so the words that followed the last few
tokens before often follow them again (prompt lookup: Saxena 2023, github.com/apoorvumang/prompt-lookup-decoding; the check is
that of Leviathan, Kalman and Matias 2023, arXiv 2211.17192, section 2, with the best token as the only one that passes). What
the model would not have written is thrown away, so the answer stays what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST = 3  # Tokens that must be the same before a guess; fewer where no such place is known.
SHORTEST = 2


@dataclass(slots=True)
class Guesser:
    """Remembers where each run of tokens was last followed by others, in one row's prompt and answer."""

    tokens: list[int] = field(default_factory=list)
    _places: dict[tuple[int, ...], int] = field(default_factory=dict)

    def read(self, tokens: Sequence[int]) -> None:
        """Add tokens that were read or written."""
        for token in tokens:
            end = len(self.tokens)  # What precedes `token` is followed by it.
            for length in range(SHORTEST, LONGEST + 1):
                if end >= length:
                    self._places[tuple(self.tokens[end - length : end])] = end
            self.tokens.append(token)

    def guess(self, *, most: int) -> list[int]:
        """Return what followed the last tokens when they stood somewhere before, at most `most` tokens."""
        for length in range(LONGEST, SHORTEST - 1, -1):
            place = self._places.get(tuple(self.tokens[-length:]))
            if place is not None and len(self.tokens) >= length:
                return self.tokens[place : place + most]
        return []

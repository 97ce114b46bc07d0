"""Regular expressions of a schema, matched under a time limit: a hostile one must not hang the page."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from core.answers.expressions import read_expression

PATTERN_SECONDS = 0.25  # For one match; of the real schemas tried none took a hundredth of it.
MAX_TIMEOUTS = 4  # Then texts as long as those are no longer tried: rows of a file would take a quarter second each.


class PatternError(Exception):
    """A text could not be matched; says why."""


class Pattern:
    """An expression compiled once, which remembers that it is slow."""

    def __init__(self, pattern: str) -> None:
        import regex

        self._pattern = pattern
        self._timeouts: list[int] = []
        self._compiled: Any = None
        try:
            self._compiled = regex.compile(read_expression(pattern).checking)
        except (ValueError, RecursionError, regex.error) as error:
            self.problem = f"the pattern {_shorten(pattern)} cannot be read: {error}"
        else:
            self.problem = ""

    def search(self, text: str) -> bool:
        """Whether the expression matches somewhere in a text.

        Raises:
            PatternError: It takes too long, or is no regular expression.
        """
        if self.problem:
            raise PatternError(self.problem)
        if len(self._timeouts) < MAX_TIMEOUTS or len(text) < min(self._timeouts):
            try:
                return self._compiled.search(text, timeout=PATTERN_SECONDS) is not None
            except TimeoutError:
                self._timeouts.append(len(text))
        raise PatternError(f"the pattern {_shorten(self._pattern)} took longer than {PATTERN_SECONDS} s")


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Pattern:
    """Return an expression ready to be matched; one that is none says so when it is asked."""
    return Pattern(pattern)


def matches_key(pattern: str, key: str) -> bool:
    """Whether a key of an object matches a pattern; one that takes too long or is none matches nothing."""
    try:
        return compile_pattern(pattern).search(key)
    except PatternError:
        return False


def _shorten(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 80 else pattern[:77] + "...")

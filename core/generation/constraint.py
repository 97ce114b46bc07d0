"""JSON Schema as a constraint on tokens: llguidance compiled from a task's schema, one matcher a row.

White space is that of the one serializer (`", "` and `": "`): with a free choice of white space a small model
can write blanks for ever, and text that has to come anyway could not be appended without asking the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.generation.loosening import loosen_schema
from core.values import Support

# `oneOf` is read as `anyOf`: no grammar can say "exactly one", and validation sees to it.
OPTIONS = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "coerce_one_of": True}
MAX_CHARACTERS = 256_000  # Of a schema as JSON; a larger one is no form of an answer that a model can write.
MAX_DEPTH = 110  # Levels of a schema; the engine recurses.


class Matcher:
    """Follows one answer through the grammar."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    @property
    def finished(self) -> bool:
        """Whether nothing more may be written."""
        return bool(self._matcher.is_stopped())

    @property
    def broken(self) -> bool:
        """Whether the engine gave up (a limit of its own); its word counts no more."""
        return bool(self._matcher.is_error())

    def allows(self, token: int) -> bool:
        """Whether a token may come next; far cheaper than the mask of all tokens."""
        return bool(self._matcher.validate_tokens([token]) == 1)

    def list_allowed(self) -> Any:
        """Return which tokens may come next. Shape: (vocabulary,), bool."""
        import numpy as np

        return np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) > 0

    def accept(self, token: int) -> None:
        """Move on by a token that is allowed."""
        self._matcher.consume_token(token)

    def copy(self) -> Matcher:
        """Return a matcher that stands where this one does and moves on by itself."""
        return Matcher(self._matcher.deep_copy())

    def take_forced(self) -> list[int]:
        """Return the tokens that have to come next whatever the model says, and move on by them."""
        forced = list(self._matcher.compute_ff_tokens())
        if forced:
            self._matcher.consume_tokens(forced)
        return forced


class Constraint:
    """A schema compiled for one tokenizer."""

    def __init__(self, compiled: Any, support: Support) -> None:
        self._compiled, self.support = compiled, support

    def start(self) -> Matcher | None:
        """Return a matcher at the beginning of an answer; None where the schema could not be compiled.

        It is a copy: compiling takes up to seconds, copying a quarter of a millisecond.
        """
        return Matcher(self._compiled.deep_copy()) if self.support.enforced else None


def compile_schema(schema: Mapping[str, Any], tokenizer: Any) -> Constraint:
    """Compile a schema; what the engine cannot hold is left out and named (`core/generation/loosening.py`).

    One that nothing satisfies, or that is refused even so, gives a constraint that enforces nothing and says why.

    Args:
        schema: A JSON Schema.
        tokenizer: From `load_constraint_tokenizer`.
    """
    from llguidance import LLMatcher

    if reason := _find_excess(schema):
        return Constraint(None, Support(False, reason))

    def refuses(part: Mapping[str, Any]) -> str:
        grammar = LLMatcher.grammar_from_json_schema(dict(part), overrides=OPTIONS)
        refusal: str = LLMatcher.validate_grammar(grammar, tokenizer)
        return "" if refusal.startswith("WARNING") else refusal.strip()  # The engine's remarks on what it takes.

    loosened = loosen_schema(schema, refuses)
    reason, compiled = loosened.refusal, None
    if not reason:
        grammar = LLMatcher.grammar_from_json_schema(loosened.schema, overrides=OPTIONS)
        compiled = LLMatcher(tokenizer, grammar, log_level=0)
        reason = str(compiled.get_error()) if compiled.is_error() else ""
    if reason:
        return Constraint(None, Support(False, reason.splitlines()[0], tuple(loosened.caps)))
    return Constraint(compiled, Support(True, "", tuple(loosened.caps), tuple(loosened.afterwards)))


def _find_excess(schema: Mapping[str, Any]) -> str:
    """Say which limit a schema exceeds; empty when none."""
    waiting: list[tuple[Any, int]] = [(schema, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"the schema is nested deeper than {MAX_DEPTH} levels"
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        waiting.extend((part, depth + 1) for part in parts)
    length = len(json.dumps(schema))
    return f"the schema has {length:,} characters; the limit is {MAX_CHARACTERS:,}" if length > MAX_CHARACTERS else ""

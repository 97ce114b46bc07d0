"""JSON Schema as a constraint on tokens: llguidance compiled from a task's schema, one matcher a row.

White space is that of the one serializer (`", "` and `": "`): with a free choice of white space a small model
can write blanks for ever, and text that has to come anyway could not be appended without asking the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from core.errors import LabError
from core.values import Support

# `oneOf` is read as `anyOf`: no grammar can say "exactly one", and validation sees to it.
OPTIONS = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "coerce_one_of": True}
MAX_LENGTH = 512  # Characters of a text that the schema leaves open; some 100 to 200 tokens.
MAX_ITEMS = 64  # Of a list that the schema leaves open.
MAX_CHARACTERS = 256_000  # Of a schema as JSON; a larger one is no form of an answer that a model can write.
MAX_DEPTH = 64  # Levels of a schema; the engine and this file recurse.


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

    def take_forced(self) -> list[int]:
        """Return the tokens that have to come next whatever the model says, and move on by them."""
        forced = list(self._matcher.compute_ff_tokens())
        if forced:
            self._matcher.consume_tokens(forced)
        return forced


class Constraint:
    """A schema compiled for one tokenizer."""

    def __init__(self, tokenizer: Any, grammar: str, support: Support) -> None:
        self._tokenizer, self._grammar, self.support = tokenizer, grammar, support

    def start(self) -> Matcher | None:
        """Return a matcher at the beginning of an answer; None where the schema could not be compiled."""
        from llguidance import LLMatcher

        return Matcher(LLMatcher(self._tokenizer, self._grammar, log_level=0)) if self.support.enforced else None


def load_constraint_tokenizer(tokenizer: Any, *, vocabulary: int) -> Any:
    """Prepare a tokenizer for constraints; takes about a second, so it is kept.

    Args:
        tokenizer: A fast transformers tokenizer.
        vocabulary: Rows of the model's output, which may be more than the tokenizer's tokens.

    Raises:
        LabError: The tokenizer has no fast version.
    """
    from llguidance.hf import from_tokenizer

    if not getattr(tokenizer, "is_fast", False):
        raise LabError(
            f"{type(tokenizer).__name__} has no fast version, which constrained decoding needs.", "Decode freely (--mode free)."
        )
    return from_tokenizer(tokenizer, n_vocab=vocabulary)


def compile_schema(schema: Mapping[str, Any], tokenizer: Any) -> Constraint:
    """Compile a schema; one that the engine refuses gives a constraint that enforces nothing and says why.

    Args:
        schema: A JSON Schema.
        tokenizer: From `load_constraint_tokenizer`.
    """
    from llguidance import LLMatcher

    if reason := _find_excess(schema):
        return Constraint(tokenizer, "", Support(False, reason))
    copy, caps, afterwards = cap_schema(schema)
    grammar = LLMatcher.grammar_from_json_schema(copy, overrides=OPTIONS)
    refusal = LLMatcher.validate_grammar(grammar, tokenizer)
    if refusal and not refusal.startswith("WARNING"):  # The engine's remarks on a grammar that it takes begin so.
        return Constraint(tokenizer, "", Support(False, refusal.strip().splitlines()[0], tuple(caps)))
    return Constraint(tokenizer, grammar, Support(True, "", tuple(caps), tuple(afterwards)))


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


def cap_schema(schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return a copy in which no string and no array can go on for ever, the limits added, and what was left out.

    `uniqueItems` is left out: no grammar can say it, and the rest of the schema is worth holding to without it.
    """
    copy = deepcopy(dict(schema))
    caps: list[str] = []
    afterwards: list[str] = []
    _cap(copy, "", caps, afterwards)
    return copy, caps, afterwards


def _cap(node: Any, pointer: str, caps: list[str], afterwards: list[str]) -> None:
    """Limit what is open in a part of a schema, changing it, and note where: `pointer` is the part's JSON pointer."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            _cap(item, f"{pointer}/{number}", caps, afterwards)
        return
    if not isinstance(node, dict):
        return
    for name, item in node.items():
        if name not in {"enum", "const", "default", "examples"}:  # Their content is values, not schemas.
            _cap(item, f"{pointer}/{name}", caps, afterwards)
    kinds = node.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    if "string" in kinds and not {"maxLength", "enum", "const", "pattern", "format"} & set(node):
        node["maxLength"] = MAX_LENGTH
        caps.append(f"{pointer}: at most {MAX_LENGTH} characters")
    if "array" in kinds and "maxItems" not in node:
        node["maxItems"] = MAX_ITEMS
        caps.append(f"{pointer}: at most {MAX_ITEMS} items")
    if "array" in kinds and isinstance(node.get("uniqueItems"), bool) and node.pop("uniqueItems"):
        afterwards.append(f"{pointer}: uniqueItems")

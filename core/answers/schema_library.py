"""The library that checks values under a schema, imported without the part of it that takes seconds and is not used."""

from __future__ import annotations

import sys

UNUSED = "rfc3987_syntax"  # Compiles 38 grammars for `iri` when it is imported; `core/answers/checks.py` has its own check.


def import_jsonschema() -> None:
    """Import `jsonschema`; who imports any part of it calls this first. It takes 0.2 s instead of 3 s."""
    if "jsonschema" in sys.modules or UNUSED in sys.modules:
        return
    sys.modules[UNUSED] = None  # type: ignore[assignment]  # Python's own way to say: not there.
    try:
        import jsonschema  # noqa: F401
    finally:
        sys.modules.pop(UNUSED, None)

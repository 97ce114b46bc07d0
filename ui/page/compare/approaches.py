"""What the approaches and ways of decoding are, in a few words each."""

from __future__ import annotations

from collections.abc import Sequence

from core.comparison.arms import find_title

ABOUT = {
    "base": "its prompt alone",
    "rag": "looks it up first",
    "qlora": "has studied for it",
    "hybrid": "does both",
    "rag_examples": "imitates",
}
DECODING_ABOUT = "Free: writes what it likes. Held: only what the schema allows. Draft: thinks first, then held."


def label_arms(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return (label, name) of arms, each label with what the approach does."""
    return [(f"{find_title(name)} · {ABOUT[name]}" if name in ABOUT else find_title(name), name) for name in names]

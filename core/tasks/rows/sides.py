"""Which side of the split a word puts a row on, whatever people call the sides."""

from __future__ import annotations

import re
from typing import Any, Literal

Side = Literal["train", "test", "validation"]

SIDES: dict[str, Side] = {
    **dict.fromkeys(("train", "training", "trn", "learn", "fit"), "train"),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "heldout", "exam"), "test"),
    **dict.fromkeys(
        ("validation", "valid", "validate", "val", "dev", "devel", "development", "eval", "evaluation"), "validation"
    ),
}
# Of a column that says of each row whether it is in the test.
FLAGS = {"is_test", "istest", "test", "in_test", "holdout", "is_holdout"}
TRUE, FALSE = {"1", "1.0", "true", "yes", "y"}, {"0", "0.0", "false", "no", "n", ""}


def name_side(word: Any) -> Side | None:
    """Return the side that a cell names: `Test`, ` hold-out ` and `testing` are one; None for any other word."""
    return SIDES.get(re.sub(r"[\s_-]+", "", str(word).lower()))


def find_side(name: str) -> Side | None:
    """Return the side that a file's name has as one of its words, else that of its folder: `ag_news-Train.csv.gz`, `dev/a.csv`."""
    for part in reversed(name.lower().split("/")):
        words = re.split(r"[^a-z]+", re.sub(r"(hold|held)[_-]out", "holdout", part))
        found = {SIDES[word] for word in words if word in SIDES}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def read_flag(cell: Any) -> Side | None:
    """Return the side by a cell of a column that says whether a row is in the test."""
    word = str("" if cell is None else cell).strip().lower()
    return "test" if word in TRUE else "train" if word in FALSE else None

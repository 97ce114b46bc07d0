"""Which items of a board are looked at, in which order, and how many each further choice would leave.

A filter travels as one short text, `rag:not right;hybrid:right`, so that it can stand in an address.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.comparison.arms import is_control, sort_by_simplicity
from core.evaluation.board import STATES, Board, BoardRow, Cell, State
from core.evaluation.causes import CAUSES

NOT_RIGHT = "not right"
WHY = "why "  # Before a cause: two causes have the name of a state.
ANSWERS = (*STATES, NOT_RIGHT, *(f"{WHY}{cause}" for cause in CAUSES))
OUTCOMES: Mapping[str, str] = {  # Of two arms; {a} and {b} are their titles.
    "gained": "{a} right, {b} not",
    "lost": "{b} right, {a} not",
    "both": "both right",
    "neither": "neither right",
}
ONLY: Mapping[str, str] = {"different": "Approaches differ", "invalid": "Any invalid"}
SORTS: Mapping[str, str] = {
    "regression": "{a} and {b} differ most",
    "lost": "{a} loses most to {b}",
    "gained": "{a} gains most over {b}",
    "hardest": "hardest first",
    "slice": "slice",
    "id": "id",
    "asked": "order of the run",
}
DEFAULT_SORT = "regression"


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """What of a board is looked at; an empty text means any.

    Args:
        first: The arm that is compared; empty takes the suggested one.
        second: The arm that it is compared with.
        outcome: One of `OUTCOMES`.
        only: One of `ONLY`.
        answers: By arm, one of `ANSWERS`.
        slice: A slice of the items.
        text: Words that must all stand in the item or in one of its answers.
        sort: One of `SORTS`.
    """

    first: str = ""
    second: str = ""
    outcome: str = ""
    only: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    slice: str = ""
    text: str = ""
    sort: str = DEFAULT_SORT


@dataclass(frozen=True, slots=True)
class ItemDigest:
    """What filters and orders ask of an item.

    Args:
        place: In the board.
        id: The item's.
        slice: The item's; empty where it has none.
        marks: By arm, the mean of its draws; arms without an answer are absent.
        states: By arm, that of all its draws.
        choices: By arm, all of `ANSWERS` that are true of it.
        text: All that a search looks through, in lower case.
    """

    place: int
    id: str
    slice: str
    marks: Mapping[str, float]
    states: Mapping[str, State]
    choices: Mapping[str, frozenset[str]]
    text: str


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board as a filter shows it.

    Args:
        places: Places in the board of the items that match, in their order.
        counts: By choice (`outcome`, `only`, `slice`, `answer ARM`) and value, how many items that value would leave beside
            all other choices; the empty value is any.
        without: By choice, how many items there would be without it, where none match now.
    """

    places: tuple[int, ...]
    counts: Mapping[str, Mapping[str, int]]
    without: Mapping[str, int]


def digest_board(board: Board) -> tuple[ItemDigest, ...]:
    """Return what filters and orders ask of each item."""
    return tuple(_digest_row(place, row) for place, row in enumerate(board.rows))


def join_states(states: Sequence[State]) -> State:
    """Return one state for several draws of an arm: theirs where they agree, else partly where any was partly right.

    Of draws that were never right the most frequent state counts.
    """
    kinds = set(states)
    if len(kinds) > 1 and kinds & {"right", "partly"}:
        return "partly"
    return max(STATES, key=lambda state: states.count(state))


def suggest_pair(digests: Sequence[ItemDigest], arms: Sequence[str]) -> tuple[str, str]:
    """Return the arm with the best mean mark and its strongest rival among the simpler ones; the strongest of all where none is.

    Of equal arms the simplest counts. Controls are no rivals. With one arm the second name is empty.
    """
    simple = sort_by_simplicity(arm for arm in arms if not is_control(arm))
    means = {arm: _mean([item.marks[arm] for item in digests if arm in item.marks]) for arm in simple}
    best = max(simple, key=lambda arm: means[arm], default="")
    rivals = simple[: simple.index(best)] or [arm for arm in simple if arm != best] if best else []
    return best, max(rivals, key=lambda arm: means[arm], default="")


def view_board(digests: Sequence[ItemDigest], wanted: BoardFilter, pair: tuple[str, str]) -> BoardView:
    """Filter, sort and count.

    Args:
        digests: Of all items.
        wanted: The filter.
        pair: The two arms that are compared, as `complete_pair` gives them.
    """
    words = wanted.text.lower().split()
    counts: dict[str, Counter[str]] = {}
    without: Counter[str] = Counter()
    found = []
    for item in digests:
        traits = _list_traits(item, pair)
        misses = [name for name, value in _list_choices(wanted) if value not in traits.get(name, ())]
        if not all(word in item.text for word in words):
            misses.append("text")
        if not misses:
            found.append(item)
        if len(misses) > 1:
            continue
        for name in misses or traits:
            if name in traits:
                counts.setdefault(name, Counter()).update(("", *traits[name]))
            if misses:
                without[name] += 1
    found.sort(key=lambda item: _rank(item, wanted.sort, pair))
    return BoardView(tuple(item.place for item in found), counts, {} if found else without)


def complete_pair(wanted: BoardFilter, suggested: tuple[str, str]) -> tuple[str, str]:
    """Return the two arms that a filter compares: its own, else the suggested ones; never one with itself."""
    first = wanted.first or (suggested[0] if suggested[0] != wanted.second else suggested[1])
    second = wanted.second or next((name for name in (suggested[1], suggested[0]) if name not in ("", first)), "")
    return first, second if second != first else ""


def count_causes_by_item(digests: Iterable[ItemDigest]) -> dict[str, Counter[str]]:
    """Return, by arm, how many items have each cause, in one of its draws at least."""
    counts: dict[str, Counter[str]] = {}
    for item in digests:
        for arm, choices in item.choices.items():
            causes = (choice.removeprefix(WHY) for choice in choices if choice.startswith(WHY))
            counts.setdefault(arm, Counter()).update(causes)
    return counts


def write_filter(wanted: BoardFilter) -> str:
    """Return a filter as a text; empty where it asks for nothing."""
    pair = f"{_escape(wanted.first)},{_escape(wanted.second)}" if wanted.first or wanted.second else ""
    parts = {
        "pair": pair,
        "outcome": _escape(wanted.outcome),
        "only": _escape(wanted.only),
        **{_escape(arm): _escape(value) for arm, value in wanted.answers.items()},
        "slice": _escape(wanted.slice),
        "text": _escape(wanted.text),
        "sort": "" if wanted.sort == DEFAULT_SORT else _escape(wanted.sort),
    }
    return ";".join(f"{name}:{value}" for name, value in parts.items() if value)


def read_filter(text: str, arms: Iterable[str]) -> BoardFilter:
    """Read a filter; what it says of arms that are not there, or in words that are not known, is left out: addresses grow old.

    Args:
        text: As `write_filter` writes it.
        arms: Names of the board's arms.
    """
    parts = dict(part.split(":", 1) for part in text.split(";") if ":" in part)
    known = tuple(arms)
    first, _, second = parts.get("pair", "").partition(",")

    def take(name: str, allowed: Iterable[str]) -> str:
        value = _unescape(parts.get(name, ""))
        return value if value in allowed else ""

    answers = {arm: take(_escape(arm), ANSWERS) for arm in known}
    return BoardFilter(
        first=_unescape(first) if _unescape(first) in known else "",
        second=_unescape(second) if _unescape(second) in known and second != first else "",
        outcome=take("outcome", OUTCOMES),
        only=take("only", ONLY),
        answers={arm: value for arm, value in answers.items() if value},
        slice=_unescape(parts.get("slice", "")),
        text=_unescape(parts.get("text", "")).strip(),
        sort=take("sort", SORTS) or DEFAULT_SORT,
    )


def _digest_row(place: int, row: BoardRow) -> ItemDigest:
    answered = {arm: cells for arm, cells in row.cells.items() if cells}
    states = {arm: join_states([cell.state for cell in cells]) for arm, cells in answered.items()}
    return ItemDigest(
        place,
        row.item.id,
        row.item.slice or "",
        {arm: _mean([cell.mark for cell in cells]) for arm, cells in answered.items()},
        states,
        {arm: _name_choices(states[arm], cells) for arm, cells in answered.items()},
        _collect_text(row),
    )


def _name_choices(state: State, cells: Sequence[Cell]) -> frozenset[str]:
    names = {state, *(f"{WHY}{cell.cause}" for cell in cells)}
    return frozenset(names if state == "right" else {*names, NOT_RIGHT})


def _collect_text(row: BoardRow) -> str:
    item = row.item
    expected = " ".join(map(str, _list_leaves([item.output, item.accept])))
    answers = [cell.prediction.generation.text for cells in row.cells.values() for cell in cells]
    return "\n".join([item.id, item.input, expected, *answers]).lower()


def _list_leaves(value: Any) -> list[Any]:
    """Return what a JSON value says, without its names: a search for a field's name would find every item."""
    if isinstance(value, Mapping):
        return [leaf for part in value.values() for leaf in _list_leaves(part)]
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in _list_leaves(part)]
    return [] if value is None else [value]


def _list_choices(wanted: BoardFilter) -> list[tuple[str, str]]:
    """Return what a filter asks for as (choice, value), the text left out."""
    named = [("outcome", wanted.outcome), ("only", wanted.only), ("slice", wanted.slice)]
    return [(name, value) for name, value in named if value] + [
        (f"answer {arm}", value) for arm, value in wanted.answers.items()
    ]


def _list_traits(item: ItemDigest, pair: tuple[str, str]) -> dict[str, Iterable[str]]:
    """Return what is true of an item, by choice."""
    return {
        "outcome": _find_outcome(item, pair),
        "only": [
            name
            for name, holds in (
                ("different", len(set(item.states.values())) > 1),
                ("invalid", "invalid" in item.states.values()),
            )
            if holds
        ],
        "slice": [item.slice] if item.slice else [],
        **{f"answer {arm}": choices for arm, choices in item.choices.items()},
    }


def _find_outcome(item: ItemDigest, pair: tuple[str, str]) -> list[str]:
    if not all(arm in item.states for arm in pair):
        return []
    match tuple(item.states[arm] == "right" for arm in pair):
        case (True, True):
            return ["both"]
        case (True, False):
            return ["gained"]
        case (False, True):
            return ["lost"]
    return ["neither"]


def _rank(item: ItemDigest, sort: str, pair: tuple[str, str]) -> tuple[Any, ...]:
    """Return what an item is sorted by; items that an order says nothing of come last, equals in the order of the run."""
    known = all(arm in item.marks for arm in pair)
    lead = item.marks[pair[0]] - item.marks[pair[1]] if known else 0.0
    if sort == "regression":
        return not known, -abs(lead), lead, item.place
    if sort == "lost":
        return not known, lead, item.place
    if sort == "gained":
        return not known, -lead, item.place
    if sort == "hardest":
        return not item.marks, _mean(list(item.marks.values())), item.place
    if sort == "slice":
        return not item.slice, item.slice, item.place
    if sort == "id":
        parts = re.split(r"([0-9]+)", item.id)  # Texts and numbers in turn: item 9 stands before item 10.
        return tuple(int(part) if index % 2 else part for index, part in enumerate(parts))
    return (item.place,)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _escape(text: str) -> str:
    for sign in "%;:,":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _unescape(text: str) -> str:
    for sign in ",:;%":
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text

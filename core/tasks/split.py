"""Who sits the exam: examples divided by whole groups, so that nothing of the test is learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from core.tasks.wording import normalize
from core.values import Example

TEST_SHARE = 0.2  # Of the rows, where no number of test rows is asked for.
MOST_NAMED = 5  # Sides named in a sentence.


def name_group(example: Example) -> str:
    """Return what keeps an example on one side with others: its group, else its input without case and punctuation."""
    return example.group if example.group is not None else normalize(example.input)


def split_groups(
    examples: Sequence[Example], given: Mapping[str, str], notes: list[str], *, train: int | None, test: int | None
) -> tuple[list[Example], list[Example]]:
    """Split by whole groups: as the file says, else by the hash of the group's name; notes what is moved or unused.

    Args:
        examples: All of them, of both sides.
        given: The side that the file gives an example, by its id.
        notes: Gains a sentence for whatever is moved or unused.
        train: At most so many examples to learn from.
        test: So many examples of the exam.
    """
    groups: dict[str, list[Example]] = {}
    for item in sorted(examples, key=lambda item: _position(name_group(item))):
        groups.setdefault(name_group(item), []).append(item)
    asked_by = _choose_exam_side(given, notes)
    chosen = _choose_given(groups, given, asked_by, notes) if asked_by else _choose_hashed(groups, test)
    exam = [item for name in chosen for item in groups[name]]
    asked = set(chosen)  # There may be as many groups as rows.
    learn = [item for name, members in groups.items() if name not in asked for item in members]
    if asked_by:
        learn = _leave_out_unmarked(learn, given, notes)
    for side, items, count in (("training", learn, train), ("test", exam, test)):
        if count is not None and len(items) > count:
            notes.append(f"{len(items) - count} rows are not used, because {count} {side} rows are wanted")
    return learn[:train], exam[:test]


def _choose_exam_side(given: Mapping[str, str], notes: list[str]) -> str | None:
    """Return which of the sides that the file marks is the exam: the test, else the validation; None where neither is marked."""
    sides = Counter(given.values())
    if sides["test"]:
        return "test"
    if sides["validation"] and len(sides) > 1:
        notes.append(f"No row is marked as test, so the {sides['validation']} rows marked as validation are the exam")
        return "validation"
    if sides:
        words = ", ".join(f"{side!r} ({count})" for side, count in sides.most_common(MOST_NAMED))
        notes.append(f"The file marks no row as test ({words}), so the split is made here, by the hash of each input or group")
    return None


def _leave_out_unmarked(learn: list[Example], given: Mapping[str, str], notes: list[str]) -> list[Example]:
    """Leave out rows of a third side, `validation` for instance: the file means them neither to learn from nor to ask."""
    sides = [given.get(item.id, "train") for item in learn]
    others = Counter(side for side in sides if side != "train")
    notes += [f"{count} rows marked {side!r} are used on neither side" for side, count in others.most_common(MOST_NAMED)]
    unmarked = sum(item.id not in given for item in learn)
    if unmarked:
        notes.append(f"{unmarked} rows without a mark are used to learn from")
    return [item for item, side in zip(learn, sides, strict=True) if side == "train"]


def _choose_given(
    groups: Mapping[str, list[Example]], given: Mapping[str, str], side: str, notes: list[str]
) -> list[str]:  # fmt: skip
    """Return the groups with a row that the file marks for the exam; other rows of theirs move there too."""
    chosen = [name for name, members in groups.items() if any(given.get(item.id) == side for item in members)]
    moved = sum(given.get(item.id) != side for name in chosen for item in groups[name])
    if moved:
        notes.append(f"{moved} rows not marked as test belong to a group (or an input) that is, and moved to the test")
    return chosen


def _choose_hashed(groups: Mapping[str, list[Example]], test: int | None) -> list[str]:
    """Return the groups first in the order of their hashes: whole ones, as many as the number of rows allows.

    A hash and not a drawn order: of two rows the same one is nearer to the exam whichever others come or go, so that an
    exam only gains or loses at its end. Without a number, groups are taken while that brings the rows nearer to a fifth.
    """
    chosen: list[str] = []
    rows = sum(map(len, groups.values()))
    wanted = TEST_SHARE * rows if test is None else test
    count = 0
    for name, members in groups.items():
        after = count + len(members)
        if after <= wanted or (test is None and after - wanted < wanted - count):
            chosen.append(name)
            count = after
    return chosen or [min(groups, key=lambda name: len(groups[name]))]


def _position(group: str) -> float:
    """Return a number from 0 to 1 that depends on the group's name only."""
    return int.from_bytes(blake2b(group.encode(), digest_size=8).digest()) / 2**64

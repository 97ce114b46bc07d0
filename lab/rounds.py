"""Answering in rounds: every arm answers a part of the items, then every arm the next, so that a drift hits all arms alike.

A machine slows down when it gets warm or busy. Asked one after the other, the arms would be timed on different machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from core.comparison.answers import ROUNDS, AnswerNotKept, RememberingGenerator
from core.comparison.arms import Arm, find_title
from core.comparison.pipeline import Tools, answer
from core.errors import LabError
from core.progress import Watcher
from core.values import Hit, Prediction, Retriever
from lab.answering import gather_tools
from lab.lab import Lab
from lab.partial import PartialArm, mark_part, write_partial
from lab.plan import Plan

MOST_ROUNDS = 8  # Drift is slow; each change of adapter costs a merge, each call the common beginning of its prompts.
STAGE = "answers"


@dataclass(frozen=True, slots=True)
class RoundTurn:
    """What an arm's whole round took.

    Args:
        places: Indices of the round's items.
        served: How many of the answers were known from before.
        searching: Seconds of searching for passages and examples.
    """

    places: tuple[int, ...]
    served: int
    searching: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What the arms of a plan answered, and why an arm could not.

    Args:
        predictions: By arm: adapter by adapter, each in the order of the items; only arms that answered every item.
        missing: Arms without answers, and why.
        served: By arm, how many of the answers were known from before.
        searching: By arm, seconds of searching for passages and examples, for all items once.
        parts: By arm, the answers so far by draw and item, whole or not.
        turns: By arm, its whole rounds; `served` and `searching` of a part of the items are made of them.
    """

    predictions: dict[str, list[Prediction]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    searching: dict[str, float] = field(default_factory=dict)
    parts: dict[str, dict[tuple[int, int], Prediction]] = field(default_factory=dict)
    turns: dict[str, list[RoundTurn]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TimedRetriever:
    """A retriever whose seconds are told.

    Args:
        retriever: Searches.
        tell: Is told the seconds of each search.
    """

    retriever: Retriever
    tell: Callable[[float], None]

    def search(self, queries: Sequence[str], *, top_k: int) -> list[list[Hit]]:
        """Search as the retriever behind."""
        began = time.perf_counter()
        hits = self.retriever.search(queries, top_k=top_k)
        self.tell(time.perf_counter() - began)
        return hits


def split_rounds(count: int, *, batch_size: int, seed: int) -> list[list[int]]:
    """Return the indices of items in rounds of like size, each a seeded sample of all in their order.

    A round is so large that its batches lose nothing: as many rows as one key of kept answers has at least
    (`core/comparison/answers.py`). Fewer items than two such rounds are one round.
    """
    rounds = max(1, min(MOST_ROUNDS, count // (ROUNDS * batch_size)))
    order = Random(seed).sample(range(count), count)
    return [sorted(order[number::rounds]) for number in range(rounds)]


def order_arms(names: Sequence[str], *, turn: int, seed: int) -> list[str]:
    """Return the order in which arms answer in a round: seeded, turned by one each round, so that each comes first in its turn."""
    mixed = Random(seed).sample(list(names), len(names))
    start = turn % max(1, len(mixed))
    return mixed[start:] + mixed[:start]


def answer_in_rounds(lab: Lab, plan: Plan, generator: RememberingGenerator, answers: Answers, watcher: Watcher) -> int:
    """Let the arms of a plan answer its items round by round, and add what came of it to `answers`; returns the rounds.

    An arm that fails is missing from then on, and the others go on.

    Raises:
        AnswerNotKept: The disk refuses; further arms would ask in vain.
    """
    names = _list_names(plan)
    rounds = split_rounds(len(plan.items), batch_size=plan.options.batch_size, seed=plan.seed)
    desks = {name: _Desk(lab, plan, name, generator, answers) for name in names}
    total = len(plan.items) * len(plan.arms)
    watcher(STAGE, 0, total)
    for turn, places in enumerate(rounds):
        for name in order_arms(names, turn=turn, seed=plan.seed):
            note = find_title(name) + (f", round {turn + 1} of {len(rounds)}" if len(rounds) > 1 else "")
            if name not in answers.missing:
                desks[name].answer(places, lambda note=note: watcher(STAGE, _count(answers), total, note))  # type: ignore[misc]
                desks[name].close(watcher)
    answers.predictions.update({name: answers.predictions.pop(name) for name in names if name in answers.predictions})
    return len(rounds)


def cut_answers(plan: Plan, answers: Answers) -> tuple[Plan, Answers]:
    """Return what of a stopped comparison can be judged: the rounds that every arm has behind it, else the arms that finished.

    Only on items that all have answered does the verdict speak of all that were asked for. Of a round that is not whole nothing
    counts: short answers come first, so what is there is no fair sample.
    """
    draws = {name: sum(arm.name == name for arm in plan.arms) for name in _list_names(plan) if name not in answers.missing}
    rounds = split_rounds(len(plan.items), batch_size=plan.options.batch_size, seed=plan.seed)
    shared = sorted(index for places in rounds if _is_whole(answers, draws, places) for index in places)
    unfinished = [find_title(name) for name in draws if name not in answers.predictions]
    if not unfinished or len(draws) < 2:
        return plan, answers
    if not shared:
        note = f"Stopped: left out for want of some answers: {', '.join(unfinished)}. The verdict says nothing of these."
        kept = _count_turns(answers, answers.predictions, range(len(plan.items)))
        return replace(plan, notes=(*plan.notes, note)), kept
    items = tuple(plan.items[index] for index in shared)
    asked = {item.id for item in items}
    note = f"Stopped: {len(items)} of {len(plan.items)} items were answered by every approach, and only those are judged."
    leaks = replace(plan.leaks, items=tuple(item for item in plan.leaks.items if item in asked))
    cut = replace(plan, items=items, leaks=leaks, notes=(*plan.notes, note))
    whole = {
        name: [answers.parts[name][number, index] for number in range(count) for index in shared]
        for name, count in draws.items()
    }
    return cut, replace(_count_turns(answers, draws, shared), predictions=whole)


def _count_turns(answers: Answers, names: Collection[str], places: Collection[int]) -> Answers:
    """Return answers whose searching and known answers are those of some arms' rounds within some items."""
    kept = {name: [turn for turn in answers.turns.get(name, []) if set(turn.places) <= set(places)] for name in names}
    return replace(
        answers,
        served={name: sum(turn.served for turn in turns) for name, turns in kept.items()},
        searching={name: sum(turn.searching for turn in turns) for name, turns in kept.items()},
    )


def _is_whole(answers: Answers, draws: Mapping[str, int], places: Sequence[int]) -> bool:
    """Say whether each arm has answered all items of a round, with all its draws."""
    return all(
        (number, index) in answers.parts.get(name, {})
        for name, count in draws.items()
        for number in range(count)
        for index in places
    )


class _Desk:
    """Where one arm answers: its tools are gathered when it first does, and used in every round."""

    # What is asked, who answers, and where the answers go.
    def __init__(self, lab: Lab, plan: Plan, name: str, generator: RememberingGenerator, answers: Answers) -> None:
        self._lab, self._plan, self._name, self._generator, self._answers = lab, plan, name, generator, answers
        self._arms = [arm for arm in plan.arms if arm.name == name]
        self._tools: dict[int, Tools] = {}

    def answer(self, places: Sequence[int], tell: Callable[[], None]) -> None:
        """Answer some of the items with each of the arm's draws; the arm is missing where it cannot."""
        plan, name, before = self._plan, self._name, self._generator.served
        searched = self._answers.searching.get(name, 0.0)
        parts = self._answers.parts.setdefault(name, {})
        items = [plan.items[place] for place in places]
        try:
            for number, arm in enumerate(self._arms):
                for index, prediction in answer(plan.task, items, arm, self._gather(number, arm), options=plan.options):
                    parts[number, places[index]] = prediction
                    tell()
        except AnswerNotKept:
            raise
        except LabError as error:
            self._answers.missing[name] = str(error)
            self._answers.served.pop(name, None)
            parts.clear()
        finally:  # Stopped right after its last answer, the round is whole all the same.
            if all((number, place) in parts for number in range(len(self._arms)) for place in places):
                searching = self._answers.searching.get(name, 0.0) - searched
                turn = RoundTurn(tuple(places), self._generator.served - before, searching)
                self._answers.turns.setdefault(name, []).append(turn)
                self._answers.served[name] = self._answers.served.get(name, 0) + turn.served

    def close(self, watcher: Watcher) -> None:
        """Say how far the arm is, and hand in its answers where all are there."""
        count, parts = len(self._plan.items), self._answers.parts[self._name]
        total = count * len(self._arms)
        mark = mark_part(self._plan.task, self._plan.items, parts)
        watcher.record(write_partial(_count(self._answers), PartialArm(self._name, len(parts), total, mark)))
        if len(parts) == total:
            order = ((number, index) for number in range(len(self._arms)) for index in range(count))
            self._answers.predictions[self._name] = [parts[place] for place in order]

    def _gather(self, number: int, arm: Arm) -> Tools:
        if number not in self._tools:
            tools = gather_tools(self._lab, self._plan.task, arm, self._plan.items, seed=self._plan.seed)
            self._tools[number] = replace(
                tools, generator=self._generator, retriever=self._time(tools.retriever), examples=self._time(tools.examples)
            )
        return self._tools[number]

    def _time(self, retriever: Retriever | None) -> TimedRetriever | None:
        def tell(seconds: float) -> None:
            searching = self._answers.searching
            searching[self._name] = searching.get(self._name, 0.0) + seconds / len(self._arms)

        return None if retriever is None else TimedRetriever(retriever, tell)


def _list_names(plan: Plan) -> list[str]:
    return list(dict.fromkeys(arm.name for arm in plan.arms))


def _count(answers: Answers) -> int:
    return sum(map(len, answers.parts.values()))

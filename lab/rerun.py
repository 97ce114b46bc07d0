"""A stored run asked again: the same items, approaches, adapters, decoding and seed, everything anew, and every answer compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.comparison.arms import ARMS, find_title
from core.comparison.runs import Run, load_predictions, load_run
from core.errors import LabError
from core.evaluation.run_difference import SettingChange, is_same_item, list_changes
from core.evaluation.sampling import choose_items
from core.progress import Watcher
from core.settings import STORAGES
from core.values import Prediction
from lab.boards import read_exam
from lab.comparison import compare_arms
from lab.lab import Lab
from lab.requests import CompareRequest
from lab.unfinished import restore_request

MOST_TOLD = 5  # Settings that a sentence names.
Key = tuple[str, str | None, int | None, str]  # Approach, adapter, draw of its examples, item.


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """An answer that is another one now.

    Args:
        arm: Who gave it.
        item: To which item.
        before: Its text in the run; None where it had none.
        after: Its text now.
    """

    arm: str
    item: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Rerun:
    """A run and the run of the same request, made now.

    Args:
        run: Id of the run that was repeated.
        again: Id of the new one.
        compared: How many answers were compared.
        changed: Those that differ, in the order of the run.
        settings: What differs in the settings, which may be why.
        notes: What could not be repeated.
    """

    run: str
    again: str
    compared: int
    changed: tuple[AnswerChange, ...]
    settings: tuple[SettingChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every answer of the run was repeated as it was."""
        return not self.changed and not self.notes

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "identical": self.identical}

    def describe(self) -> str:
        """Say what came of it."""
        if not self.changed:
            return f"All {self.compared} answers are the same, to the letter."
        first = self.changed[0]
        start = (
            f"{len(self.changed)} of {self.compared} answers differ. The first: {find_title(first.arm)} on {first.item}: "
            f"{_show(first.before)}, now {_show(first.after)}."
        )
        if not self.settings:
            return f"{start} No setting differs: where answers are not computed in float32, a near tie may fall the other way."
        told = [f"{one.name} was {one.before}, is {one.after}" for one in self.settings[:MOST_TOLD]]
        more = f", and {len(self.settings) - MOST_TOLD} more" if len(self.settings) > MOST_TOLD else ""
        return f"{start} What may be why: {'; '.join(told)}{more}."


def rerun(lab: Lab, run_id: str, watcher: Watcher) -> Rerun:
    """Ask what a run asked again, store it as a run of its own, and compare every answer.

    Args:
        lab: Where the run lies.
        run_id: The run.
        watcher: Told of progress.

    Raises:
        LabError: There is no such run or it is damaged, its task was changed since, or none of its approaches can answer.
        Cancelled: Stopped by the user.
    """
    run = load_run(lab.settings, run_id)
    request, notes = plan_rerun(lab, run)
    again = compare_arms(lab, request, watcher).run
    before, after = (_index(load_predictions(lab.settings, name)) for name in (run.id, again.id))
    asked = {key: answer for key, answer in before.items() if key[0] in request.arms}
    changed = [
        AnswerChange(key[0], key[3], answer.generation.text, after[key].generation.text if key in after else None)
        for key, answer in asked.items()
        if key not in after or after[key].generation.text != answer.generation.text
    ]
    repeated = {name: about for name, about in run.config.get("arms", {}).items() if name in request.arms}
    same = replace(run, config={**run.config, "arms": repeated})
    return Rerun(run.id, again.id, len(asked), tuple(changed), tuple(list_changes(same, again)), tuple(notes))


def plan_rerun(lab: Lab, run: Run) -> tuple[CompareRequest, list[str]]:
    """Return the request that repeats a run, and a sentence for each approach that cannot be repeated.

    Raises:
        LabError: The run asked items that the task has no more, or none of its approaches can be repeated.
    """
    if run.status != "ok":
        raise LabError(f"The run {run.id} was stopped before its end.", "Finish it: `ragft runs list` says how.")
    asked = restore_request(run.config, origin=f"The request of run {run.id}") or rebuild_request(run)
    _check_items(lab, run, asked)
    notes: list[str] = []
    arms = [name for name in run.config.get("arms", {}) if _can_repeat(lab, run, name, notes)]
    if not arms:
        raise LabError(f"The run {run.id} cannot be repeated. {' '.join(notes)}".strip(), "Compare anew: `ragft compare`.")
    adapters = tuple(dict.fromkeys(adapter for name in arms for adapter in _list_adapters(run.config["arms"][name])))
    return replace(_fix_model(lab, run, asked), arms=tuple(arms), adapters=adapters, fresh=True), notes


def rebuild_request(run: Run) -> CompareRequest:
    """Return the request of a run of before it was kept, as far as the record tells it.

    Raises:
        LabError: The record does not say how was decoded.
    """
    config = run.config
    try:
        decoding, arms = config["decoding"], config["arms"]
        draws = max((len(about.get("shot_draws", ())) for about in arms.values()), default=0)
        return CompareRequest(
            run.task,
            arms=tuple(arms),
            limit=len(config["items"]),
            seed=int(config["seed"]),
            batch_size=int(decoding["batch_size"]),
            mode=str(decoding["mode"]),
            shot_draws=max(1, draws),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LabError(
            f"The run {run.id} does not say what it was asked ({type(error).__name__}: {error}).",
            "Compare anew: `ragft compare`.",
        ) from error


def _check_items(lab: Lab, run: Run, asked: CompareRequest) -> None:
    """Refuse a run whose items are not those of the task any more: other questions have other answers."""
    task = lab.task(asked.task)
    _, items, _ = read_exam(lab, run)
    now = choose_items(task.test, asked.limit, seed=asked.seed)
    known = {item.id: item for item in now}
    other = [item.id for item in items if item.id not in known or not is_same_item(item, known[item.id])]
    if other or len(now) != len(items):
        first = f" (first: {other[0]!r})" if other else ""
        raise LabError(
            f"The task {task.name} was changed since the run {run.id}: it would ask {len(now)} items, and {len(other)} of the "
            f"run's {len(items)} are not among them as they were{first}.",
            "Compare anew, then `ragft runs diff` shows what both asked.",
        )


def _fix_model(lab: Lab, run: Run, asked: CompareRequest) -> CompareRequest:
    """Return a request that names the run's model and storage where others are set now."""
    about = run.config.get("generator") or {}
    model, storage = str(about.get("model", "")), str(about.get("storage", ""))
    if not asked.model and model not in ("", "fake", Path(lab.settings.model).name):
        asked = replace(asked, model=model)
    if not asked.storage and storage in STORAGES and storage != lab.settings.storage:
        asked = replace(asked, storage=storage)
    return asked


def _can_repeat(lab: Lab, run: Run, name: str, notes: list[str]) -> bool:
    """Say whether an approach can be repeated, noting why not; one that did not answer then is left out without a word."""
    if run.summary.get("arms", {}).get(name, {}).get("status", "ok") != "ok":
        return False
    if name not in ARMS:
        notes.append(f"There is no approach {name!r} any more.")
        return False
    for adapter in _list_adapters(run.config["arms"][name]):
        if not (lab.settings.folder("adapters") / adapter).is_dir():
            notes.append(f"{find_title(name)} is not repeated: its adapter {adapter} is gone.")
            return False
    return True


def _list_adapters(about: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the adapters that answered in an arm, as a run keeps it."""
    yield from (str(one["id"]) for one in about.get("adapters", ()))
    if about.get("adapter"):
        yield str(about["adapter"])


def _index(predictions: Sequence[Prediction]) -> dict[Key, Prediction]:
    return {(one.arm, one.adapter, one.shot_draw, one.example): one for one in predictions}


def _show(text: str | None) -> str:
    return "no answer" if text is None else repr(text if len(text) <= 120 else f"{text[:120]}…")

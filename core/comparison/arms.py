"""The arms of the comparison: rows of data in the 2 x 2 of adapter and retrieval.

|            | no retrieval | retrieval |
|------------|--------------|-----------|
| no adapter | base         | rag       |
| adapter    | qlora        | hybrid    |

Arms without an adapter see three worked examples in the prompt: without them the comparison would measure
who was told the form of the answer, not who knows it. An adapter has seen its examples in training.

Two further rows are approaches to be beaten: `zero_shot` sees no example at all, and `rag_examples` retrieves the nearest
training examples instead of documents, so that retrieval sees the labels that fine-tuning sees.

The last rows are controls. They cheat on purpose, or are spoilt on purpose, and tell where marks come from: with the right
passage nothing is left for the search to lose, with another question's passage its words cannot help, and an adapter that
learned shuffled answers knows their form and frequencies alone. A control is never a rival in the verdict.

How many passages and examples a prompt shows is the task's to say (`core/tasks/prompting.py`): `fit_arm` is the one place
where it becomes an arm's, for asking, comparing, training and tuning alike.

`ARMS` stands from the simplest arm to the most costly, then the controls: of arms that are equivalent the verdict recommends
the first. A further arm is a further row at its place; nothing else changes. `BASELINES` are no arms, for no model answers; they are
rivals in the verdict all the same, and the simplest of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from core.errors import LabError
from core.tasks.prompting import DEFAULTS
from core.tasks.task import Task

# Where the task says nothing else.
TOP_K = DEFAULTS.passages
SHOTS = DEFAULTS.shots

# Which passages prompts show: those that the search finds for the question; those that hold its evidence; another question's.
Passages = Literal["search", "oracle", "wrong"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One approach.

    Args:
        name: What tables call it.
        title: What people call it.
        uses_adapter: Whether a fine-tuned adapter answers.
        adapter: The adapter's folder, filled in when it is known.
        top_k: How many passages are retrieved; 0 means none.
        shots: How many worked examples the prompt shows.
        nearest: Whether those are the training examples nearest to the question instead of fixed ones.
        shot_draw: Seed of the draw of fixed examples; None takes the task's own choice.
        passages: Which passages are shown, where `top_k` asks for some.
        shuffled: Whether its adapter learned answers that stand at other questions.
    """

    name: str
    title: str
    uses_adapter: bool = False
    adapter: str | None = None
    top_k: int = 0
    shots: int = 0
    nearest: bool = False
    shot_draw: int | None = None
    passages: Passages = "search"
    shuffled: bool = False

    @property
    def is_control(self) -> bool:
        """Whether it tells where marks come from, instead of being an approach to choose."""
        return self.shuffled or self.passages != "search"

    def with_adapter(self, adapter: str) -> Arm:
        """Return this arm answering with the given adapter."""
        return replace(self, adapter=adapter)


ARMS = {
    arm.name: arm
    for arm in (
        Arm("zero_shot", "Base model, no examples"),
        Arm("base", "Base model", shots=SHOTS),
        Arm("rag", "RAG", top_k=TOP_K, shots=SHOTS),
        Arm("rag_examples", "Nearest examples", shots=SHOTS, nearest=True),
        Arm("qlora", "QLoRA", uses_adapter=True),
        Arm("hybrid", "RAG + QLoRA", uses_adapter=True, top_k=TOP_K),
        Arm("oracle", "Control: right passage", top_k=TOP_K, shots=SHOTS, passages="oracle"),
        Arm("wrong_passage", "Control: wrong passage", top_k=TOP_K, shots=SHOTS, passages="wrong"),
        Arm("oracle_hybrid", "Control: right passage, QLoRA", uses_adapter=True, top_k=TOP_K, passages="oracle"),
        Arm("wrong_hybrid", "Control: wrong passage, QLoRA", uses_adapter=True, top_k=TOP_K, passages="wrong"),
        Arm("shuffled", "Control: shuffled labels", uses_adapter=True, shuffled=True),
    )
}
BASELINES = {  # `core/evaluation/baselines.py` says which of them a task has.
    "majority": "Majority value", "length": "Length alone", "dictionary": "Dictionary", "nearest": "Copied nearest example",
    "sentence": "Most similar sentence",
}  # fmt: skip
MAIN_ARMS = ("base", "rag", "qlora", "hybrid")  # The 2 x 2, compared where nothing else is asked for.


def fit_arm(arm: Arm, task: Task) -> Arm:
    """Return an arm as a task wants it: with as many passages and worked examples as its prompts show."""
    shots = len(task.shots) or task.prompting.shots
    return replace(arm, top_k=task.prompting.passages if arm.top_k else 0, shots=shots if arm.shots else 0)


def draw_shots(arm: Arm, task: Task, count: int) -> list[Arm]:
    """Return an arm once for each of several draws of its fixed examples, the task's own first; once where it has none.

    Each draw is one of many that the task might have made, as an adapter is one of many trainings. Examples that the task
    names are a choice and no draw: with several draws they do not answer.
    """
    if count < 2 or not arm.shots or arm.nearest:
        return [arm]
    own = task.prompting.shot_draw
    return [replace(arm, shot_draw=own + number) for number in range(count)]


def list_arms() -> list[Arm]:
    """Return all arms as people choose from them: the 2 x 2, then the others, then the controls."""
    others = [name for name in ARMS if name not in MAIN_ARMS]
    return [ARMS[name] for name in (*MAIN_ARMS, *others)]


def sort_by_simplicity(names: Iterable[str]) -> list[str]:
    """Return names of arms and baselines, the simplest first; those of a stored run that are arms no longer come last."""
    places = {name: place for place, name in enumerate((*BASELINES, *ARMS))}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def is_control(name: str) -> bool:
    """Say whether a name is a control's: no rival, never recommended."""
    return name in ARMS and ARMS[name].is_control


def find_title(name: str) -> str:
    """Return what people call an arm or baseline; the name itself where a stored run has an arm that is one no longer."""
    return ARMS[name].title if name in ARMS else BASELINES.get(name, name)


def find_arms(names: str) -> list[Arm]:
    """Resolve comma-separated arm names, in the order given, repetitions dropped.

    Raises:
        LabError: A name is unknown or none is given; the known ones are listed.
    """
    given = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    remedy = f"Known arms: {', '.join(arm.name for arm in list_arms())}."
    for name in given:
        if name not in ARMS:
            raise LabError(f"There is no arm {name!r}.", remedy)
    if not given:
        raise LabError("No arm was given.", remedy)
    return [ARMS[name] for name in given]

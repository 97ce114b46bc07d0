"""The arms of the comparison: rows of data in the 2 x 2 of adapter and retrieval.

|            | no retrieval | retrieval |
|------------|--------------|-----------|
| no adapter | base         | rag       |
| adapter    | qlora        | hybrid    |

Arms without an adapter see three worked examples in the prompt: without them the comparison would measure
who was told the form of the answer, not who knows it. An adapter has seen its examples in training.

Two further rows are controls: `zero_shot` sees no example at all, and `rag_examples` retrieves the nearest
training examples instead of documents, so that retrieval sees the labels that fine-tuning sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import LabError

TOP_K = 2
SHOTS = 3


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
    """

    name: str
    title: str
    uses_adapter: bool = False
    adapter: str | None = None
    top_k: int = 0
    shots: int = 0
    nearest: bool = False

    def with_adapter(self, adapter: str) -> Arm:
        """Return this arm answering with the given adapter."""
        return replace(self, adapter=adapter)


ARMS = {
    arm.name: arm
    for arm in (
        Arm("base", "Base model", shots=SHOTS),
        Arm("rag", "RAG", top_k=TOP_K, shots=SHOTS),
        Arm("qlora", "QLoRA", uses_adapter=True),
        Arm("hybrid", "RAG + QLoRA", uses_adapter=True, top_k=TOP_K),
        Arm("zero_shot", "Base model, no examples"),
        Arm("rag_examples", "Nearest examples", shots=SHOTS, nearest=True),
    )
}
MAIN_ARMS = ("base", "rag", "qlora", "hybrid")


def find_arms(names: str) -> list[Arm]:
    """Resolve comma-separated arm names, in the order given, repetitions dropped.

    Raises:
        LabError: A name is unknown or none is given; the known ones are listed.
    """
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in wanted:
        if name not in ARMS:
            raise LabError(f"There is no arm {name!r}.", f"Known arms: {', '.join(ARMS)}.")
    if not wanted:
        raise LabError("No arm was given.", f"Known arms: {', '.join(ARMS)}.")
    return [ARMS[name] for name in wanted]

"""A task: what is asked, the form of its answers, labelled examples, documents (ARCHITECTURE.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.answers.bounds import bound_outputs
from core.answers.writing import order_properties
from core.storage import hash_json
from core.tasks.prompting import Prompting
from core.values import Example


@dataclass(frozen=True)
class Task:
    """A loaded task. `train` and `test` hold only examples whose form is right; `problems` names the others.

    `shots` are the ids of the examples that prompts show, where they are named. `prompting` says what else prompts show,
    `passage_tokens` how long the passages of its documents are, where the default does not suit them. `margins` are the
    differences, by metric, that are too small to matter. `tuned` says what of the prompts was chosen on which rows; every
    comparison keeps it.
    """

    name: str
    folder: Path
    title: str
    description: str
    instruction: str
    input_label: str
    primary_metric: str
    licence: str
    schema: Mapping[str, Any]
    shots: tuple[str, ...]
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    problems: tuple[str, ...] = field(default=())
    passage_tokens: int | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    prompting: Prompting = field(default_factory=Prompting)

    @property
    def documents_folder(self) -> Path:
        """What retrieval reads; it may be absent."""
        return self.folder / "documents"

    @property
    def decoding_schema(self) -> dict[str, Any]:
        """What constrained decoding holds answers to: the schema, with texts and lists bounded by what training answers need."""
        return bound_outputs(self.schema, (example.output for example in self.train if example.output is not None))

    def describe_prompting(self) -> dict[str, Any]:
        """Return what prompts show, by the keys of `task.toml`, as runs and adapters record it."""
        shots = list(self.shots) or self.prompting.shots
        return {**asdict(self.prompting), "shots": shots, "passage_tokens": self.passage_tokens}

    def hash_split(self, examples: tuple[Example, ...]) -> str:
        """Return a hash of what the examples ask, expect and accept, their order included."""
        return hash_json(
            [
                [example.input, order_properties(example.output, self.schema), *([example.accept] if example.accept else ())]
                for example in examples
            ]
        )

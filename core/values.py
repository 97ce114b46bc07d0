"""The vocabulary: plain frozen values that every other file passes around.

Identity, storage and rendering live elsewhere. An arm is data, not a class: its adapter and its retrieval
depth place it in the 2 x 2 of the lab (see `core/comparison/arms.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Stage = Literal["strict", "extracted", "repaired", "failed"]
Finish = Literal["stop", "length"]
Mode = Literal["free", "constrained", "think"]
MODES: tuple[Mode, ...] = ("free", "constrained", "think")

# Who is told while work goes on.
OnText = Callable[[int, str], None]  # Index of the prompt, its answer so far.
OnProgress = Callable[[int, int], None]  # Step, total.
OnStage = Callable[[str, int, int], None]  # What is being done, step, total.
OnNotice = Callable[[str], None]  # A sentence.


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the expected answer stands: a verbatim quote in a document."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled item of a task."""

    id: str
    input: str
    output: Mapping[str, Any] | None = None
    group: str | None = None
    slice: str | None = None
    evidence: tuple[Evidence, ...] = ()
    accept: Mapping[str, Any] = field(default_factory=dict)  # What is as right as `output`: by field, values or wordings.


@dataclass(frozen=True, slots=True)
class Document:
    """A text that retrieval may read. `id` is what an answer cites.

    Args:
        id: Its path below the documents folder, without the suffix.
        title: What people call it.
        text: The whole text; passages and pages are spans of it.
        pages: Offset in `text` where each page begins, of a table each row; empty for documents without such parts.
        origin: Name of the file it was read from.
    """

    id: str
    title: str
    text: str
    pages: tuple[int, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document: `document.text[start:end] == text` always.

    `place` says for people where it stands: page or row, and the headings above it.
    """

    document: str
    title: str
    start: int
    end: int
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a query. `ranks` (from 1) and `scores` are kept per retriever."""

    passage: Passage
    score: float
    ranks: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How text is decoded. Temperature 0 is greedy; the seed counts only above it.

    Args:
        mode: `free`; `constrained`: no token that the schema forbids; `think`: a free draft of at most
            `draft_tokens`, then the constrained answer.
        max_new_tokens: The longest answer.
        batch_size: Rows decoded side by side.
        temperature: Of the sampling.
        seed: Of the sampling.
        draft_tokens: The longest draft.
    """

    mode: Mode = "free"
    max_new_tokens: int = 96
    batch_size: int = 16
    temperature: float = 0.0
    seed: int = 0
    draft_tokens: int = 64


@dataclass(frozen=True, slots=True)
class Generation:
    """What the model wrote for one prompt.

    `seconds` is the item's share of the model's time: each step is shared by tokens, so the items' shares add
    up. `latency_seconds` is the time from its first step to its last, other items beside it included.
    `forced_tokens` of the new tokens were dictated by the schema; `draft` is the free text before the answer. `let_go`: the
    engine that held it to the schema gave up on the way, and the rest was written freely.
    """

    text: str
    prompt_tokens: int
    new_tokens: int
    seconds: float
    latency_seconds: float
    finish: Finish
    forced_tokens: int = 0
    draft: str = ""
    let_go: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """One reason why an answer is not valid. `pointer` is a JSON pointer, `keyword` the schema keyword."""

    pointer: str
    keyword: str
    message: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """One arm's answer to one example, with everything that led to it."""

    arm: str
    example: str
    hits: tuple[Hit, ...]
    generation: Generation
    value: Any
    issues: tuple[Issue, ...]
    stage: Stage
    dropped_passages: int = 0
    dropped_documents: tuple[str, ...] = ()  # Of those passages, best first; empty in records from before it was kept.
    adapter: str | None = None  # Id of the adapter that answered; None in records from before it was kept, too.
    shot_draw: int | None = None  # Of the fixed examples that it was shown, where several draws answered.

    @property
    def json_valid(self) -> bool:
        """The whole output, as written, is JSON: nothing was stripped or repaired."""
        return self.stage == "strict"

    @property
    def schema_valid(self) -> bool:
        """The whole output, as written, is valid under the task's schema."""
        return self.stage == "strict" and not self.issues


@dataclass(frozen=True, slots=True)
class Support:
    """Whether constrained decoding can hold answers to a schema, and which parts of it.

    Args:
        enforced: Whether no answer can be written that breaks it.
        reason: Why not, in the engine's words; empty where `enforced`.
        caps: Limits that decoding adds, so that no text and no list goes on for ever.
        afterwards: Keywords that decoding leaves out; the finished answer is checked against them.
    """

    enforced: bool
    reason: str = ""
    caps: tuple[str, ...] = ()
    afterwards: tuple[str, ...] = ()


class Generator(Protocol):
    """Writes text for chat prompts. The one owner of a model and its adapters."""

    @property
    def description(self) -> Mapping[str, Any]:
        """Model id, weights hash, dtype and device, as kept in a run record."""

    @property
    def context_tokens(self) -> int:
        """The longest prompt plus answer that the model takes."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt, the start of the answer included."""

    def generate(
        self, prompts: Sequence[Sequence[Message]], *, adapter: str | None, options: DecodeOptions,
        schema: Mapping[str, Any] | None = None, on_text: OnText | None = None,
    ) -> Iterator[tuple[int, Generation]]:  # fmt: skip
        """Yield (index of the prompt, generation) as they finish, in any order.

        `schema` is what constrained modes hold to; `on_text` is told of every prompt's answer so far.
        """

    def check_support(self, schema: Mapping[str, Any]) -> Support:
        """Say whether constrained modes can hold answers to a schema, and if not, why."""


class Retriever(Protocol):
    """Finds passages for queries."""

    def search(self, queries: Sequence[str], *, top_k: int) -> list[list[Hit]]:
        """Return at most `top_k` hits for each query, best first."""

"""What the public endpoints give back, as plain JSON: its names and types are the public documentation.

Annotations are not postponed here: Gradio reads them to write that documentation.
"""

from typing import Any, Literal, TypedDict, cast

from core.answers.parsing import Parsed
from core.comparison.arms import ARMS
from core.comparison.runs import Run
from core.evaluation.card import make_card
from core.tasks.task import Task
from core.values import Hit, Issue
from lab.runs import RunEntry
from lab.search import Found
from lab.standing import IndexState, TaskStanding, list_fitting_arms
from ui.page.compare.asking import Entry


class IssueRecord(TypedDict):
    """One reason why an answer is not valid: where (a JSON pointer), which keyword of the schema, and in words."""

    pointer: str
    keyword: str
    message: str


class PassageRecord(TypedDict):
    """A passage that was found: `text` is `start` to `end` (characters) of the document; `score` is higher for better ones."""

    document: str
    title: str
    place: str
    start: int
    end: int
    text: str
    score: float


class AnswerRecord(TypedDict):
    """One approach's answer.

    `missing` says in a sentence why there is none; then `text` is empty and `value` null. `valid` counts the text as it was
    written, `stage` says how the value was found in it: strict, extracted, repaired or failed.
    """

    approach: str
    title: str
    decoding: str
    missing: str
    note: str
    text: str
    value: Any
    valid: bool
    stage: str
    issues: list[IssueRecord]
    passages: list[PassageRecord]
    relevant: bool | None
    adapter: str | None
    prompt_tokens: int
    new_tokens: int
    seconds: float


class ComparedRecord(TypedDict):
    """Answers of several approaches to one question; `expected` is null unless it is a test question of the task."""

    task: str
    question: str
    expected: dict[str, Any] | None
    answers: list[AnswerRecord]


class SearchRecord(TypedDict):
    """What a search found, best first, and whether any of it is relevant, with the reason in words."""

    relevant: bool
    reason: str
    passages: list[PassageRecord]


class ValidationRecord(TypedDict):
    """Whether a text is a valid answer as it was written, the value found in it, and what is wrong with that."""

    valid: bool
    stage: str
    value: Any
    issues: list[IssueRecord]


class TaskRecord(TypedDict):
    """A task: what it asks, the schema of its answers, what it has, and which approaches fit it."""

    name: str
    title: str
    description: str
    answer_schema: dict[str, Any]
    training_questions: int
    test_questions: int
    documents: int
    index: IndexState
    adapters: int
    approaches: list[str]


class TasksRecord(TypedDict):
    """The tasks, and a sentence for each that cannot be read."""

    tasks: list[TaskRecord]
    damaged: list[str]


class CardRecord(TypedDict):
    """A run's verdict: its state, what is recommended (null: nothing), why, and what would change it."""

    state: str
    recommendation: str | None
    title: str
    sentence: str
    reasons: list[str]
    effects: list[str]
    smallest: str
    smallest_lead: float | None
    flips: list[str]


class RunRecord(TypedDict):
    """A stored comparison; `card` is null where it has no verdict, `bundled` says that it came with its task."""

    id: str
    name: str
    task: str
    status: str
    created: str
    model: str
    approaches: list[str]
    questions: int
    note: str
    pinned: bool
    bundled: bool
    card: CardRecord | None


class RunsRecord(TypedDict):
    """The stored comparisons, the newest first, and a sentence for each that cannot be read."""

    runs: list[RunRecord]
    damaged: list[str]


def describe_answer(entry: Entry) -> AnswerRecord:
    """Return an approach's answer, or why it has none."""
    prediction = entry.prediction
    generation = prediction.generation if prediction else None
    return AnswerRecord(
        approach=entry.arm,
        title=ARMS[entry.arm].title,
        decoding=entry.mode,
        missing="" if prediction else entry.note,
        note=entry.note if prediction else "",
        text=generation.text if generation else "",
        value=prediction.value if prediction else None,
        valid=bool(prediction and prediction.schema_valid),
        stage=prediction.stage if prediction else "failed",
        issues=[describe_issue(issue) for issue in prediction.issues] if prediction else [],
        passages=[describe_hit(hit) for hit in prediction.hits] if prediction else [],
        relevant=None if entry.verdict is None else not entry.verdict.abstained,
        adapter=prediction.adapter if prediction else None,
        prompt_tokens=generation.prompt_tokens if generation else 0,
        new_tokens=generation.new_tokens if generation else 0,
        seconds=round(generation.latency_seconds, 3) if generation else 0.0,
    )


def describe_issue(issue: Issue) -> IssueRecord:
    """Return an issue as JSON values."""
    return IssueRecord(pointer=issue.pointer, keyword=issue.keyword, message=issue.message)


def describe_hit(hit: Hit) -> PassageRecord:
    """Return a passage that was found as JSON values."""
    place = hit.passage
    return PassageRecord(
        document=place.document, title=place.title, place=place.place, start=place.start, end=place.end, text=place.text,
        score=float(hit.score),
    )  # fmt: skip


def describe_found(found: Found, mode: Literal["hybrid", "dense", "bm25"]) -> SearchRecord:
    """Return what one way of searching found."""
    hits = found.hits[mode]
    passages = [] if isinstance(hits, str) else [describe_hit(hit) for hit in hits]
    return SearchRecord(relevant=not found.verdict.abstained, reason=found.verdict.reason, passages=passages)


def describe_validation(parsed: Parsed, issues: list[Issue]) -> ValidationRecord:
    """Return how a text was read and what is wrong with the value in it."""
    valid = parsed.stage == "strict" and not issues
    return ValidationRecord(valid=valid, stage=parsed.stage, value=parsed.value, issues=[describe_issue(one) for one in issues])


def describe_task(task: Task, standing: TaskStanding) -> TaskRecord:
    """Return a task and how it stands."""
    return TaskRecord(
        name=task.name,
        title=task.title,
        description=task.description,
        answer_schema=dict(task.schema),
        training_questions=len(task.train),
        test_questions=len(task.test),
        documents=standing.documents,
        index=standing.index,
        adapters=standing.adapters,
        approaches=list_fitting_arms(standing.documents)[0],
    )


def describe_run(entry: RunEntry, run: Run, *, bundled: bool) -> RunRecord:
    """Return a stored run with its card."""
    return RunRecord(
        id=entry.id,
        name=entry.name,
        task=entry.task,
        status=entry.status,
        created=entry.created,
        model=entry.model,
        approaches=list(entry.arms),
        questions=entry.items,
        note=entry.note,
        pinned=entry.pinned,
        bundled=bundled,
        card=cast("CardRecord", make_card(run.summary).as_json()) if run.summary.get("verdict") else None,
    )

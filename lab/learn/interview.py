"""Interview me: a question, one's own answer, what its words cover, and a small model's grade of it.

Two kinds of questions: those of the task `answer-grading`, each with a rubric (points with weights, misconceptions), and those of
`ml-interview`, each with two or three key points in accepted wordings and the quote they come from. What the words cover is
counted, by the same reading of words that the exam's marks use; the grade is an opinion of the model and says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from core.comparison.arms import ARMS, fit_arm
from core.comparison.pipeline import Tools, answer
from core.errors import LabError
from core.evaluation.texts import read_pair
from core.settings import BUNDLED_TASKS
from core.tasks.loading import load_task
from core.values import Evidence, Example, Hit, Passage, Prediction
from lab.answering import choose_options, fix_adapter
from lab.lab import Lab

GRADING, ARTICLES = "answer-grading", "ml-interview"
POOLS = {GRADING: "Questions with a rubric", ARTICLES: "Short questions with key points"}
NO_QUESTION = {"marking-rules"}  # Documents of the grading task that are no rubrics.
TITLE = re.compile(r"^# Rubric: (.+)$", re.MULTILINE)
POINT = re.compile(r"^- (.+?) \(weight (\d+)\): if missing, ask: (.+)$", re.MULTILINE)
SAID = re.compile(r"^- (.+?): (.+)$", re.MULTILINE)
DETAIL = "## What has to be said"
LONGEST_ANSWER = 1_500  # Characters.
CODES = {  # What the task's README says of its house codes; the model has to learn them.
    "TERN": "everything covered",
    "PLOVER": "a third or more covered",
    "DUNLIN": "little covered",
    "SKUA": "nothing covered",
    "KNOT": "a misconception was stated",
}
HALF = 0.5


@dataclass(frozen=True, slots=True)
class RubricPoint:
    """A point that a good answer makes.

    Args:
        name: As the rubric calls it, or the key point itself.
        weight: Of the point.
        wordings: Any of them, said in full, is the point.
        ask: What to ask when it is missing.
    """

    name: str
    weight: int
    wordings: tuple[str, ...]
    ask: str = ""


@dataclass(frozen=True, slots=True)
class InterviewQuestion:
    """A question with what a good answer says.

    Args:
        id: Names it.
        text: The question.
        points: What a good answer makes.
        literal: Whether the points' own words are expected, or only their sense.
        rubric: The text that the model is shown.
        sources: Where it is written: document and quote.
    """

    id: str
    text: str
    points: tuple[RubricPoint, ...]
    literal: bool
    rubric: str
    sources: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a point an answer's words cover: share of the words of its nearest wording, and that wording."""

    point: RubricPoint
    share: float
    wording: str
    missing: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`covered`, `partly` or `not said`."""
        return "covered" if self.share >= 1 else "partly" if self.share >= HALF else "not said"


@dataclass(frozen=True, slots=True)
class Grade:
    """What the model said of an answer.

    Args:
        prediction: All of it, as any answer of the lab.
        values: Of the grade's fields; empty where the answer could not be read.
        meaning: Of the verdict's code.
        arm: Title of the approach that answered.
    """

    prediction: Prediction
    values: Mapping[str, object] = field(default_factory=dict)
    meaning: str = ""
    arm: str = ""


@lru_cache(maxsize=len(POOLS))
def list_questions(pool: str) -> tuple[InterviewQuestion, ...]:
    """Return the questions of a pool in order of their ids; those of the exam's test rows are left for the exam.

    Raises:
        LabError: There is no such pool.
    """
    if pool not in POOLS:
        raise LabError(f"There are no questions called {pool!r}.", f"Choose one of {', '.join(POOLS)}.")
    return tuple(_read_rubrics() if pool == GRADING else _read_key_points())


def find_question(pool: str, name: str) -> InterviewQuestion:
    """Return a question by its id.

    Raises:
        LabError: There is no such question.
    """
    for question in list_questions(pool):
        if question.id == name:
            return question
    raise LabError(f"There is no question {name!r}.", "Choose one of the list.")


def find_next(pool: str, name: str | None) -> str:
    """Return the id of the question after this one, the first after the last."""
    names = [question.id for question in list_questions(pool)]
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]


def _read_rubrics() -> Sequence[InterviewQuestion]:
    questions = []
    for path in sorted((BUNDLED_TASKS / GRADING / "documents").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        title = TITLE.search(text)
        if path.stem in NO_QUESTION or title is None:
            continue
        head, _, rest = text.partition(DETAIL)
        said = dict(SAID.findall(rest.partition("\n## ")[0]))
        points = tuple(
            RubricPoint(name, int(weight), (said.get(name, name),), ask) for name, weight, ask in POINT.findall(head)
        )
        source = Evidence(path.stem, " ".join(said.values()))
        questions.append(InterviewQuestion(path.stem, title[1], points, literal=False, rubric=text, sources=(source,)))
    return questions


def _read_key_points() -> Sequence[InterviewQuestion]:
    return [_read_row(row) for row in load_task(BUNDLED_TASKS / ARTICLES).train if row.output]


def _read_row(row: Example) -> InterviewQuestion:
    output = row.output or {}
    accepted = row.accept.get("key_points")
    others = accepted if isinstance(accepted, Mapping) else {}
    points = tuple(RubricPoint(text, 1, (text, *others.get(text, ()))) for text in output["key_points"])
    lines = "\n".join(f"- {point.name} (weight 1): if missing, ask: What about {point.name}?" for point in points)
    rubric = f"# Rubric: {row.input}\n\n{lines}\n"
    return InterviewQuestion(row.id, row.input, points, literal=True, rubric=rubric, sources=row.evidence)


def cover(question: InterviewQuestion, said: str) -> list[Coverage]:
    """Count which points an answer's words cover.

    Key points are read as the exam's marks read them: numbers, units and dates are whole, each word counts once. A rubric's
    sentence is only a sense, so its stemmed content words are counted, and a share of 1 is not to be expected.
    """
    count = _count_literally if question.literal else _count_stems
    return [
        max((count(point, wording, said) for wording in point.wordings), key=lambda c: c.share) for point in question.points
    ]


def _count_literally(point: RubricPoint, wording: str, said: str) -> Coverage:
    given, right = read_pair(said, wording)
    lacking = Counter(word.text for word in right) - Counter(word.text for word in given)
    figures = {word.text for word in right if word.kind == "figure"}
    # As in the exam's marks: a unit beside a wrong number is worth nothing.
    lost = not said.strip() or not right or (figures and not figures & {word.text for word in given})
    return Coverage(point, 0.0 if lost else 1 - lacking.total() / len(right), wording, tuple(lacking))


def _count_stems(point: RubricPoint, wording: str, said: str) -> Coverage:
    from retrieval.index.lexical import tokenize

    given, right = (list(dict.fromkeys(words)) for words in tokenize([said, wording]))
    lacking = [word for word in right if word not in given]
    return Coverage(point, 1 - len(lacking) / len(right) if right else 0.0, wording, tuple(lacking))


@dataclass(frozen=True, slots=True)
class _RubricShelf:
    """A search that always finds the rubric: in this task the question is its title, so looking for it proves nothing."""

    hits: tuple[Hit, ...]

    def search(self, queries: Sequence[str], *, top_k: int) -> list[list[Hit]]:
        """Return the rubric's parts for each query."""
        return [list(self.hits[:top_k]) for _ in queries]


def list_arms() -> list[tuple[str, str]]:
    """Return (title, name) of the approaches that can grade."""
    return [(arm.title, name) for name, arm in ARMS.items() if name != "zero_shot"]


def choose_arm(lab: Lab) -> str:
    """Return the approach to begin with: RAG + QLoRA where there is an adapter for grading, else RAG, which needs none."""
    from finetune.adapters.store import list_adapters

    return "hybrid" if any(card.kind != "plain" for card in list_adapters(lab.settings, task=GRADING)) else "rag"


def grade(lab: Lab, question: InterviewQuestion, said: str, *, arm: str) -> Grade:
    """Let the model grade an answer by the bundled grading task, through the lab's one pipeline.

    Raises:
        LabError: The answer is empty or too long, or the model or a fitting adapter is absent.
    """
    if not said.strip() or len(said) > LONGEST_ANSWER:
        raise LabError(f"The answer has {len(said.strip()):,} characters.", f"Give 1 to {LONGEST_ANSWER:,}.")
    if arm not in ARMS:
        raise LabError(f"There is no approach {arm!r}.", "Choose one of the list.")
    task = load_task(BUNDLED_TASKS / GRADING)
    fixed = fix_adapter(lab, task, fit_arm(ARMS[arm], task))
    tools = Tools(
        lab.load_generator(),
        retriever=_RubricShelf(_cut_rubric(question)) if fixed.top_k else None,
        examples=lab.library.load_examples(task) if fixed.nearest else None,
    )
    item = Example("interview", f"{question.text}\n\nCandidate: {said.strip()}")
    options = choose_options(lab, task, mode="constrained")
    prediction = next(found for _, found in answer(task, [item], fixed, tools, options=options))
    values = prediction.value if isinstance(prediction.value, dict) else {}
    return Grade(prediction, values, CODES.get(str(values.get("verdict")), ""), fixed.title)


def _cut_rubric(question: InterviewQuestion) -> tuple[Hit, ...]:
    """Return the rubric as passages: its list of points, then what has to be said."""
    head, mark, rest = question.rubric.partition(DETAIL)
    parts = [(0, head.rstrip()), (len(head), mark + rest)] if mark else [(0, question.rubric.rstrip())]
    return tuple(
        Hit(Passage(question.id, f"Rubric: {question.text}", start, start + len(text), text), 1.0) for start, text in parts
    )

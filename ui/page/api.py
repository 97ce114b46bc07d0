"""The public endpoints: ask, compare, search, validate, tasks, runs. Typed, in JSON; every other event of the page is private.

Their docstrings are what people read in the page's API pages and what other programs are told. Annotations are not
postponed here: Gradio reads them to write that documentation.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import gradio as gr

from core.answers.parsing import parse
from core.answers.validation import validate
from core.comparison.arms import ARMS, MAIN_ARMS, find_arms
from core.comparison.runs import load_run
from core.errors import LabError
from core.stored import read_each
from core.tasks.folders import NAME, list_tasks
from core.tasks.task import Task
from core.values import Mode
from lab.lab import Lab
from lab.limits import check_question
from lab.runs import list_bundled_entries, list_entries
from lab.search import SearchOptions, search_task
from lab.standing import describe_standing
from ui.page.api_records import (
    AnswerRecord,
    ComparedRecord,
    RunsRecord,
    SearchRecord,
    TasksRecord,
    ValidationRecord,
    describe_answer,
    describe_found,
    describe_run,
    describe_task,
    describe_validation,
)
from ui.page.compare.asking import Entry, ask, read_question
from ui.page.errors import explain

PUBLIC = frozenset({"ask", "compare", "search", "validate", "tasks", "runs"})
MOST_RUNS = 50  # Of a list; each comes with its whole card.
LONGEST_ANSWER = 200_000  # Characters that are validated, as `core.answers.parsing` takes them.
SearchMode = Literal["hybrid", "dense", "bm25"]


def check_types(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate an endpoint: a value of another type than its annotation says is a sentence; Gradio checks none."""
    from pydantic import ConfigDict, ValidationError, validate_call

    checked = validate_call(config=ConfigDict(arbitrary_types_allowed=True, strict=True))(handler)

    @wraps(handler)
    def call(*values: Any, **named: Any) -> Any:
        try:
            return checked(*values, **named)
        except ValidationError as error:
            first = error.errors()[0]
            raise LabError(
                f"{_name_argument(handler, first['loc'][0])}: {first['msg']}.",
                "The page's API documentation lists names and types.",
            ) from error

    return call


def _name_argument(handler: Callable[..., Any], part: int | str) -> str:
    """Return the name of an argument that was given by place; the first one is the object itself."""
    names = handler.__code__.co_varnames
    return names[part] if isinstance(part, int) and part < len(names) else str(part)


@dataclass(frozen=True)
class PublicEndpoints:
    """What other programs may call.

    Args:
        lab: The lab; on a page that strangers share, the door that stands for it.
    """

    lab: Lab

    @explain
    @check_types
    def ask(self, task: str, question: str, approach: str = "rag", decoding: Mode = "free") -> AnswerRecord:
        """Answer a question about a task's documents with one approach.

        Args:
            task: Name of a task, as /tasks lists them.
            question: The question, in plain words; the test questions of a task are known by their text.
            approach: base, rag, qlora, hybrid, zero_shot or rag_examples; qlora and hybrid need a trained adapter.
            decoding: free; constrained (only what the task's schema allows); think (a draft first, then constrained).

        Returns:
            The text as the model wrote it, the JSON value in it, whether that is valid, and the passages it saw.
        """
        (answer,) = self._answer(task, question, [approach], decoding)["answers"]
        if answer["missing"]:
            raise LabError(answer["missing"])
        return answer

    @explain
    @check_types
    def compare(self, task: str, question: str, approaches: list[str] | None = None, decoding: Mode = "free") -> ComparedRecord:
        """Answer one question with several approaches side by side; an approach that cannot answer says what it lacks.

        This is a look at one question. What approaches are worth takes many: a comparison with a verdict is made on the
        page or with `ragft compare`, and /runs lists those that were made.

        Args:
            task: Name of a task, as /tasks lists them.
            question: The question, in plain words; for a test question of the task the expected answer is returned too.
            approaches: Some of base, rag, qlora, hybrid, zero_shot, rag_examples; without any the first four.
            decoding: free; constrained (only what the task's schema allows); think (a draft first, then constrained).

        Returns:
            The answers in the order of the approaches, and the expected one where it is known.
        """
        return self._answer(task, question, approaches or list(MAIN_ARMS), decoding)

    @explain
    @check_types
    def search(
        self, task: str, query: str, passages: int = 5, mode: SearchMode = "hybrid", documents: list[str] | None = None
    ) -> SearchRecord:
        """Search a task's documents, and say whether anything relevant was found.

        Args:
            task: Name of a task, as /tasks lists them; its documents must be indexed.
            query: What to look for, in plain words.
            passages: How many passages at most, 1 to 100.
            mode: hybrid (both), dense (by meaning, with vectors) or bm25 (by words).
            documents: Ids of the only documents to search, or patterns of them such as policies/*; without any, all.

        Returns:
            The passages, best first, each with its place in its document.
        """
        lab = self.lab
        check_question(lab.settings, query)
        options = SearchOptions(mode=mode, k=passages, documents=tuple(documents or ()))
        return describe_found(search_task(lab, _find_task(lab, task), query, options), mode)

    @explain
    @check_types
    def validate(self, task: str, answer: str | dict[str, Any]) -> ValidationRecord:
        """Check an answer against a task's JSON Schema, whoever wrote it; no model is asked.

        Args:
            task: Name of a task, as /tasks lists them.
            answer: The text that a model wrote, or a JSON object.

        Returns:
            Whether the text is a valid answer as it stands, how the value was found in it, and each issue in words.
        """
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        if len(text) > LONGEST_ANSWER:
            raise LabError(f"The answer has {len(text):,} characters.", f"Send at most {LONGEST_ANSWER:,}.")
        schema = _find_task(self.lab, task).schema
        parsed = parse(text, schema)
        found = validate(parsed.value, schema) if parsed.stage != "failed" else []
        return describe_validation(parsed, [*parsed.issues, *found])

    @explain
    @check_types
    def list_tasks(self) -> TasksRecord:
        """List the tasks: what each asks, the JSON Schema of its answers, and which approaches fit it.

        Returns:
            The tasks, and a sentence for each that cannot be read.
        """
        lab = self.lab
        listing = read_each(list_tasks(lab.settings), lambda folder: lab.task(folder.name))  # Those that are known are kept.
        tasks = [describe_task(task, describe_standing(lab, task)) for task in listing.whole]
        return TasksRecord(tasks=tasks, damaged=listing.damaged)

    @explain
    @check_types
    def list_runs(self, task: str = "", limit: int = MOST_RUNS) -> RunsRecord:
        """List stored comparisons with their verdicts: what is recommended, why, how sure that is, what would change it.

        Args:
            task: Only those of this task; empty for all.
            limit: How many at most, the newest of each task first.

        Returns:
            One's own comparisons, then those that come with bundled tasks.
        """
        lab = self.lab
        if not 1 <= limit <= MOST_RUNS:
            raise LabError(f"{limit} runs were asked for.", f"Ask for 1 to {MOST_RUNS}.")
        name = _find_task(lab, task).name if task else None
        own, bundled = list_entries(lab.settings, task=name), list_bundled_entries(lab.settings, task=name)
        found = [*((entry, False) for entry in own.whole), *((entry, True) for entry in bundled.whole)][:limit]
        runs = [describe_run(entry, load_run(lab.settings, entry.id), bundled=stored) for entry, stored in found]
        return RunsRecord(runs=runs, damaged=[*own.damaged, *bundled.damaged])

    def _answer(self, task: str, question: str, approaches: list[str], decoding: Mode) -> ComparedRecord:
        lab = self.lab
        chosen = _find_task(lab, task)
        arms = find_arms(",".join(approaches))
        if control := next((arm.name for arm in arms if arm.is_control), ""):
            usable = ", ".join(arm.name for arm in ARMS.values() if not arm.is_control)
            raise LabError(f"{control!r} is a control of comparisons and answers no question.", f"Choose among {usable}.")
        check_question(lab.settings, question)
        item = read_question(chosen, question)
        entries: list[Entry] = []
        for entries in ask(lab, chosen, item, [Entry(arm.name, decoding) for arm in arms]):  # noqa: B007
            pass
        expected = None if item.output is None else dict(item.output)
        return ComparedRecord(
            task=chosen.name, question=item.input, expected=expected, answers=[describe_answer(entry) for entry in entries]
        )


def _find_task(lab: Lab, name: str) -> Task:
    """Return a task by its name; a path names nothing here, for the caller may sit at another machine.

    Raises:
        LabError: There is no such task.
    """
    if not NAME.fullmatch(name):
        raise LabError(f"{name[:64]!r} is no name of a task.", "/tasks lists the names.")
    return lab.task(name)


def build_api(lab: Lab) -> None:
    """Add the public endpoints to the page that is being built."""
    endpoints = PublicEndpoints(lab)
    one_at_a_time: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
    gr.api(endpoints.ask, api_name="ask", **one_at_a_time)
    gr.api(endpoints.compare, api_name="compare", **one_at_a_time)
    gr.api(endpoints.search, api_name="search", concurrency_id="search")
    gr.api(endpoints.validate, api_name="validate")
    gr.api(endpoints.list_tasks, api_name="tasks")
    gr.api(endpoints.list_runs, api_name="runs")


def hide_others(page: gr.Blocks) -> None:
    """Make all other events of a built page private: Gradio's own components, such as the one to sign in, add public ones."""
    for handler in page.fns.values():
        if handler.api_name not in PUBLIC:
            handler.api_visibility = "private"

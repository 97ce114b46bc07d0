"""The walk of three steps: rows; documents and schema; look and make. Each shows what was understood before anything is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import LabError
from core.tasks.draft import Draft
from core.tasks.records import find_sheets
from core.tasks.writing import TaskTexts, write_task
from lab.drafts import choose_columns, default_instruction, describe_draft
from lab.lab import Lab
from lab.leaks import read_new_documents
from lab.limits import check_task
from retrieval.readers.registry import READERS
from ui.page.choices import list_choices
from ui.page.errors import explain
from ui.page.polling import QUIET
from ui.page.rendering import render_note
from ui.page.task.form import copy_sample, draft, list_hints, list_missing, propose_name, read_rows
from ui.page.task.view import (
    render_documents,
    render_failed,
    render_made,
    render_missing,
    render_report,
    render_rows,
    render_steps,
)

TABLES = [".csv", ".tsv", ".tab", ".psv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".parquet", ".gz", ".zip"]
DOCUMENTS = sorted(READERS)
ABOUT_ROWS = "A row is one example: what is read, and the right answer in one or more columns. CSV, JSON, Excel; several files are one task."
EMPTY_ROWS = "The rows appear here as they were understood, once there is a file."
EMPTY_DOCUMENTS = "No document yet. They are optional: RAG looks things up in them."
SHOW = "() => { document.getElementById('made')?.scrollIntoView({ block: 'center' }); }"
FIRST_STATES = render_steps([("now", "choose a file, or try the sample"), ("waiting", ""), ("waiting", "")])


@dataclass(frozen=True)
class Rows:
    """The components of the first step."""

    examples: gr.File
    sample: gr.Button
    columns: list[Any]  # Examples, sheet, source, outputs, group, exam: what says how rows are read.
    shown: gr.HTML


@dataclass(frozen=True)
class Materials:
    """The components of the second step."""

    documents: gr.File
    documents_shown: gr.HTML
    schema: gr.Code
    verdict: gr.HTML


@dataclass(frozen=True)
class Making:
    """The components of the third step."""

    name: gr.Textbox
    title: gr.Textbox
    instruction: gr.Textbox
    report: gr.HTML
    missing: gr.HTML
    skip: gr.Checkbox
    create: gr.Button


@dataclass(frozen=True)
class Made:
    """What stands there once a task was made: the sentence, and the three ways on."""

    box: gr.Column
    sentence: gr.HTML
    name: gr.State
    ways: dict[str, gr.Button]


def build_walk(lab: Lab, task: gr.Dropdown) -> Made:
    """Build the walk; `task` is the page's list of tasks, where a new one is chosen as soon as it is there.

    Returns what stands at its end.
    """
    steps = gr.HTML(FIRST_STATES, label="Steps", padding=False)
    rows = _build_rows()
    with gr.Column(visible=False, elem_classes="walk-rest") as rest:
        materials = _build_materials()
        making = _build_making()
    made = _build_made()
    _join_rows(lab, rows, materials, making, (steps, rest))
    _join_making(lab, task, (rows, materials, making), made, steps)
    return made


def _build_rows() -> Rows:
    gr.Markdown("## 1. Rows", elem_id="step-rows")
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=280):
            examples = gr.File(label="Examples, a row each", file_types=TABLES, file_count="multiple", height=140)
        with gr.Column(scale=1, min_width=240):
            gr.HTML(render_note(ABOUT_ROWS), padding=False)
            sample = gr.Button("Try it with the sample (40 complaints)", size="sm", elem_id="try-sample")
            gr.DownloadButton("Download the sample", value=copy_sample(), size="sm")
    sheet = gr.Dropdown([], label="Sheet of the workbook", interactive=True, visible=False)
    with gr.Row(visible=True):
        source = gr.Dropdown([], label="Column of the input", interactive=True, min_width=200)
        outputs = gr.Dropdown([], label="Columns of the answer", multiselect=True, interactive=True, min_width=200)
        group = gr.Dropdown([], label="Column that keeps rows together (may be none)", interactive=True, min_width=200)
        exam = gr.Number(0, label="Test rows (0: about a fifth)", precision=0, minimum=0, min_width=160)
    shown = gr.HTML(render_note(EMPTY_ROWS), label="Rows as they were understood", padding=False)
    return Rows(examples, sample, [examples, sheet, source, outputs, group, exam], shown)


def _build_materials() -> Materials:
    gr.Markdown("## 2. Documents (may be none) and schema", elem_id="step-materials")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            documents = gr.File(
                label="Documents for retrieval (may be none)", file_types=DOCUMENTS, file_count="multiple", height=140
            )
            documents_shown = gr.HTML(render_note(EMPTY_DOCUMENTS), label="Documents as they were read", padding=False)
        with gr.Column(min_width=280):
            schema = gr.Code(
                "",
                language="json",
                label="Schema of the answer (inferred; edit it as you like)",
                lines=10,
                max_lines=22,
                interactive=True,
            )
            verdict = gr.HTML("", label="Schema check", padding=False)
    return Materials(documents, documents_shown, schema, verdict)


def _build_making() -> Making:
    gr.Markdown("## 3. Look and make", elem_id="step-making")
    with gr.Row():
        name = gr.Textbox(label="Name", placeholder="my-task", max_length=64, min_width=200)
        title = gr.Textbox(label="Title", placeholder="What people call it", min_width=200)
        instruction = gr.Textbox(label="Instruction", placeholder="What the model is told to do", scale=2, min_width=280)
    report = gr.HTML("", label="Report", padding=False)
    skip = gr.Checkbox(False, label="Leave out the rows that the report names", visible=False)
    missing = gr.HTML("", label="What is missing", padding=False)
    create = gr.Button("Create the task", variant="primary")
    return Making(name, title, instruction, report, missing, skip, create)


def _build_made() -> Made:
    with gr.Column(visible=False, elem_id="made") as box:
        sentence = gr.HTML("", label="The task that was made", padding=False)
        with gr.Row(elem_classes="ways"):
            ways = {
                "finetune": gr.Button("1. Train →", variant="primary", min_width=140),
                "compare": gr.Button("2. Compare →", min_width=140),
                "evaluate": gr.Button("3. Evaluate", min_width=140),
            }
    return Made(box, sentence, gr.State(""), ways)


def _join_rows(lab: Lab, rows: Rows, materials: Materials, making: Making, frame: tuple[gr.HTML, gr.Column]) -> None:
    """Let files and columns be read, shown, and open the other steps."""
    lists = [*rows.columns[1:5], making.name]
    looked = [rows.shown, materials.schema, making.instruction, making.report, making.skip, *frame]
    given = [making.instruction, *rows.columns]
    private: dict[str, Any] = {"api_visibility": "private"}
    rows.sample.click(lambda: [copy_sample()], None, rows.examples, **QUIET)
    read = rows.examples.change(partial(open_files, lab), rows.examples, lists, **private)
    read.then(partial(look, lab), given, looked, **private)
    turned = rows.columns[1].input(open_sheet, rows.columns[:2], lists[1:4], **private)
    turned.then(partial(look, lab), given, looked, **private)
    asked = [item.input for item in rows.columns[2:5]] + [rows.columns[5].submit, rows.columns[5].blur]
    gr.on([*asked, making.instruction.submit, making.instruction.blur], partial(look, lab), given, looked, **private)
    materials.documents.change(
        look_at_documents, materials.documents, materials.documents_shown, trigger_mode="multiple", **private
    )


# Five components of three steps, the last of them the frame.
def _join_making(lab: Lab, task: gr.Dropdown, parts: tuple[Rows, Materials, Making], made: Made, steps: gr.HTML) -> None:
    """Let the third step say what is missing, and make the task."""
    rows, materials, making = parts
    checked = [materials.schema, making.skip, making.name, materials.documents, *rows.columns]
    changes = [materials.schema.change, making.skip.change, making.name.change, materials.documents.change]
    told = [materials.verdict, making.missing, steps]
    gr.on(changes, partial(check, lab), checked, told, trigger_mode="always_last", **QUIET)
    written = making.create.click(
        partial(make, lab),
        [materials.schema, making.skip, making.name, making.title, making.instruction, materials.documents, *rows.columns],
        [task, made.name, made.box, made.sentence, steps],
        api_visibility="private",
    )
    written.success(None, None, None, js=SHOW, **QUIET)


def open_files(lab: Lab, paths: list[str] | None) -> list[Any]:
    """Fill the lists of sheets and columns with what the files have, guessed ones chosen; what cannot be read leaves them empty."""
    nothing = gr.Dropdown([], value=None)
    empty = [gr.Dropdown([], value=None, visible=False), nothing, gr.Dropdown([], value=[], multiselect=True), nothing]
    if not paths:
        return [*empty, gr.skip()]
    try:
        sheets = find_sheets(list(map(Path, paths)))
        choices = [("the first with content", ""), *((title, title) for title in sheets)]
        return [
            gr.Dropdown(choices, value="", visible=len(sheets) > 1),
            *list_columns(paths, None),
            propose_name(lab.settings, paths[0]),
        ]
    except LabError:  # `look` says why, where the rows would stand.
        return [*empty, gr.skip()]


@explain
def open_sheet(paths: list[str] | None, sheet: str | None) -> list[Any]:
    """Fill the lists of columns with those of another sheet."""
    return list_columns(paths or [], sheet)


def list_columns(paths: list[str], sheet: str | None) -> list[Any]:
    """Return the three lists of columns, guessed ones chosen.

    Raises:
        LabError: The files cannot be read.
    """
    records = read_rows(paths, sheet)
    guessed = choose_columns(records, source=None, outputs=(), group=None)
    names = list(records.columns)
    return [
        gr.Dropdown(names, value=guessed.input),
        gr.Dropdown(names, value=list(guessed.outputs), multiselect=True),
        gr.Dropdown([("none", ""), *((name, name) for name in names)], value=guessed.group or ""),
    ]


def look(lab: Lab, told: str, *where: Any) -> list[Any]:
    """Show the rows under the chosen columns, infer the schema, report; returns what the three steps and the frame show."""
    closed = [gr.skip(), gr.skip(), "", gr.Checkbox(visible=False), FIRST_STATES, gr.Column(visible=False)]
    if not where[0]:
        return [render_note(EMPTY_ROWS), "", gr.skip(), *closed[2:]]
    try:
        drafted = draft(*where)
        suggested = default_instruction(drafted)
        report = describe_draft(drafted, lab.settings, name="draft", instruction=(told or "").strip() or suggested)
    except LabError as error:
        failed = render_steps([("failed", "the rows cannot be used yet"), ("waiting", ""), ("waiting", "")])
        return [render_failed(str(error)), *closed[:4], failed, closed[5]]
    written = json.dumps(drafted.schema, indent=2, ensure_ascii=False)
    skip = gr.Checkbox(visible=bool(drafted.problems))
    return [
        render_rows(report), written, gr.Textbox(placeholder=suggested), render_report(report), skip,
        _describe_steps(drafted, "", [], documents=0), gr.Column(visible=True),
    ]  # fmt: skip


def look_at_documents(paths: list[str] | None) -> Any:
    """Show which documents can be read and how each begins."""
    if not paths:
        return render_note(EMPTY_DOCUMENTS)
    try:
        return render_documents(*read_new_documents(list(map(Path, paths))))
    except LabError as error:
        return render_failed(str(error))


# Four, and how rows are read: all that the third step looks at.
def check(lab: Lab, text: str, agreed: bool, name: str, files: list[str] | None, *where: Any) -> tuple[Any, Any, Any]:
    """Judge the schema, say what is missing, and how far the walk is."""
    if not where[0]:
        return "", "", FIRST_STATES
    fault, made = "", None
    try:
        made = draft(*where, schema=text or "")
    except LabError as error:
        fault = str(error)
    missing = list_missing(lab.settings, made, name=name or "", agreed=agreed, fault=fault)
    hints = list_hints(made, documents=len(files or ()))
    steps = _describe_steps(made, fault, missing, documents=len(files or ()))
    return judge(made, fault) if (text or "").strip() else "", render_missing(missing, hints), steps


def judge(made: Draft | None, fault: str) -> Any:
    """Say whether the schema is one, and how many rows are valid under it."""
    if made is None:
        return render_note(f"FAIL: {fault}")
    usable = len(made.train) + len(made.test)
    first = f" First problem: {made.problems[0]}." if made.problems else ""
    return render_note(f"OK: a schema under which {usable} examples are usable, {len(made.problems)} rows are not.{first}")


def _describe_steps(made: Draft | None, fault: str, missing: list[str], *, documents: int) -> Any:
    if made is None:
        return render_steps([("done", ""), ("failed", fault), ("waiting", "")])
    rows = f"{len(made.train) + len(made.test):,} examples"
    third = f"{len(missing)} to mend" if missing else "look, then create it"
    return render_steps([("done", rows), ("done", f"{documents or 'no'} documents, schema inferred"), ("now", third)])


# Six, and how rows are read: the whole form.
@explain
def make(
    lab: Lab, text: str, agreed: bool, slug: str, label: str, told: str, files: list[str] | None, *where: Any
) -> list[Any]:  # fmt: skip
    """Make the task that the form describes, and choose it."""
    drafted = draft(*where, schema=text or "")
    if drafted.problems and not agreed:
        raise LabError(f"{len(drafted.problems)} rows are unusable.", "Mend them, or tick that they are left out.")
    name = (slug or "").strip()
    texts = TaskTexts(
        (label or "").strip() or name, (told or "").strip() or default_instruction(drafted), input_label=drafted.input_label
    )
    check_task(lab.settings, rows=len(drafted.train) + len(drafted.test), documents=len(files or ()))
    write_task(drafted, lab.settings.folder("tasks"), texts, name=name, documents=[Path(file) for file in files or []])
    done = render_steps([("done", ""), ("done", ""), ("done", "made")])
    sentence = render_made(name, texts.title, train=len(drafted.train), test=len(drafted.test), documents=len(files or ()))
    return [gr.Dropdown(list_choices(lab.settings), value=name), name, gr.Column(visible=True), sentence, done]

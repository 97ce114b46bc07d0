"""Your task: a file of examples and documents become a task; what is wrong is shown before anything is written."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from core.answers.intake import parse_schema
from core.errors import LabError
from core.tasks.archive import export_task, import_task
from core.tasks.draft import Draft, draft_task
from core.tasks.folders import find_task
from core.tasks.records import find_sheets, read_records
from core.tasks.writing import TaskTexts, write_task
from lab.drafts import choose_columns, default_instruction, describe_draft
from lab.lab import Lab
from retrieval.readers.registry import READERS
from ui.page.choices import list_choices
from ui.page.errors import explain
from ui.page.rendering import render_note
from ui.page.task.view import render_report

TABLES = [".csv", ".tsv", ".tab", ".psv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".parquet", ".gz", ".zip"]
DOCUMENTS = sorted(READERS)


def build_task_tab(page: gr.Blocks, lab: Lab, task: gr.Dropdown) -> None:
    """Build the tab; `task` is the page's list of tasks, where a new one is chosen as soon as it is there."""
    with gr.Row():
        examples = gr.File(
            label="Examples, a row each: CSV, JSON, Excel; several files",
            file_types=TABLES,
            file_count="multiple",
            height=140,
        )
        documents = gr.File(
            label="Documents for retrieval (may be none)", file_types=DOCUMENTS, file_count="multiple", height=140
        )
    sheet = gr.Dropdown([], label="Sheet of the workbook", interactive=True, visible=False)
    with gr.Row():
        source = gr.Dropdown([], label="Column of the input", interactive=True)
        outputs = gr.Dropdown([], label="Columns of the answer", multiselect=True, interactive=True)
        group = gr.Dropdown([], label="Column that keeps rows together (may be none)", interactive=True)
        exam = gr.Number(0, label="Test rows (0: about a fifth)", precision=0, minimum=0)
    with gr.Row():
        name = gr.Textbox(label="Name", placeholder="my-task", max_length=64)
        title = gr.Textbox(label="Title", placeholder="What people call it")
        instruction = gr.Textbox(label="Instruction", placeholder="What the model is told to do", scale=2)
    report = gr.HTML(render_note("The report appears here once there is a file."), label="Report", padding=False)
    schema = gr.Code(
        "", language="json", label="Schema of the answer (inferred; edit it as you like)", lines=10, interactive=True
    )
    verdict = gr.HTML("", label="Schema check", padding=False)
    skip = gr.Checkbox(False, label="Leave out the rows that the report names")
    create = gr.Button("Create the task", variant="primary")
    columns = [examples, sheet, source, outputs, group, exam]
    lists = _build_exchange(lab, task)

    def look(told: str, *where: Any) -> list[Any]:
        return _look(lab, told, *where)

    @explain
    def write(text: str, agreed: bool, slug: str, label: str, told: str, files: list[str] | None, *where: Any) -> list[Any]:
        draft = _draft(*where, schema=text)
        if draft.problems and not agreed:
            raise LabError(f"{len(draft.problems)} rows are unusable.", "Mend them, or tick that they are left out.")
        told = told.strip() or default_instruction(draft)
        texts = TaskTexts(label.strip() or slug, told, input_label=draft.input_label)
        documents = [Path(file) for file in files or []]
        write_task(draft, lab.settings.folder("tasks"), texts, name=slug.strip(), documents=documents)
        gr.Info(f"The task {slug} is ready: {len(draft.train)} training and {len(draft.test)} test examples.")
        return _refresh(lab, slug.strip())

    shown = [report, schema, instruction]
    read = examples.change(_open_files, examples, [sheet, source, outputs, group, name], api_visibility="private")
    read.then(look, [instruction, *columns], shown, api_visibility="private")
    turned = sheet.input(_open_sheet, [examples, sheet], [source, outputs, group], api_visibility="private")
    turned.then(look, [instruction, *columns], shown, api_visibility="private")
    asked = [source.input, outputs.input, group.input, exam.submit, instruction.submit]
    gr.on(asked, look, [instruction, *columns], shown, api_visibility="private")
    schema.change(_judge, [schema, *columns], verdict, api_visibility="private", show_progress="hidden")
    page.load(lambda: gr.Dropdown(list_choices(lab.settings)), None, lists[1], api_visibility="private", show_progress="hidden")
    create.click(write, [schema, skip, name, title, instruction, documents, *columns], lists, api_visibility="private")


def _build_exchange(lab: Lab, task: gr.Dropdown) -> list[gr.Dropdown]:
    """Build import and export; returns both lists of tasks: the page's, and the one to export from."""
    with gr.Accordion("Import or export a ready task", open=False), gr.Row():
        archive = gr.File(label="A task as a zip", file_types=[".zip"], height=140)
        chosen = gr.Dropdown(list_choices(lab.settings), value=None, label="Task to export", interactive=True)
        download = gr.DownloadButton("Export as zip")
    lists = [task, chosen]

    @explain
    def take_in(path: str | None) -> list[Any]:
        if not path:
            return [gr.skip()] * len(lists)
        folder = import_task(Path(path), lab.settings.folder("tasks"))
        gr.Info(f"The task {folder.name} is ready.")
        return _refresh(lab, folder.name)

    @explain
    def give_out(name: str | None) -> str:
        folder = find_task(name or "", lab.settings)
        return str(export_task(folder, Path(tempfile.mkdtemp()) / f"{folder.name}.zip"))

    archive.upload(take_in, archive, lists, api_visibility="private")
    download.click(give_out, chosen, download, api_visibility="private")
    return lists


def _refresh(lab: Lab, name: str) -> list[Any]:
    """Return both lists of tasks as they are now, a new one chosen in each."""
    return [gr.Dropdown(list_choices(lab.settings), value=name) for _ in range(2)]


@explain
def _open_files(paths: list[str] | None) -> list[Any]:
    """Fill the lists of sheets and columns with what the files have, guessed ones chosen."""
    if not paths:
        empty = gr.Dropdown([], value=None)
        return [
            gr.Dropdown([], value=None, visible=False),
            empty,
            gr.Dropdown([], value=[], multiselect=True),
            empty,
            gr.skip(),
        ]
    files = list(map(Path, paths))
    sheets = find_sheets(files)
    slug = re.sub(r"[^a-z0-9]+", "-", files[0].name.split(".")[0].lower()).strip("-") or "my-task"
    choices = [("the first with content", ""), *((title, title) for title in sheets)]
    chooser = gr.Dropdown(choices, value="", visible=len(sheets) > 1)
    return [chooser, *_list_columns(files, None), slug]


@explain
def _open_sheet(paths: list[str] | None, sheet: str | None) -> list[Any]:
    """Fill the lists of columns with those of another sheet."""
    return _list_columns(list(map(Path, paths or ())), sheet)


def _list_columns(paths: list[Path], sheet: str | None) -> list[Any]:
    records = read_records(paths, sheet=sheet or None)
    guessed = choose_columns(records, source=None, outputs=(), group=None)
    names = list(records.columns)
    return [
        gr.Dropdown(names, value=guessed.input),
        gr.Dropdown(names, value=list(guessed.outputs), multiselect=True),
        gr.Dropdown([("none", ""), *((name, name) for name in names)], value=guessed.group or ""),
    ]


# Six: the fields of the form that say how rows are read.
def _draft(
    paths: list[str] | None,
    sheet: str | None,
    source: str | None,
    outputs: list[str],
    group: str | None,
    exam: float | None,
    *,
    schema: str = "",
) -> Draft:
    """Draft the task that the form describes.

    Raises:
        LabError: Something in the form must be mended.
    """
    if not paths:
        raise LabError("There is no file of examples.", "Choose one.")
    parsed = parse_schema(schema, origin="The schema") if schema.strip() else None
    records = read_records(list(map(Path, paths)), sheet=sheet or None)
    columns = choose_columns(records, source=source, outputs=outputs, group=group, schema=parsed)
    return draft_task(records, columns, schema=parsed, test=int(exam) if exam else None)


def _look(lab: Lab, told: str, *where: Any) -> list[Any]:
    """Report on the files under the chosen columns, and infer the schema."""
    if not where[0]:
        return [render_note("The report appears here once there is a file."), "", gr.skip()]
    try:
        draft = _draft(*where)
        suggested = default_instruction(draft)
        report = describe_draft(draft, lab.settings, name="draft", instruction=told.strip() or suggested)
    except LabError as error:
        return [render_note(f"Not usable yet. {error}"), gr.skip(), gr.skip()]
    written = json.dumps(draft.schema, indent=2, ensure_ascii=False)
    return [render_report(report), written, gr.Textbox(placeholder=suggested)]


def _judge(text: str, *where: Any) -> str:
    """Say whether the schema is one, and how many rows are valid under it."""
    if not text.strip() or not where[0]:
        return ""
    try:
        draft = _draft(*where, schema=text)
    except LabError as error:
        return render_note(f"FAIL: {error}")
    usable = len(draft.train) + len(draft.test)
    first = f" First problem: {draft.problems[0]}." if draft.problems else ""
    return render_note(f"OK: a schema under which {usable} examples are usable, {len(draft.problems)} rows are not.{first}")

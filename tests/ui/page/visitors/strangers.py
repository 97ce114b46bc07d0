"""Two visitors of one hosted page for tests: one with a thing of every kind, and a handler called as either of them."""

import hashlib
import inspect
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from gradio import Request
from gradio.blocks import Block
from gradio.helpers import special_args
from gradio.utils import get_function_with_locals

from core.generation.fake import FakeGenerator
from core.jobs import CONFIG, EVENTS, LOG, STATUS, JobConfig, JobStatus
from core.settings import Settings
from core.storage import write_json
from lab.lab import Lab
from lab.run_names import note_run
from tests.adapter_files import fake_adapter
from tests.conftest import HashingEmbedder, row, write_task
from tests.run_files import answer_right, answer_wrong, store_run
from ui.page.app import build_page
from ui.page.visitors.door import VISITOR

A, B = "cookie:" + "a" * 32, "cookie:" + "b" * 32
SECRET = "QUOKKA"  # In every text of A, and nowhere else.


@dataclass(frozen=True)
class Strangers:
    """A page over a hosted lab, and what A has there."""

    lab: Lab
    page: Any
    names: dict[str, str]

    @property
    def mine(self) -> Lab:
        """A's lab."""
        return self.lab.for_visitor(A)

    def call(self, handler: Any, values: list[Any], key: str) -> str:
        """Call a handler as a visitor; returns all that it says, its error too."""
        request = Request(SimpleNamespace(scope={VISITOR: key}, query_params={}), session_hash=key)
        inside = get_function_with_locals(handler.fn, self.page, None, True, request, None)
        given, *_ = special_args(handler.fn, list(values), request, None)
        try:
            result = inside(*given)
            return _tell(list(result) if inspect.isgenerator(result) else result)
        except LookupError as error:
            if "outside of any visitor" in str(error):
                raise
            return repr(error)
        except Exception as error:  # noqa: BLE001 - values of a wrong kind may end in anything; what is said is judged.
            return repr(error) + repr(getattr(error, "message", ""))


def make_strangers(home) -> Strangers:
    """Make a hosted lab with an offered task, and a visitor A with one of their own, documents, a run, an adapter, a job."""
    rows = [row(number, f"Question {number}?", "40 euros", "pay") for number in range(6)]
    write_task(home / "tasks" / "offered", train=rows, test=rows[:2])
    lab = Lab(Settings(home=home, hosted=True), FakeGenerator({}, context_tokens=4096), HashingEmbedder())
    lab.library.update(lab.task("offered"))
    mine = lab.for_visitor(A)
    secret = [row(number, f"{SECRET} {number}?", f"{SECRET} euros", "pay") for number in range(6)]
    folder = write_task(mine.settings.folder("tasks") / "secret-task", train=secret, test=secret[:2])
    (folder / "task.toml").write_text(f'title = "{SECRET}"\ndescription = "{SECRET}"\ninstruction = "{SECRET}"\n')
    (folder / "documents" / "secret.md").write_text(f"# {SECRET}\n\nThe {SECRET} bonus is 40 euros.\n")
    mine.library.update(mine.task("secret-task"))
    added = home.parent / "added.md"
    added.write_text(f"# Added\n\nThe {SECRET} of an offered task.\n")
    mine.library.update(mine.task("offered"), add=[added])
    run_id, adapter, job = "20260101-000000-secret-task-aaaa", "20260101-secret-task-bbbb", "20260101-000000-train-cccc"
    store_run(mine.settings, mine.task("secret-task"), run_id, {"base": answer_wrong, "rag": answer_right}, items=None)
    note_run(mine.settings, run_id, SECRET)
    fake_adapter(mine.settings, adapter, task="secret-task", instruction=SECRET)
    _write_job(mine.settings, job)
    names = {"task": "secret-task", "run": run_id, "job": job, "adapter": adapter, "document": "secret", "path": str(folder)}
    page = build_page(lab)
    return Strangers(lab, page, names)


def _write_job(settings, name):
    folder = settings.folder("jobs") / name
    config = JobConfig("train", "secret-task", 1.0, {"task": "secret-task", "config": {}, "allow_leakage": False})
    write_json(folder / CONFIG, config.as_json())
    status = JobStatus("done", heartbeat=2.0, message=SECRET, result={"id": SECRET, "outcome": {}, "suggestion": 1})
    write_json(folder / STATUS, status.as_json())
    (folder / EVENTS).write_text(json.dumps({"step": 1, "kind": "notice", "text": SECRET}) + "\n")
    (folder / LOG).write_text(SECRET)


def fill(handler, name: str, task: str) -> list[Any]:
    """Return a value for each input of a handler: the task where one is asked for, the name in every other text."""
    return [_fill_one(component, name, task) for component in handler.inputs]


def _fill_one(component: Block, name: str, task: str) -> Any:
    kind = component.get_block_name()
    if getattr(component, "elem_id", "") == "task":
        return task
    if kind == "file":
        return None  # A path that is not the asker's upload never comes so far: the gate refuses it.
    if kind in ("checkboxgroup",) or getattr(component, "multiselect", False):
        return [name]
    if kind in ("checkbox",):
        return True
    if kind in ("number", "slider"):
        return component.value if component.value is not None else 1
    if kind in ("dropdown", "radio") and component.choices and name not in ("", None) and kind == "radio":
        return component.choices[0][1]
    if kind == "state" and not isinstance(component.value, str | None):
        return component.value
    return name


def _tell(value: Any) -> str:
    if isinstance(value, Block):
        return _tell(getattr(value, "_constructor_args", None) or vars(value))
    if isinstance(value, dict):
        return " ".join(f"{_tell(key)} {_tell(item)}" for key, item in value.items())
    if isinstance(value, list | tuple | set):
        return " ".join(map(_tell, value))
    return value if isinstance(value, str) else repr(value)


def hash_tree(folder) -> dict[str, str]:
    """Return what every file below a folder is, but for the note that its visitor was here."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".seen"
    }

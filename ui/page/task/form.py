"""What the form of a new task says: files to rows, rows and columns to a draft, a draft to what is still missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from core.answers.intake import parse_schema
from core.errors import LabError
from core.settings import Settings
from core.tasks.draft import Draft, draft_task
from core.tasks.folders import place_task
from core.tasks.records import Records, read_records
from lab.drafts import choose_columns
from ui.page.visitors.offers import offer_to_all

SAMPLE = Path(__file__).parent / "samples" / "complaints.csv"
FEW = 30  # Test rows; with fewer only large differences between approaches show.


def copy_sample() -> str:
    """Return a copy of the sample that a page may serve: it serves nothing from where the lab is installed."""
    return str(offer_to_all(SAMPLE))


def propose_name(settings: Settings, file: str) -> str:
    """Return a free name for a task of a file's rows."""
    slug = re.sub(r"[^a-z0-9]+", "-", Path(file).name.split(".")[0].lower()).strip("-")[:56].strip("-") or "my-task"
    for number in range(1, 1000):
        name = slug if number == 1 else f"{slug}-{number}"
        if find_name_problem(settings, name) is None:
            return name
    return slug


def find_name_problem(settings: Settings, name: str) -> str | None:
    """Return why a task cannot have a name; None where it can."""
    try:
        place_task(settings.folder("tasks"), name)
    except LabError as error:
        return str(error) if name else "It has no name yet: small letters, digits and hyphens."
    return None


def read_rows(paths: Sequence[str] | None, sheet: str | None) -> Records:
    """Read files of rows; the same files are read once.

    Raises:
        LabError: There is no file, or it cannot be read.
    """
    if not paths:
        raise LabError("There is no file of examples.", "Choose one, or try the sample.")
    return _read_known(_stamp(paths), sheet or None)


# Six: the fields of the form that say how rows are read.
def draft(
    paths: list[str] | None,
    sheet: str | None,
    source: str | None,
    outputs: list[str],
    group: str | None,
    exam: float | None,
    *,
    schema: str = "",
) -> Draft:
    """Draft the task that the form describes; a draft that was just made is not made again.

    Raises:
        LabError: Something in the form must be mended.
    """
    if not paths:
        raise LabError("There is no file of examples.", "Choose one, or try the sample.")
    return _draft_known(
        _stamp(paths), sheet or None, (source, tuple(outputs or ()), group), int(exam) if exam else None, schema.strip()
    )


def list_missing(settings: Settings, made: Draft | None, *, name: str, agreed: bool, fault: str = "") -> list[str]:
    """Return what must be mended before a task can be made, a sentence each.

    Args:
        settings: Whose home.
        made: The draft, None where there is none.
        name: The name that was typed.
        agreed: Whether unusable rows may be left out.
        fault: Why there is no draft.
    """
    missing = [fault] if made is None else []
    if (problem := find_name_problem(settings, name.strip())) is not None:
        missing.append(problem)
    if made is not None and made.problems and not agreed:
        missing.append(
            f"{_count(len(made.problems), 'row is', 'rows are')} unusable: mend them, or tick that they are left out."
        )
    return missing


def list_hints(made: Draft | None, *, documents: int) -> list[str]:
    """Return what is good to know of a task before it is made."""
    hints = []
    if made is not None and len(made.test) < FEW:
        hints.append(f"{_count(len(made.test), 'test row shows', 'test rows show')} only large differences between approaches.")
    if not documents:
        hints.append(
            "Without documents nothing can be looked up: the nearest examples take the place of RAG. Documents can be added later."
        )
    return hints


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _stamp(paths: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return files with the times of their last change.

    Raises:
        LabError: One is not there any more.
    """
    try:
        return tuple((path, Path(path).stat().st_mtime_ns) for path in paths)
    except OSError as error:
        raise LabError("The files are not on the server any more.", "Choose them again.") from error


@lru_cache(maxsize=2)
def _read_known(files: tuple[tuple[str, int], ...], sheet: str | None) -> Records:
    return read_records([Path(path) for path, _ in files], sheet=sheet)


@lru_cache(maxsize=4)
def _draft_known(
    files: tuple[tuple[str, int], ...], sheet: str | None, named: tuple[str | None, tuple[str, ...], str | None],
    exam: int | None, schema: str,
) -> Draft:  # fmt: skip
    parsed = parse_schema(schema, origin="The schema") if schema else None
    records = _read_known(files, sheet)
    columns = choose_columns(records, source=named[0], outputs=list(named[1]), group=named[2], schema=parsed)
    return draft_task(records, columns, schema=parsed, test=exam)

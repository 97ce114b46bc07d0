"""A stored run goes to a data set of the person's on the Hub, in a folder of its own: many runs fit into one repository."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from core.comparison.runs import find_report, load_run
from core.errors import LabError
from core.evaluation.exports.markdown import write_markdown
from core.hub import push_folder
from core.settings import Settings
from core.storage import write_text
from lab.run_names import name_run, read_label


def push_run(settings: Settings, run_id: str, repository: str, *, public: bool = False) -> str:
    """Upload a finished run: record, answers with their passages, what was asked, report, and a README with the verdict.

    Put back into a home's `runs/`, the folder is the run again, checked against its manifest.

    Args:
        settings: Where the run lies.
        run_id: The run.
        repository: OWNER/NAME of a data set, made if absent.
        public: Whether everybody may see it; its answers hold passages of the documents.

    Returns:
        The address of the repository.

    Raises:
        LabError: There is no such run, it is damaged, or it was stopped; or as `core.hub.push_folder`.
    """
    run, label = load_run(settings, run_id), read_label(settings, run_id)
    if run.status != "ok":
        raise LabError(f"The run {run_id} was stopped.", "Push one that was finished.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / run.id
        shutil.copytree(find_report(settings, run_id).parent, folder)
        write_text(folder / "README.md", write_markdown(run, name=name_run(run, label), note=label.note))
        return push_folder(folder, repository, message=f"Run {run.id}", kind="dataset", place=run.id, public=public)

"""What the start of the page leaves for later: the models, which take longer to load than a person waits for a page.

A page that strangers share then makes the indexes of its tasks too: they are offered to every visitor, who else would make each
of them anew.
"""

from __future__ import annotations

import gc
import logging
from threading import Thread
from time import sleep

from core.errors import LabError
from lab.lab import Lab
from lab.loading import load_in_background
from ui.page.choices import FIRST, list_choices

log = logging.getLogger(__name__)
AFTER_SECONDS = 5.0  # Until then a browser on the same machine has drawn the page, which wants both cores too.


def load_beside(lab: Lab) -> None:
    """Load model and embedder once the page listens, in a thread of its own, ready for the first task's first question."""
    if lab.generator is None:
        lab.slot.watch.begin()

    def work() -> None:
        sleep(AFTER_SECONDS)
        load_in_background(lab, FIRST).join()
        gc.freeze()  # As `collector.py` does with the page: a walk through a model's modules takes a tenth of a second.
        if lab.settings.hosted:
            offer_indexes(lab)

    Thread(target=work, name="start", daemon=True).start()


def offer_indexes(lab: Lab) -> None:
    """Bring the indexes of all tasks with documents up to date, the first task's first; what fails is logged."""
    for _, name in list_choices(lab.settings):
        try:
            task = lab.task(name)
            if task.documents_folder.is_dir():
                lab.library.update(task)
        except (LabError, OSError) as error:
            log.warning("No index is offered of %s: %s", name, error)

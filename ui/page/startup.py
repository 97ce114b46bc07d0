"""What the start of the page leaves for later: the models, which take longer to load than a person waits for a page."""

from __future__ import annotations

import gc
from threading import Thread
from time import sleep

from lab.lab import Lab
from lab.loading import load_in_background
from ui.page.choices import FIRST

AFTER_SECONDS = 2.0  # Until then a browser on the same machine has drawn the page, which wants both cores too.


def load_beside(lab: Lab) -> None:
    """Load model and embedder once the page listens, in a thread of its own, ready for the first task's first question."""
    if lab.generator is None:
        lab.slot.watch.begin()

    def work() -> None:
        sleep(AFTER_SECONDS)
        load_in_background(lab, FIRST).join()
        gc.freeze()  # As `collector.py` does with the page: a walk through a model's modules takes a tenth of a second.

    Thread(target=work, name="start", daemon=True).start()

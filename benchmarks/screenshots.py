"""Pictures of every tab for the README: light, dark, and as a phone shows it. `make screenshots` writes them to docs/img.

It shows what is in `$RAGFT_HOME`: with an index, an adapter and a run (`make demo`) the pictures have something to show.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from shutil import which
from typing import Any

from core.errors import LabError
from core.settings import read_settings

TABS = {
    "compare": "Compare", "documents": "Documents", "finetune": "Fine-tune", "evaluate": "Evaluate", "task": "Your task", "learn": "Learn",
}  # fmt: skip
LOOKS = {"light": ("light", 1280, 900), "dark": ("dark", 1280, 900), "390": ("light", 390, 844)}  # Theme, width, height.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")  # fmt: skip
READY_MS = 180_000
SETTLE_MS = 6_000  # What a tab computes when it is opened.


def take_pictures(folder: Path, *, task: str = "", tabs: tuple[str, ...] = tuple(TABS)) -> list[Path]:
    """Write a picture of every tab in every look; returns their paths.

    Args:
        folder: Where they go.
        task: The task that is shown; the page's first where it is empty.
        tabs: Which tabs.

    Raises:
        LabError: There is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    from ui.page.app import launch

    path = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise LabError("There is no Chromium.", "Install it with your package manager.")
    folder.mkdir(parents=True, exist_ok=True)
    blocks, address = launch(read_settings(), port=0, block=False)
    written = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            for look, (theme, width, height) in LOOKS.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                page.goto(f"{address}?__theme={theme}{f'&task={task}' if task else ''}")
                for tab in tabs:
                    written.append(_take(page, tab, folder / f"{tab}-{look}.png"))
                page.close()
            browser.close()
    finally:
        blocks.close()
    return written


def _take(page: Any, tab: str, path: Path) -> Path:
    """Open a tab by its name, wait until it has been filled, and write its picture."""
    page.locator(".answers, .empty").first.wait_for(state="attached", timeout=READY_MS)
    page.get_by_role("tab", name=TABS[tab], exact=True).click()
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path, animations="disabled")
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/img"))
    parser.add_argument("--task", default="")
    parser.add_argument("--tabs", nargs="+", choices=list(TABS), default=list(TABS))
    given = parser.parse_args()
    take_pictures(given.folder, task=given.task, tabs=tuple(given.tabs))

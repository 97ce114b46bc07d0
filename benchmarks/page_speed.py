"""How long a person waits for the page: from a cold start to a usable page in Chromium, and to the first words of an answer.

Started as a person does (`python app.py`) over `$RAGFT_HOME`; the browser runs already and has never seen the page. Then the
same visit with the task that measures the event loop. The limits are 5 s to a usable page on two cores, 3 s from a loaded
model to the first token, 100 ms on the event loop.
"""

from __future__ import annotations

import time
from shutil import which
from typing import Any

from benchmarks.measure import print_report, read_arguments
from benchmarks.served_page import ServedPage, serve

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")  # fmt: skip
TABS = ("Documents", "Fine-tune", "Evaluate", "Your task", "Learn", "Compare")
PATIENCE_MS = 180_000
SETTLE_MS = 3_000
LIMITS = {"usable_s": 5.0, "first_token_s": 3.0, "loop_ms": 100.0}


def visit(browser: Any, page_of: ServedPage, *, ask: bool) -> dict[str, Any]:
    """Open the page as a new visitor; returns the seconds to each thing and what was transferred.

    Args:
        browser: A browser that runs.
        page_of: The page.
        ask: Also wait until the model is loaded and ask twice.
    """
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    received: list[float] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    opened = time.monotonic()
    page.goto(page_of.url, wait_until="commit")
    page.locator("#header").wait_for(timeout=PATIENCE_MS)
    drawn = time.monotonic()
    page.locator("ul.standing li").first.wait_for(timeout=PATIENCE_MS)
    usable = time.monotonic()
    page.locator(".answers, .empty").first.wait_for(state="attached", timeout=PATIENCE_MS)
    answers = time.monotonic()
    page.wait_for_timeout(SETTLE_MS)
    found = {
        "drawn_s": round(drawn - opened, 2),
        "usable_s": round(usable - opened, 2),
        "stored_answers_s": round(answers - opened, 2),
        "requests": len(received),
        "kilobytes": round(sum(received) / 1000),
    }
    if ask:
        page.locator("#loading .mark.right, #loading .mark.partly").first.wait_for(timeout=PATIENCE_MS)
        found["model_ready_after_start_s"] = round(time.monotonic() - page_of.began, 2)
        found["first_question"], found["second_question"] = _ask(page), _ask(page)
    else:
        for name in TABS:
            page.get_by_role("tab", name=name, exact=True).click()
            page.wait_for_timeout(SETTLE_MS)
    page.context.close()
    return found


def _ask(page: Any) -> dict[str, float]:
    """Press Answer; returns the seconds to the first words and to the last answer."""
    pressed = time.monotonic()
    page.get_by_role("button", name="Answer", exact=True).click()
    page.locator('#answers-shown[aria-busy="true"]').wait_for(timeout=PATIENCE_MS)  # No longer the stored answers.
    page.locator('.card.answer[data-state="writing"], #answers-shown:not([aria-busy="true"])').first.wait_for(
        timeout=PATIENCE_MS
    )
    first = time.monotonic()
    page.locator('#answers-shown:not([aria-busy="true"])').wait_for(timeout=PATIENCE_MS)
    return {"first_token_s": round(first - pressed, 2), "all_answers_s": round(time.monotonic() - pressed, 2)}


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    quick = read_arguments(__doc__ or "").quick
    path = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise SystemExit("There is no Chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        with serve(plain=True) as page:
            listening, worked = time.monotonic() - page.began, page.measure_work()
            cold = visit(browser, page, ask=not quick)
            memory = page.measure_memory()
        with serve() as page:
            page.read_lag()
            lag_of = visit(browser, page, ask=False)
            lag = page.read_lag()
        browser.close()
    print_report(
        "page_speed",
        config={"quick": quick},
        ours={
            "listening_s": round(listening, 2),
            "listening_cpu_s": worked,
            "usable_after_start_s": round(listening + cold["usable_s"], 2),
            "visit": cold,
            "memory_mib": memory,
            "second_visit": lag_of,
            "loop_lag": lag,
        },
        limits=LIMITS,
    )


if __name__ == "__main__":
    main()

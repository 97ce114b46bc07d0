"""Many visitors of one page at once, on loopback: what each waits for, what fails, and whether the server's memory stays flat.

Each visitor has a cookie jar and a session of its own and does what people do, with pauses: opens the page, chooses a task
(which shows stored answers), lists tasks and runs, searches, looks at a run, and now and then asks one question. Everything
goes through the same queue as the page's own events. `--visitors 50 --minutes 10` is the whole test; the page is started in
hosted mode over `$RAGFT_HOME`, which should hold the model and the index of the task.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

import httpx

from benchmarks.measure import print_report
from benchmarks.served_page import ServedPage, pick, serve

TASK = "hiring-handbook"
PAUSE_SECONDS = (1.0, 5.0)
ASK_SECONDS = 240.0  # Between two questions of one visitor; 50 visitors then ask one every five seconds.
PATIENCE_SECONDS = 300.0  # The first question also waits for the model.
READY_SECONDS = 600.0  # On a machine that does other things too.
SHOWN_ERRORS = 8
LIMITS = {"errors": 0, "search_p95_s": 1.0, "memory_growth_share": 0.1}
CONFIG = re.compile(r"window\.gradio_config = ")


class VisitError(Exception):
    """An action that failed, as a visitor would see it."""


@dataclass
class Measured:
    """Seconds of each action that succeeded, and what went wrong; many threads write."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def run(self, name: str, action: Callable[[], Any]) -> Any:
        """Do something and keep how long it took, or what it said when it failed; returns None then."""
        began = time.monotonic()
        try:
            result = action()
        except (httpx.HTTPError, VisitError, ValueError) as error:
            with self._lock:
                self.errors[f"{name}: {type(error).__name__}: {str(error)[:160]}"] += 1
            return None
        with self._lock:
            self.seconds[name].append(time.monotonic() - began)
        return result

    def describe(self) -> dict[str, dict[str, float]]:
        """Return count, p50, p95 and the longest of each action."""
        ordered = {name: sorted(values) for name, values in sorted(self.seconds.items())}
        return {
            name: {
                "count": len(values),
                "p50_s": round(pick(values, 0.5), 3),
                "p95_s": round(pick(values, 0.95), 3),
                "longest_s": round(values[-1], 3),
            }
            for name, values in ordered.items()
        }


class Visitor:
    """One visitor: a cookie jar, a session, and the page's description as it was sent.

    Args:
        url: The page's address.
        seed: Decides what is done, in which order.
    """

    def __init__(self, url: str, seed: int) -> None:
        self.random = random.Random(seed)
        self._http = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS)
        self._session = f"{self.random.getrandbits(48):012x}"
        self._config: dict[str, Any] = {}

    def open(self) -> None:
        """Load the page and everything that it asks for when it is opened."""
        text = self._http.get("/").raise_for_status().text
        found = CONFIG.search(text)
        if found is None:
            raise VisitError("The page brought no description of itself.")
        self._config, _ = json.JSONDecoder().raw_decode(text, found.end())
        self._http.get("/theme.css").raise_for_status()
        self._fire([one for one in self._config["dependencies"] if any(target[1] == "load" for target in one["targets"])], {})

    def change(self, component: str, value: Any) -> None:
        """Choose something in a list of the page, by the list's id, and wait for all that follows directly."""
        number = next(one["id"] for one in self._config["components"] if one["props"].get("elem_id") == component)
        fired = [one for one in self._config["dependencies"] if [number, "change"] in one["targets"]]
        self._fire(fired, {number: value})

    def call(self, endpoint: str, *values: Any) -> Any:
        """Call a public endpoint and return what it answers.

        Raises:
            VisitError: It answers with an error.
        """
        made = self._http.post(f"/gradio_api/call/{endpoint}", json={"data": list(values)}).raise_for_status().json()
        kind = ""
        with self._http.stream("GET", f"/gradio_api/call/{endpoint}/{made['event_id']}") as answer:
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind in ("complete", "error"):
                    if kind == "error":
                        raise VisitError(line)
                    return json.loads(line.removeprefix("data: "))[0]
        raise VisitError(f"{endpoint} gave no answer.")

    def _fire(self, events: list[dict[str, Any]], changed: Mapping[int, Any]) -> None:
        """Send events as the page does, with the values that its components have at first, and wait until all are done."""
        values = {one["id"]: one["props"].get("value") for one in self._config["components"]} | changed
        waiting = set()
        for event in events:
            if event.get("backend_fn"):
                body = {
                    "data": [values.get(number) for number in event["inputs"]], "fn_index": event["id"],
                    "session_hash": self._session, "event_data": None, "trigger_id": None,
                }  # fmt: skip
                joined = self._http.post("/gradio_api/queue/join", json=body).raise_for_status().json()
                waiting.add(joined["event_id"])
        if not waiting:
            return
        with self._http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self._session}) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data: "):
                    continue
                said = json.loads(line.removeprefix("data: "))
                if said["msg"] == "process_completed":
                    if not said.get("success", True):
                        raise VisitError(str(said.get("output"))[:200])
                    waiting.discard(said["event_id"])
                if not waiting or said["msg"] == "close_stream":
                    return
        raise VisitError(f"{len(waiting)} events of the page were not answered.")


def behave(visitor: Visitor, measured: Measured, stop: Event, questions: list[str], runs: list[str], tasks: list[str]) -> None:  # noqa: PLR0913
    """Do what a person does until the time is over."""
    chance = visitor.random
    stop.wait(chance.uniform(0, PAUSE_SECONDS[1]))
    next_question = time.monotonic() + chance.uniform(0, ASK_SECONDS)
    measured.run("open", visitor.open)
    while not stop.wait(chance.uniform(*PAUSE_SECONDS)):
        if time.monotonic() >= next_question:
            next_question += ASK_SECONDS
            measured.run("ask", lambda: visitor.call("ask", TASK, chance.choice(questions), "base", "free"))
            continue
        action = chance.choices(["search", "tasks", "runs", "stored answers", "a run", "open"], [5, 1, 1, 2, 2, 1])[0]
        doing: dict[str, Callable[[], Any]] = {
            "search": lambda: visitor.call("search", TASK, chance.choice(questions), 5, "hybrid", None),
            "tasks": lambda: visitor.call("tasks"),
            "runs": lambda: visitor.call("runs", "", 20),
            "stored answers": lambda: visitor.change("task", chance.choice(tasks)),
            "a run": lambda: visitor.change("run", chance.choice(runs)),
            "open": visitor.open,
        }
        if action != "a run" or runs:
            measured.run(action, doing[action])


def prepare(page: ServedPage) -> tuple[list[str], list[str], list[str]]:
    """Wait until the model is loaded; returns questions to ask, runs to look at, names of tasks.

    Raises:
        SystemExit: The model is not loaded in time.
    """
    from core.settings import read_settings
    from core.tasks.folders import find_task
    from core.tasks.loading import load_task

    first = Visitor(page.url, 0)
    first.open()
    deadline = time.monotonic() + READY_SECONDS
    questions = [item.input for item in load_task(find_task(TASK, read_settings())).test]
    first.call("ask", TASK, questions[0], "base", "free")
    first.call("search", TASK, questions[0], 5, "hybrid", None)
    if time.monotonic() > deadline:
        raise SystemExit("The model was not loaded in time.")
    runs = [run["id"] for run in first.call("runs", "", 20)["runs"]]
    tasks = [task["name"] for task in first.call("tasks")["tasks"]]
    return questions, runs, tasks


def main() -> None:
    """Let the visitors in, wait, print what they met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    measured, stop = Measured(), Event()
    with serve(environment={"RAGFT_HOSTED": "1"}) as page:
        questions, runs, tasks = prepare(page)
        page.read_lag()
        memory = [page.measure_memory()]
        threads = [
            Thread(
                target=behave,
                args=(Visitor(page.url, given.seed + 1 + number), measured, stop, questions, runs, tasks),
                daemon=True,
            )
            for number in range(given.visitors)
        ]
        for thread in threads:
            thread.start()
        for _ in range(10):
            time.sleep(given.minutes * 6)
            memory.append(page.measure_memory())
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        lag, work = page.read_lag(), page.measure_work()
        memory.append(page.measure_memory())
    print_report(
        "visitors",
        config={"visitors": given.visitors, "minutes": given.minutes, "seed": given.seed, "pause_s": PAUSE_SECONDS},
        ours={
            "actions": measured.describe(),
            "errors": sum(measured.errors.values()),
            "error_texts": dict(measured.errors.most_common(SHOWN_ERRORS)),
            "memory_mib": memory,
            "memory_growth_share": round(memory[-1] / memory[len(memory) // 2] - 1, 3),
            "server_cpu_s": work,
            "loop_lag": lag,
        },
        limits=LIMITS,
    )


if __name__ == "__main__":
    main()

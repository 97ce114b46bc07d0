"""The page's lanes: what of it waits for what. Each has a queue of its own, so that a search never waits behind an answer.

Events without a lane wait only for others of their own kind (`app.py`: four at once).
"""

from __future__ import annotations

from typing import Any

# There is one model, and two answers at once would take twice as long each.
ANSWERS: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
# A query takes milliseconds on one core: two at once leave room for what answers meanwhile.
SEARCHES: dict[str, Any] = {"concurrency_id": "search", "concurrency_limit": 2}
# All labelled questions of a task: half a minute, which neither answers nor searches should wait for.
MEASURES: dict[str, Any] = {"concurrency_id": "measure", "concurrency_limit": 1}

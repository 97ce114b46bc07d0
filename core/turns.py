"""Whose turn it is: the order in which waiting jobs take the one device of a machine.

On one's own machine that is the order in which they were started. Of visitors each takes one turn after the other: whoever
was served longest ago goes first, so ten jobs of one visitor never stand before the first of another.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from core.jobs import JobStatus, list_statuses
from core.settings import VISITORS, Settings


def list_homes(settings: Settings) -> list[Path]:
    """Return the home of whoever runs this machine, and those of its visitors."""
    return [settings.root, *sorted((settings.root / VISITORS).glob("[!.]*/"))]


def list_turns(settings: Settings) -> list[Path]:
    """Return the folders of all jobs on this machine that run or wait, in the order in which they compute."""
    ranked = [rank for home in list_homes(settings) for rank in _rank_jobs(settings, home)]
    return [folder for *_, folder in sorted(ranked)]


def count_active(settings: Settings) -> int:
    """Return how many jobs of one home run or wait."""
    return sum(status.active for _, status in list_statuses(settings).whole)


def _rank_jobs(settings: Settings, home: Path) -> list[tuple[bool, int, float, str, Path]]:
    """Return the jobs of a home that run or wait, each with its rank: running first, then by turn, time of last service, age."""
    one = settings.for_host() if home == settings.root else settings.at_home(home)
    found = sorted(list_statuses(one).whole, key=lambda item: item[0].name)
    served = max((status.heartbeat for _, status in found if _was_served(status)), default=0.0)
    turn = count()
    return [(status.state != "running", next(turn), served, folder.name, folder) for folder, status in found if status.active]


def _was_served(status: JobStatus) -> bool:
    """Whether a job had the device: one that ended while it waited did not."""
    return status.state == "running" or (not status.active and (status.step > 0 or status.state == "done"))

"""Compare the four approaches on a bundled task and keep the run beside it, so that a first visit of the page shows a result.

The run is a real one, of the adapter that answers here; it says when it was made and with which model. `make demo` makes the
index and the adapter that it needs.

python -m benchmarks.demo_run [--task hiring-handbook] [--limit 144] [--run ID]
"""

from __future__ import annotations

import argparse
import json
import sys

from core.comparison.arms import MAIN_ARMS
from core.comparison.bundled_runs import bundle_run
from core.settings import prepare_libraries, read_settings
from lab.comparison import compare_arms
from lab.lab import Lab
from lab.requests import CompareRequest
from ui.cli.console import Bars


def make_run(task: str, limit: int) -> str:
    """Compare and store a run; returns its id."""
    prepare_libraries()
    with Bars() as bars:
        return compare_arms(Lab(read_settings()), CompareRequest(task, arms=MAIN_ARMS, limit=limit), bars).run.id


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="hiring-handbook", help="a bundled task")
    parser.add_argument("--limit", type=int, default=144, help="test items, a sample that keeps the slices' shares")
    parser.add_argument("--run", help="bundle this run instead of making one")
    given = parser.parse_args()
    name = given.run or make_run(given.task, given.limit)
    folder = bundle_run(read_settings(), name)
    size = sum(path.stat().st_size for path in folder.iterdir())
    sys.stdout.write(json.dumps({"run": name, "folder": str(folder), "bytes": size}, indent=1) + "\n")


if __name__ == "__main__":
    main()

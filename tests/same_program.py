"""Two checkouts of the lab give the same values: collect what each prints as JSON, then compare.

    python tests/same_program.py collect CHECKOUT values.json [--real]
    python tests/same_program.py compare before.json after.json

Ids, times, paths and what is measured of the machine are left out. With `--real` the model of `$RAGFT_HOME` trains and
answers on the bundled handbook (minutes); without it a fake generator answers on a tiny task.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What no two runs share: ids, times, places, measurements of the machine.
VARIES = {
    "id", "run_id", "created", "report", "folder", "seconds", "latency_seconds", "latency_p50", "latency_p95", "memory",
    "memory_gib", "tokens_per_second", "minutes", "speed_source", "available", "disk_free", "disk", "environment",
    "peak_memory_gib", "generation", "flops", "estimate", "memory_free", "peak_gib", "chunks_per_second",
}  # fmt: skip
FAKE = ("tiny", "Tell me the walrus bonus.")
REAL = ("hiring-handbook", "How many days of paid leave do I get?")

# Runs in the checkout: its own command line, with the fake generator and the hashing embedder of its tests.
DRIVER = """
import sys
sys.path[:0] = [{checkout!r}, {checkout!r} + "/tests"]
from conftest import HashingEmbedder
from core.generation.fake import FakeGenerator
try:
    from lab.lab import Lab
    from ui.cli.main import main
except ImportError:
    from ui.lab import Lab
    from ui.cli import main
fake = FakeGenerator({{(None, "Question: Tell me the walrus bonus."): '{{"answer": "40 euros", "area": "pay", "sure": true}}'}})
Lab.load_generator = lambda self: fake
Lab.load_embedder = lambda self: HashingEmbedder()
sys.argv = ["ragft", *sys.argv[1:]]
main()
"""

MAKE_TINY = """
import sys
sys.path[:0] = [{checkout!r}, {checkout!r} + "/tests"]
from pathlib import Path
from conftest import row, write_task
train = [row(n, f"How high is bonus number {{n}}?", f"{{n}} euros", "pay") for n in range(20)]
proof = [{{"document": "pay", "quote": "is paid in May"}}]
train += [row(30, "When is the bonus paid?", "in May", "pay", evidence=proof)]
test = [row(99, "Tell me the walrus bonus.", "40 euros", "pay", slice="a"), row(98, "Start of heron shifts?", "noon", "time", slice="b")]
write_task(Path(sys.argv[1]), train=train, test=test)
"""


def collect(checkout: Path, *, real: bool) -> dict[str, Any]:
    """Return what the commands of a checkout print."""
    values: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        environment = {**os.environ, "RAGFT_HOME": str(home), "PYTHONPATH": str(checkout), "HF_HUB_OFFLINE": "1"}
        if real:
            models = Path(os.environ["RAGFT_HOME"]) / "models" if "RAGFT_HOME" in os.environ else default_home() / "models"
            (home / "models").symlink_to(models)
            start = [sys.executable, "-m", "ui.cli"]
        else:
            make = MAKE_TINY.format(checkout=str(checkout))
            subprocess.run([sys.executable, "-c", make, str(home / "tasks" / "tiny")], check=True, env=environment)
            start = [sys.executable, "-c", DRIVER.format(checkout=str(checkout))]
        for words in list_commands(real=real):
            done = subprocess.run(
                [*start, *words, "--json"], cwd=checkout, env=environment, capture_output=True, text=True, check=False
            )
            name = " ".join(words)
            values[name] = {"code": done.returncode, "value": simplify(read_value(done.stdout))}
            sys.stderr.write(f"{name}: exit {done.returncode}\n{done.stderr[-800:] if done.returncode else ''}")
    return values


def default_home() -> Path:
    """Return the platform's user data folder of the lab."""
    from platformdirs import user_data_dir

    return Path(user_data_dir("ragft", appauthor=False))


def list_commands(*, real: bool) -> Iterator[list[str]]:
    """Yield the commands to compare."""
    task, query = REAL if real else FAKE
    yield ["check", task]
    if real:
        yield from (["check", name] for name in ("cv-screening", "cv-match", "answer-grading", "ml-interview"))
        yield ["tasks"]
    yield ["index", task]
    yield from (["search", task, query, "--mode", mode] for mode in ("hybrid", "dense", "bm25"))
    yield ["search", task, query, "--fusion", "rrf", "--diversity", "0.3"]
    yield ["retrieval-eval", task] if real else ["baselines", task]
    if real:
        yield ["preflight", task, "--rank", "8"]
        yield ["preflight", task, "--prompts", "passages", "--holdout", "4"]
        yield ["train", task, "--epochs", "0.15", "--holdout", "4", "--evaluations", "2", "--rank", "8", "--seed", "3"]
        yield ["train", task, "--epochs", "0.1", "--holdout", "0", "--prompts", "passages", "--dora"]
        yield ["baselines", task, "--limit", "12"]
        yield ["compare", task, "--arms", "base,rag,qlora,hybrid,zero_shot,rag_examples", "--limit", "8", "--seed", "1"]
        yield ["compare", task, "--arms", "rag,base", "--limit", "6", "--mode", "constrained"]
        yield ["ask", task, query, "--arms", "rag,qlora"]
    else:
        yield ["compare", task, "--arms", "base,rag,qlora,zero_shot,rag_examples"]
        yield ["compare", task, "--arms", "rag,base", "--mode", "constrained", "--limit", "1"]
        yield ["ask", task, query, "--arms", "base,rag"]
        yield ["compare", task, "--arms", "no-such-arm"]
    yield ["search", "no-such-task", query]


def read_value(text: str) -> Any:
    """Return the one JSON document of a command's output; what is none as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def simplify(value: Any) -> Any:
    """Leave out what varies, and the adapters' ids inside sentences."""
    import re

    if isinstance(value, dict):
        return {key: simplify(item) for key, item in value.items() if key not in VARIES or not is_plain(item)}
    if isinstance(value, list):
        return [simplify(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"/\S*/|\d{8}-\d{6}-[\w-]+", "*", value)
    return value


def is_plain(value: Any) -> bool:
    """Say whether a value that varies may be left out whole: a generation of text is no measurement."""
    return not (isinstance(value, dict) and "text" in value)


def list_differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield where two values differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if key not in before or key not in after:
                yield f"{place}/{key}: only {'after' if key in after else 'before'}"
            else:
                yield from list_differences(before[key], after[key], f"{place}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from list_differences(one, other, f"{place}/{number}")
    elif before != after:
        yield f"{place}: {str(before)[:150]!r} before, {str(after)[:150]!r} after"


def count_values(value: Any) -> int:
    """Count the leaves of a value."""
    if isinstance(value, dict | list):
        return sum(map(count_values, value.values() if isinstance(value, dict) else value))
    return 1


def main() -> int:
    """Collect or compare, as the command line says."""
    action, *paths = [argument for argument in sys.argv[1:] if argument != "--real"]
    if action == "collect":
        values = collect(Path(paths[0]).resolve(), real="--real" in sys.argv)
        Path(paths[1]).write_text(json.dumps(values, indent=1, sort_keys=True), encoding="utf-8")
        return 0
    before, after = (json.loads(Path(path).read_text(encoding="utf-8")) for path in paths)
    differences = list(list_differences(before, after))
    same = f"{len(before)} commands, {count_values(before)} values, {len(differences)} differences"
    sys.stdout.write("\n".join([*differences, same]) + "\n")
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main())

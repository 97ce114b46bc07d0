"""Long work: the function that carries out each kind of request, as a job or in this process.

A request is written into the job's folder and read back by the process that carries it out. A further kind of work is a
request in `lab/requests.py` and one more row of `WORK`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Timer
from typing import Any

from core.errors import Cancelled, LabError
from core.generation.models import find_local
from core.generation.zero_gpu import awaits_gpu
from core.jobs import CANCEL, CONFIG, JobConfig, read_config, start_job
from core.progress import JobWriter, Watcher
from core.settings import DEFAULT_MODEL, Settings
from core.storage import hash_json
from core.stored import restore
from lab.lab import Lab
from lab.limits import HOSTED, check_request
from lab.requests import (
    CompareRequest,
    IndexRequest,
    ModelRequest,
    ProbeRequest,
    Request,
    TrainRequest,
    TuneRequest,
    update_request,
)

# A training's products are long: a short spin of OpenMP suits it (see `core/settings.prepare_libraries`).
SHORT_SPIN = {"GOMP_SPINCOUNT": "1000"}


@dataclass(frozen=True, slots=True)
class Work:
    """How a kind of request is carried out.

    Args:
        request: Its class.
        run: Does it; returns what the job leaves as its result.
        done: What is said at the end.
        environment: Variables of its process.
    """

    request: type[Request]
    run: Callable[[Lab, Any, Watcher, Path | None], dict[str, Any]]
    done: str
    environment: Mapping[str, str] = field(default_factory=dict)


def index(lab: Lab, request: IndexRequest, watcher: Watcher, job: Path | None = None) -> dict[str, Any]:
    """Bring an index up to date; returns its report."""
    paths = [Path(path) for path in request.paths]
    return lab.library.update(lab.task(request.task), add=paths, rebuild=request.rebuild, notify=watcher)


def train(lab: Lab, request: TrainRequest, watcher: Watcher, job: Path | None = None) -> dict[str, Any]:
    """Train an adapter unless its preflight refuses; returns its card.

    Args:
        lab: The lab.
        request: What to train.
        watcher: Told of steps, evaluations and notices.
        job: The job's folder, where states to go on from are kept; None keeps none.

    Raises:
        LabError: As `require_go` and `train_task`.
    """
    from lab.training.preflight import require_go, run_preflight
    from lab.training.run import train_watched
    from lab.training.slices import train_in_slices

    lab = lab.at_model(request.model)
    require_go(run_preflight(lab, request.task, request.config), allow_leakage=request.allow_leakage)
    if awaits_gpu() and job is not None:
        return train_in_slices(lab, request.task, request.config, watcher, job=job)
    return train_watched(lab, lab.task(request.task), request.config, watcher, job=job)


def probe(lab: Lab, request: ProbeRequest, watcher: Watcher, job: Path | None = None) -> dict[str, Any]:
    """Compare learning rates; returns their curves and the suggestion."""
    from lab.training.probe import run_probe

    return run_probe(lab.at_model(request.model), lab.task(request.task), request.config, request.rates, watcher)


def compare(lab: Lab, request: CompareRequest, watcher: Watcher, job: Path | None = None) -> dict[str, Any]:
    """Compare arms and store the run; returns its summary, its id and where its report lies."""
    from lab.comparison import compare_arms

    return compare_arms(lab, request, watcher).as_json()


def tune(lab: Lab, request: TuneRequest, watcher: Watcher, job: Path | None = None) -> dict[str, Any]:
    """Choose what a task's prompts show on a part of its training rows; returns what was tried and chosen."""
    from lab.tuning import tune_task

    return tune_task(lab, request, watcher).as_json()


WORK = {
    work.request.kind: work
    for work in (
        Work(IndexRequest, index, "The index is ready."),
        Work(TrainRequest, train, "The adapter is ready.", SHORT_SPIN),
        Work(ProbeRequest, probe, "The learning rates are compared.", SHORT_SPIN),
        Work(CompareRequest, compare, "The comparison is ready."),
        Work(TuneRequest, tune, "The prompts are tuned."),
    )
}


def start(settings: Settings, request: Request, *, runner: Sequence[str], follows: Sequence[Any] = ()) -> Path:
    """Start a request as a job; returns its folder.

    Args:
        settings: Where state lives.
        request: What is asked for.
        runner: The command that carries a job out.
        follows: What the work follows from beside the request; see `describe_basis`.

    Raises:
        LabError: It would take more than a visitor of a shared machine may.
    """
    check_request(settings, request)
    request = fix_model(request, settings)
    config = JobConfig(
        kind=request.kind,
        task=Path(request.task).name,
        request=request.as_json(),
        basis=describe_basis(request, follows),
        environment=WORK[request.kind].environment,
    )
    return start_job(settings, config, runner=runner)


def fix_model(request: Request, settings: Settings) -> Request:
    """Return a request that names the model it is meant for, unless that is the default: a job that goes on keeps its model."""
    if not isinstance(request, ModelRequest):
        return request
    named = request.model or settings.model
    local = find_local(named)  # A job's process has another working folder.
    return request if named == DEFAULT_MODEL else replace(request, model=str(local or named))


def describe_basis(request: Request, follows: Sequence[Any]) -> str:
    """Return a hash of a request and what it works on, by which an unfinished job is found again.

    The model's name does not count: its weights are among what a training follows from.
    """
    asked = {name: value for name, value in request.as_json().items() if name != "model" and (name != "storage" or value)}
    return hash_json([asked, list(follows)])


def read_request(config: JobConfig, *, origin: str = "") -> Request:
    """Return the request of a job; `origin` is the file that an error names.

    Raises:
        LabError: It is of an unknown kind, damaged, or of an older version that kept a command instead.
    """
    if config.kind not in WORK or not config.request:
        raise LabError(f"This job ({config.kind}) was started by another version.", "Start a new one.")
    text = json.dumps(update_request(config.kind, config.request))
    return restore(WORK[config.kind].request, text, origin=origin or f"The request of a {config.kind} job")


def run_job(lab: Lab, folder: Path, *, watch: Callable[[JobWriter], AbstractContextManager[Watcher]]) -> dict[str, Any]:
    """Carry out a job in this process and record how it ends.

    Args:
        lab: The lab.
        folder: The job's folder.
        watch: Makes what is told of progress, which writes it down with the given writer.

    Raises:
        LabError: As the work.
        Cancelled: Stopped; the job says so.
    """
    config = read_config(folder)  # Before anything is written: a folder that is no job's stays as it is.
    job = JobWriter(folder)
    try:
        request = read_request(config, origin=str(folder / CONFIG))
        work = WORK[config.kind]
        with job.hold_device(lab.settings), _end_in_time(lab.settings, folder), watch(job) as watcher:
            result = work.run(lab, request, watcher, folder)
    except (Cancelled, KeyboardInterrupt):
        job.end("cancelled", "Stopped; what was finished is kept.")
        raise
    except BaseException as error:
        job.end("failed", str(error) or type(error).__name__)
        raise
    if result.get("outcome", {}).get("cancelled"):
        job.end("cancelled", "Stopped early; the adapter learned so far is kept.", **result)
    else:
        job.end("done", work.done, **result)
    return result


@contextmanager
def _end_in_time(settings: Settings, folder: Path) -> Iterator[None]:
    """Ask a visitor's job to stop once it has had the device for as long as one may."""
    if settings.shared is None:
        yield
        return
    clock = Timer(HOSTED.job_minutes * 60, (folder / CANCEL).touch)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()

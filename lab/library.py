"""The lab's books: the index of each task's documents and examples, kept up to date and kept open."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from core.errors import LabError
from core.settings import Settings
from core.storage import cannot_write, hash_json
from core.tasks.folders import owns
from core.tasks.prompting import PASSAGE_TOKENS
from core.tasks.task import Task
from core.values import Document, OnStage, Retriever
from lab.index_seconds import keep_seconds


@dataclass
class _Open:
    """An index that is open, and the retrievers over it, for as long as `stamp` is what its folder says."""

    stamp: str
    index: Any
    retrievers: dict[str, Retriever] = field(default_factory=dict)


class Library:
    """Indexes and retrievers on one machine. Any number of threads may search.

    Args:
        settings: Where indexes and added documents are kept.
        load_embedder: Returns the embedder, loading it at the first call.
        host: Where these are a visitor's: the library of whoever runs the page, whose indexes are only read.
    """

    def __init__(self, settings: Settings, load_embedder: Callable[[], Any], *, host: Library | None = None) -> None:
        self._settings, self._load_embedder, self._host = settings, load_embedder, host
        self._open: dict[Path, _Open] = {}
        self._lock = RLock()

    def index_folder(self, task: Task) -> Path:
        """Return where a task's index is kept: one's own, else the one that is offered to every visitor."""
        own = self._own_index(task)
        offered = own if _is_made(own) else self._find_offered(task)
        return offered or own

    def has_index(self, task: Task) -> bool:
        """Whether a task's documents can be searched: an index that was begun and never made does not count."""
        return _is_made(self.index_folder(task))

    def _own_index(self, task: Task) -> Path:
        return self._settings.folder("indexes") / task.name

    def _find_offered(self, task: Task) -> Path | None:
        """Return the index that whoever runs the page made of a task of theirs; None where there is none."""
        if self._host is None or owns(self._settings, task.folder):
            return None
        return folder if _is_made(folder := self._host._own_index(task)) else None

    def added_folder(self, task: Task) -> Path:
        """Return where documents that a person adds go: beside a task of their own, never into a bundled one."""
        if owns(self._settings, task.folder):
            return task.documents_folder
        return self._settings.folder("documents") / task.name

    def _list_folders(self, task: Task) -> list[Path]:
        """Return the folders that a task's documents lie in, those that came with it first."""
        offered = [] if self._host is None or owns(self._settings, task.folder) else [self._host.added_folder(task)]
        return list(dict.fromkeys([task.documents_folder, *offered, self.added_folder(task)]))

    def list_files(self, task: Task, versions: Mapping[str, Any]) -> list[Any]:
        """Return the files that a task's index is made of; an added one goes before a bundled one of the same name.

        Args:
            task: The task.
            versions: What is in the index now: what is indexed already keeps its id.
        """
        from retrieval.documents import list_files

        folders = self._list_folders(task)
        former_ids = {version.origin: document_id for document_id, version in versions.items()}
        files = list_files(*(folder for folder in folders if folder.is_dir()), former_ids=former_ids)
        return sorted(files, key=lambda file: str(file.id))

    def choose_own(self, task: Task, files: Iterable[Any]) -> dict[str, Any]:
        """Return those of a task's files that a person added, by id: what may be deleted."""
        folder = self.added_folder(task)
        return {file.id: file for file in files if file.path.is_relative_to(folder)}

    def update(
        self, task: Task, *, add: Sequence[Path] = (), rebuild: bool = False, notify: OnStage = lambda stage, step, total: None
    ) -> dict[str, Any]:
        """Bring a task's index up to date with its documents.

        Args:
            task: The task.
            add: Files and folders to copy to its documents first.
            rebuild: Parse, cut and embed everything anew.
            notify: Told of progress; may raise to cancel.

        Returns:
            The fields of `retrieval.index.update.Report` and the task's name.

        Raises:
            LabError: There are no documents, or none can be read; each is named.
        """
        from retrieval.documents import list_passed_over
        from retrieval.index.update import from_files, hold_base

        left_out = self.add(task, add) if add else []
        if not self.has_index(task) and not self.list_files(task, {}):
            raise LabError(f"The task {task.name} has no documents.", f"Put files into {self.added_folder(task)}.")
        offered = None if _is_made(self._own_index(task)) else self._find_offered(task)
        if offered is not None:  # Its passages need not be embedded again.
            _copy_index(offered, self._own_index(task))
        with hold_base(self._own_index(task), lambda step, total: notify("index", step, total)) as base:
            sources = from_files(self.list_files(task, base.documents))
            result = self._sync(task, base, sources, rebuild=rebuild, notify=notify)
        left_out += list_passed_over(*self._list_folders(task))
        result["problems"] += [asdict(problem) for problem in left_out]
        return result

    def remove(self, task: Task, identities: Collection[str]) -> None:
        """Delete documents that a person added: out of the index first, so that no search finds them any more, then the files.

        Nothing else of the index is brought up to date, so this takes seconds however much waits to be indexed. No
        version before is kept, and nobody else changes the index meanwhile: the text is nowhere afterwards.

        Raises:
            LabError: One of them is not the person's own, or the index was made with another embedder.
        """
        from retrieval.index.update import Sources, hold_base

        with hold_base(self._own_index(task)) as base:
            own = self.choose_own(task, self.list_files(task, base.documents))
            if strange := sorted(set(identities) - own.keys()):
                raise LabError(f"{', '.join(strange)} cannot be deleted.", "Only documents that were added can be.")
            kept = {identity: version for identity, version in base.documents.items() if identity not in identities}
            if len(kept) < len(base.documents):
                index = self.find_index(task)
                if index is not None and index.stale:
                    raise LabError(" ".join(index.notes), "Bring it up to date first, then delete.")
                self._sync(task, base, Sources(kept, lambda ids: []), purge=True)
            for identity in identities:
                _delete(own[identity].path)

    def add(self, task: Task, paths: Sequence[Path]) -> list[Any]:
        """Copy documents to where a task's own are read; returns what could not be read and was left out.

        A folder's files keep their places below it. A file of the same name is replaced.

        Raises:
            LabError: A path leads nowhere, two files would get one name, or none can be read; each is named.
        """
        from retrieval.documents import Problem, list_files, list_passed_over, parse_files

        files: dict[str, Any] = {}
        passed_over = list_passed_over(*(path.expanduser() for path in paths))
        for path in paths:
            for file in list_files(path.expanduser()):
                if file.name in files and not filecmp.cmp(files[file.name].path, file.path, shallow=False):
                    raise LabError(f"{files[file.name].path} and {file.path} would both be {file.name}.", "Rename one of them.")
                files[file.name] = file
        if not files:
            raise LabError(f"There is no document in {', '.join(map(str, paths))}.", "Give files or folders of documents.")
        results = list(parse_files(list(files.values())))
        problems = [result for result in results if isinstance(result, Problem)]
        readable = {result.origin for result in results if isinstance(result, Document)}
        if not readable:
            listed = " ".join(f"{problem.path}: {problem.reason}" for problem in problems)
            raise LabError(f"None of the documents can be read. {listed}", "Nothing was added.")
        _copy(((files[name].path, name) for name in sorted(readable)), self.added_folder(task))
        return [*(problem for problem in problems if problem.path not in readable), *passed_over]

    def load_retriever(self, task: Task, *, mode: str = "hybrid") -> Retriever:
        """Return a retriever over the present state of a task's index.

        Raises:
            LabError: There is no index, or it is damaged beyond repair; the command that makes one is named.
        """
        return self._retrieve(self.index_folder(task), task.name, mode)

    def load_index(self, task: Task) -> Any:
        """Return the present state of a task's index; its `notes` are for people to read.

        Raises:
            LabError: As `load_retriever`.
        """
        folder = self.index_folder(task)
        keeper = self._find_keeper(folder)
        with keeper._lock:
            return keeper._look(folder, task.name).index

    def find_index(self, task: Task) -> Any | None:
        """Return the present state of a task's index, None where there is none or nothing of it can be used."""
        try:
            return self.load_index(task)
        except LabError:
            return None

    def load_examples(self, task: Task) -> Retriever:
        """Return a search over the inputs of the training examples, embedding new ones first.

        Raises:
            LabError: There are no training examples.
        """
        if not task.train:
            raise LabError(f"The task {task.name} has no training examples.", f"Fill {task.folder / 'train.jsonl'}.")
        if self._host is not None and not owns(self._settings, task.folder):
            return self._host.load_examples(task)  # They are the same for every visitor, and nobody's own.
        documents = [Document(example.id, "", example.input) for example in task.train]
        return self.search_documents(f"{task.name}.examples", documents, mode="hybrid")

    def search_documents(
        self, name: str, documents: Iterable[Document], *, mode: str, notify: OnStage = lambda stage, step, total: None
    ) -> Retriever:
        """Return a search over documents that are no files, in passages as long as the embedder sees.

        Raises:
            LabError: None of them has any text.
        """
        from retrieval.index.update import UpdateOptions, from_documents, update_index

        embedder, folder = self._load_embedder(), self._settings.folder("indexes") / name
        update_index(
            folder,
            from_documents(documents),
            embedder,
            UpdateOptions(passage_tokens=embedder.fingerprint.max_tokens),
            on_progress=lambda step, total: notify("index", step, total),
        )
        return self._retrieve(folder, name, mode)

    @contextmanager
    def open_copy(
        self, task: Task, *, passage_tokens: int, notify: OnStage = lambda stage, step, total: None
    ) -> Iterator[Retriever]:
        """Yield a search over a task's documents in passages of another length; its index is removed afterwards.

        Raises:
            LabError: There are no documents, or none can be read.
        """
        from retrieval.index.update import UpdateOptions, from_files, update_index

        name = f"{task.name}.tuning-{passage_tokens}"  # No task's name has a dot, so no task's index is this one.
        folder = self._settings.folder("indexes") / name
        options = UpdateOptions(passage_tokens=passage_tokens)
        try:
            files = from_files(self.list_files(task, {}))
            update_index(
                folder, files, self._load_embedder(), options, on_progress=lambda step, total: notify("index", step, total)
            )
            yield self._retrieve(folder, name, "hybrid")
        finally:
            with self._lock:
                self._open.pop(folder, None)
            shutil.rmtree(folder, ignore_errors=True)

    def _sync(
        self, task: Task, base: Any, sources: Any, *, rebuild: bool = False, purge: bool = False,
        notify: OnStage = lambda stage, step, total: None,
    ) -> dict[str, Any]:  # fmt: skip
        """Make a task's index that is held hold exactly the sources; returns the report's fields and the task's name.

        When to say "nothing relevant found" is set by the training questions; test questions must not set it.
        """
        from retrieval.evidence.abstention import calibrate
        from retrieval.index.builder import Calibration
        from retrieval.index.update import UpdateOptions, update_base
        from retrieval.index.versions import read_stamp
        from retrieval.readers.text import clean_text

        embedder, folder = self._load_embedder(), self._own_index(task)
        before = read_stamp(folder)
        questions = [
            (clean_text(item.input), sorted({e.document for e in item.evidence})) for item in task.train if item.evidence
        ]
        report = update_base(
            folder,
            base,
            sources,
            embedder,
            UpdateOptions(
                passage_tokens=task.passage_tokens or PASSAGE_TOKENS,
                rebuild=rebuild,
                purge=purge,
                calibrate=Calibration(lambda index: calibrate(index, embedder, questions=questions), hash_json(questions)),
            ),
            on_progress=lambda step, total: notify("index", step, total),
        )
        keep_seconds(folder, before=before, after=read_stamp(folder), seconds=report.seconds, whole=rebuild)
        return {"task": task.name, **report.as_json()}

    def _retrieve(self, folder: Path, name: str, mode: str) -> Retriever:
        from retrieval.search.hybrid import HybridRetriever

        keeper = self._find_keeper(folder)
        with keeper._lock:
            opened = keeper._look(folder, name)
            if mode not in opened.retrievers:
                opened.retrievers[mode] = HybridRetriever(opened.index, self._load_embedder(), mode=mode)
            return opened.retrievers[mode]

    def _find_keeper(self, folder: Path) -> Library:
        """Return the library that keeps an index open: one that is offered to all visitors is open once."""
        return self if self._host is None or folder.is_relative_to(self._settings.home) else self._host

    def _look(self, folder: Path, name: str) -> _Open:
        """Return the open index of a folder; one that was changed since is opened anew, the old one forgotten."""
        from retrieval.index.index import open_index
        from retrieval.index.versions import read_stamp

        stamp = read_stamp(folder)
        opened = self._open.get(folder)
        if opened is None or opened.stamp != stamp or not stamp:
            self._open.pop(folder, None)
            if not folder.is_dir():  # Said before the embedder is loaded, which takes seconds.
                raise LabError(f"There is no index of {name}.", f"Build it: `ragft index {name}`.")
            opened = self._open[folder] = _Open(stamp, open_index(folder, self._load_embedder().fingerprint, task=name))
        return opened


def _is_made(folder: Path) -> bool:
    """Whether a folder holds an index: one that is being made for the first time, or never was, points nowhere."""
    from retrieval.index.versions import read_stamp

    return bool(read_stamp(folder))


def _copy_index(source: Path, target: Path) -> None:
    """Copy an index without what its writer holds at the moment.

    Raises:
        LabError: The disk refuses, or the index was changed meanwhile.
    """
    try:
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "*.lock"))
    except OSError as error:  # `shutil.Error` is one too.
        shutil.rmtree(target, ignore_errors=True)
        raise cannot_write(target, error) from error


def _delete(path: Path) -> None:
    """Delete a file.

    Raises:
        LabError: The disk refuses.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise LabError(f"{path.name} cannot be deleted: {error.strerror or error}.", "Delete it by hand.") from error


def _copy(files: Iterable[tuple[Path, str]], target: Path) -> None:
    """Copy files to their names below a folder, each whole or not at all.

    Raises:
        LabError: The disk refuses.
    """
    for source, name in files:
        place = target / name
        if place.exists() and place.samefile(source):
            continue
        temporary = place.with_name(f".{place.name}.new")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, temporary)
            temporary.replace(place)
        except OSError as error:
            raise cannot_write(place, error) from error
        finally:
            temporary.unlink(missing_ok=True)

"""Bringing an index up to date with its documents: what is unchanged is neither parsed nor embedded again.

The new state is written as a version of its own and made current at the end, so whoever interrupts, cancels
or kills an update leaves the old state, and readers see the old or the new one, never a mixture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.storage import hash_json
from core.tasks.prompting import PASSAGE_TOKENS
from core.values import Document, OnProgress
from retrieval.documents import Problem, SourceFile, parse_files
from retrieval.embedding.cache import CACHE
from retrieval.embedding.embedder import Embedder
from retrieval.index.builder import Base, Builder, Built, Calibration, describe_settings, find_base, watch
from retrieval.index.index import Index, open_index
from retrieval.index.passage_store import DocumentVersion
from retrieval.index.versions import clear, hold_index
from retrieval.readers.registry import READERS
from retrieval.readers.text import SURROGATE

STAYS = "Its earlier version stays in the index."


@dataclass(frozen=True)
class Sources:
    """What an index is to hold.

    Args:
        versions: The version of each document, by id.
        read: Gives the documents of these ids; what cannot be read is a problem instead.
    """

    versions: Mapping[str, DocumentVersion]
    read: Callable[[Sequence[str]], Iterable[Document | Problem]]


@dataclass(frozen=True)
class UpdateOptions:
    """How an index is brought up to date.

    Args:
        passage_tokens: The longest passage in the embedder's tokens, and never more than it sees.
        rebuild: Parse, cut and embed everything anew.
        purge: Keep no version before the new one, so that deleted text is nowhere on the disk.
        calibrate: Judges the finished index; what it returns is stored with it.
    """

    passage_tokens: int = PASSAGE_TOKENS
    rebuild: bool = False
    purge: bool = False
    calibrate: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What an update did. The counts are of documents; `skipped` ones stayed as they were, unchanged or unreadable now.

    `chunks_per_second` is the passages that were embedded, by the seconds that took; 0 when none was.
    `generation` names the version of the index that answers now; `notes` says which damage was found and mended.
    """

    generation: str
    built: bool
    added: int
    updated: int
    skipped: int
    deleted: int
    problems: tuple[Problem, ...]
    documents: int
    passages: int
    embedded: int
    seconds: float
    chunks_per_second: float
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "problems": [asdict(problem) for problem in self.problems], "notes": list(self.notes)}


@dataclass(frozen=True)
class _Plan:
    """What an update changes: `gone` leaves the store, `fresh` comes in; afterwards there are so many `documents`."""

    gone: frozenset[str]
    fresh: Mapping[str, Document]
    documents: int
    problems: tuple[Problem, ...]
    counts: Mapping[str, int]


def from_files(files: Iterable[SourceFile]) -> Sources:
    """Take documents from files: the bytes' sha256 tells their versions apart, so unchanged files are not parsed."""
    by_id = {file.id: file for file in files}
    versions = {file.id: DocumentVersion(file.sha256, file.name) for file in by_id.values()}
    return Sources(versions, lambda ids: parse_files([by_id[document_id] for document_id in ids]))


def from_documents(documents: Iterable[Document]) -> Sources:
    """Take documents as they are, but for halves of surrogate pairs. A hash of title, text and pages is their version."""
    by_id = {document.id: _mend(document) for document in documents}
    versions = {d.id: DocumentVersion(hash_json([d.title, d.text, d.pages]), d.origin) for d in by_id.values()}
    return Sources(versions, lambda ids: [by_id[document_id] for document_id in ids])


def _mend(document: Document) -> Document:
    """Replace what no file in UTF-8 may hold, one character by one: offsets stay."""
    title, text = (SURROGATE.sub("\ufffd", part) for part in (document.title, document.text))
    return replace(document, title=title, text=text)


def index_documents(
    folder: Path, documents: Iterable[Document], embedder: Embedder, *, task: str, passage_tokens: int = PASSAGE_TOKENS,
    on_progress: OnProgress = lambda step, total: None,
) -> Index:  # fmt: skip
    """Bring an index up to date with documents and open it."""
    options = UpdateOptions(passage_tokens=passage_tokens)
    update_index(folder, from_documents(documents), embedder, options, on_progress)
    return open_index(folder, embedder.fingerprint, task=task)


@contextmanager
def hold_base(folder: Path, on_progress: OnProgress = lambda step, total: None) -> Iterator[Base]:
    """Be the one writer of an index and yield its present state, for `update_base`; a second writer waits.

    What is to change must be found out in here: before, another writer may change it.

    Raises:
        LabError: The folder cannot be written.
    """
    with hold_index(folder, lambda: on_progress(0, 0)), closing(find_base(folder)) as base:
        yield base


def update_index(
    folder: Path,
    sources: Sources,
    embedder: Embedder,
    options: UpdateOptions = UpdateOptions(),
    on_progress: OnProgress = lambda step, total: None,
) -> Report:
    """Make an index hold exactly the sources; see `update_base`. One writer at a time; a second one waits."""
    with hold_base(folder, on_progress) as base:
        return update_base(folder, base, sources, embedder, options, on_progress)


def update_base(
    folder: Path,
    base: Base,
    sources: Sources,
    embedder: Embedder,
    options: UpdateOptions = UpdateOptions(),
    on_progress: OnProgress = lambda step, total: None,
) -> Report:
    """Make an index that `hold_base` holds have exactly the sources.

    Documents whose version is known are skipped, others are added or replaced, absent ones deleted from every
    store. One that cannot be read now keeps the version that was read before. Where nothing changed, nothing is
    written. Without any source the index is emptied.

    Args:
        folder: The index.
        base: Its present state.
        sources: All documents that it is to hold.
        embedder: Makes the vectors; another one than before embeds everything anew.
        options: How.
        on_progress: Told (passages embedded, passages to embed), (0, 0) before that is known; may raise to cancel.

    Raises:
        LabError: No source can be read and the index holds none (each is named), or the disk refuses.
    """
    began = time.perf_counter()
    settings = describe_settings(embedder.fingerprint, options.passage_tokens)
    recut = not base.info.is_made_like(settings)
    plan = _make_plan(sources, base, rebuild=options.rebuild, recut=recut, on_progress=on_progress)
    unchanged = not (options.rebuild or plan.gone or plan.fresh)
    if unchanged and base.is_current(settings, options.calibrate):
        return _report(plan, base.name, base.passages, began)
    if plan.documents == 0:
        return _empty(folder, base, plan, began)
    builder = Builder(folder, base, embedder, settings, on_progress)
    if options.rebuild:
        builder.forget_vectors()
    versions = {document_id: sources.versions[document_id] for document_id in plan.fresh}
    built = builder.build(plan.gone, plan.fresh, versions, recut=recut, calibrate=options.calibrate, purge=options.purge)
    return _report(plan, built.name, built.passages, began, built=built, damaged=base.damaged)


def _make_plan(sources: Sources, base: Base, *, rebuild: bool, recut: bool, on_progress: OnProgress) -> _Plan:
    old = base.documents
    changed = [i for i, version in sources.versions.items() if rebuild or old.get(i) != version]
    fresh: dict[str, Document] = {}
    problems = []
    for result in watch(sources.read(changed) if changed else [], on_progress):
        if isinstance(result, Document):
            fresh[result.id] = result
        else:
            problems.append(result)
    unread = old.keys() & (set(changed) - fresh.keys())  # Half written, no permission, no disk: it may come back.
    unread_names = {sources.versions[document_id].origin for document_id in unread}
    problems = [replace(p, reason=f"{p.reason} {STAYS}") if p.path in unread_names else p for p in problems]
    kept = (old.keys() & sources.versions.keys()) - set(changed) | unread
    replaced = fresh.keys() & old.keys()
    lost = old.keys() - kept - replaced
    counts = {
        "added": len(fresh) - len(replaced),
        "updated": len(replaced) + (len(kept) if recut else 0),
        "skipped": 0 if recut else len(kept),
        "deleted": len(lost),
    }
    # Where the version before had to be taken, its store still holds what was deleted since: that goes now.
    return _Plan(frozenset(lost | replaced | base.removed), fresh, len(fresh) + len(kept), tuple(problems), counts)


def _empty(folder: Path, base: Base, plan: _Plan, began: float) -> Report:
    """Take the last document out of an index.

    Raises:
        LabError: It has none. Sources that cannot be read are named.
    """
    if base.documents:
        clear(folder)  # First: whoever is killed in between leaves an empty index beside vectors that nothing reads.
        (folder / CACHE).unlink(missing_ok=True)
        return _report(plan, "", 0, began)
    if plan.problems:
        listed = " ".join(f"{problem.path}: {problem.reason}" for problem in plan.problems)
        raise LabError(f"None of the documents can be read. {listed}", "Mend them, or add others.")
    raise LabError("There is no document to index.", f"Put files there: {', '.join(sorted(READERS))}.")


def _report(
    plan: _Plan, generation: str, passages: int, began: float, *, built: Built | None = None, damaged: Sequence[str] = ()
) -> Report:
    return Report(
        generation=generation,
        built=built is not None,
        **plan.counts,
        problems=plan.problems,
        documents=plan.documents,
        passages=passages,
        embedded=built.embedded if built else 0,
        seconds=time.perf_counter() - began,
        chunks_per_second=built.embedded / built.embedding_seconds if built and built.embedded else 0.0,
        notes=(f"The index was damaged ({', '.join(damaged)}); it was written anew.",) if damaged else (),
    )
